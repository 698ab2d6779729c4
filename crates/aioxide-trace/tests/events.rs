//! Each function of `Event` and `decode` agree, and so do `to_bytes` and `from_bytes`.

use aioxide_trace::{Event, ItemKind, Kind, ObjectKind, Outcome, WaitKind, WakerKind, What};
use proptest::prelude::*;

const MAX: u64 = Event::MAX_ID;

proptest! {
    #[test]
    fn any_24_bytes_are_an_event_that_is_stored_as_them(bytes: [u8; 24]) {
        let event = Event::from_bytes(&bytes);
        prop_assert_eq!(event.to_bytes(), bytes);
        event.decode();
    }

    #[test]
    fn a_step_is_read_as_it_was_made(
        ticks: u64, task in 0..=MAX, outcome in 0..5_usize, wait in 0..24_usize, waits_for in 0..=MAX,
    ) {
        let (outcome, wait) = (Outcome::ALL[outcome], WaitKind::ALL[wait]);
        let event = Event::step(ticks, task, outcome, wait, waits_for);
        prop_assert_eq!(event.ticks, ticks);
        prop_assert_eq!(event.kind(), Kind::Step);
        prop_assert_eq!(event.id(), task);
        prop_assert_eq!(event.decode(), What::Step { task, outcome, wait, waits_for });
    }

    #[test]
    fn every_other_event_is_read_as_it_was_made(a in 0..=MAX, b in 0..=MAX, c: u32, d: u32) {
        let checks = [
            (Event::iteration(9, a, c, d), What::Iteration { ready: a, timers: c, transports: d }),
            (
                Event::callback(9, c, ItemKind::Timer, b),
                What::Callback { location: c, item: ItemKind::Timer, object: b },
            ),
            (Event::task_created(9, a, b), What::TaskCreated { task: a, parent: b }),
            (
                Event::woken(9, a, WakerKind::Thread, b),
                What::Woken { task: a, waker: WakerKind::Thread, by: b },
            ),
            (Event::cancel_requested(9, a, b), What::CancelRequested { task: a, by: b }),
            (Event::bytes(9, a, c, d), What::Bytes { transport: a, received: c, sent: d }),
            (Event::poll_wait(9, a, c, d), What::PollWait { ready: a, timers: c, transports: d }),
            (Event::mark(9, c), What::Mark { string: c }),
            (
                Event::object_created(9, a, ObjectKind::Queue, d),
                What::ObjectCreated { object: a, kind: ObjectKind::Queue, location: d },
            ),
        ];
        for (event, what) in checks {
            prop_assert_eq!(event.decode(), what);
        }
    }
}

#[test]
fn a_kind_of_a_later_version_is_unknown() {
    let event = Event { ticks: 1, what: 200, detail: 3 };
    assert_eq!(event.kind(), Kind::Unknown);
    assert_eq!(event.decode(), What::Unknown { kind: 200 });
    assert_eq!(WaitKind::from_byte(99), WaitKind::Unknown);
}

#[test]
fn words_and_numbers_name_the_same_value() {
    for (number, kind) in WaitKind::ALL.iter().enumerate() {
        assert_eq!(*kind as usize, number);
        assert_eq!(WaitKind::from_byte(number as u8), *kind);
        assert_eq!(WaitKind::from_word(kind.word()), Some(*kind));
    }
}
