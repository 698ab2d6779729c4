//! Any sequence of registrations, data, closes and wake-ups, on every poller
//! of Linux, against a model.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::{Event, Interest, Trigger, epoll, portable};
use super::{DEADLINE, EpollInMilliseconds, Subject};

#[path = "../../../tests/models/descriptors.rs"]
mod descriptors;
#[path = "../../../tests/models/seeded.rs"]
mod seeded;

use descriptors::Descriptors;

#[derive(Clone, Debug)]
enum Step {
    Descriptor(descriptors::Step),
    Wake,
    /// So many waits, with room for so many events in each, as it takes to
    /// hear of everything. The first may block if there is something to hear.
    Sweep {
        room: usize,
        may_block: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => descriptors::step().prop_map(Step::Descriptor),
        1 => Just(Step::Wake),
        4 => (1..20usize, any::<bool>())
            .prop_map(|(room, may_block)| Step::Sweep { room, may_block }),
    ]
}

struct Registry<'a, P>(&'a P);

impl<P: Subject> descriptors::Registry for Registry<'_, P> {
    fn add(&self, fd: BorrowedFd<'_>, token: u64, i: Interest, t: Trigger) -> io::Result<()> {
        self.0.add(fd, token, i, t)
    }

    fn modify(&self, fd: BorrowedFd<'_>, token: u64, i: Interest, t: Trigger) -> io::Result<()> {
        self.0.modify(fd, token, i, t)
    }

    fn remove(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.0.remove(fd)
    }
}

fn check<P: Subject>(steps: &[Step]) {
    let poller = P::create();
    let mut model = Descriptors::new(P::TELLS_HALF_CLOSE);
    let mut is_woken = false;
    for step in steps {
        match step {
            Step::Descriptor(step) => model.apply(&Registry(&poller), step),
            Step::Wake => {
                poller.waker()();
                is_woken = true;
            }
            Step::Sweep { room, may_block } => {
                let blocks = *may_block && (is_woken || model.is_due());
                sweep(&poller, &mut model, *room, blocks);
                is_woken = false;
            }
        }
    }
}

fn sweep<P: Subject>(poller: &P, model: &mut Descriptors, room: usize, blocks: bool) {
    // A wake-up takes the room of an event.
    let waits = (model.most_events() + 1).div_ceil(room);
    for number in 0..waits {
        let timeout = if number == 0 && blocks { DEADLINE } else { Duration::ZERO };
        let start = Instant::now();
        let events = poller.wait_with_room(room, Some(timeout)).expect("no signal comes");
        assert!(events.len() <= room);
        assert!(timeout.is_zero() || start.elapsed() < timeout, "the wait slept on");
        model.check(&events);
    }
    model.check_complete();
}

macro_rules! on_every_poller_of_linux {
    ($($name:ident: $poller:ty),+ $(,)?) => {
        proptest! {
            #![proptest_config(seeded::cases(256, "tests/regressions/poller_against_model.txt"))]
            $(
                #[test]
                #[cfg_attr(miri, ignore = "needs the real system calls")]
                fn $name(steps in prop::collection::vec(step(), 0..120)) {
                    check::<$poller>(&steps);
                }
            )+
        }
    };
}

on_every_poller_of_linux!(
    epoll_reports_what_the_model_does: epoll::Poller,
    epoll_in_milliseconds_reports_what_the_model_does: EpollInMilliseconds,
    portable_reports_what_the_model_does: portable::Poller,
);
