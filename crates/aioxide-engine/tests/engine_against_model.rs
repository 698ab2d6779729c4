//! A whole `Engine` against a model: timers, descriptors, wake-ups, items from
//! other threads and from a blocking pool, iterations, and a close at any moment.
//!
//! What the loop's own thread does has one right order, and the model knows it.
//! What other threads send arrives when it likes: its place is left open, and
//! all that is asked is that each item comes once, those of one sender in
//! order, or goes back to its sender when the engine is closed by then.
//!
//! The clock is virtual. Waits that the model knows must end are made without
//! a timeout short enough to hide a lost wake-up.

#![cfg(any(target_os = "linux", target_os = "android"))]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use aioxide_engine::{
    BlockingPool, Cancellable, Clock, Engine, Event, Events, Inbox, Interest, Poller, Trigger, Wait,
};
use proptest::prelude::*;

#[path = "models/descriptors.rs"]
mod descriptors;
#[path = "models/seeded.rs"]
mod seeded;

use descriptors::Descriptors;

/// For what must come; only a lost wake-up takes as long.
const DEADLINE: Duration = Duration::from_secs(20);
const POOL_THREADS: usize = 2;

#[derive(Clone, Debug)]
struct Item {
    id: usize,
    cancelled: Arc<AtomicBool>,
}

impl Cancellable for Item {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// Times are quarters of a second: exact as `f64`, so that deadlines coincide.
#[derive(Clone, Debug)]
enum Step {
    Schedule,
    /// So many timers, so much later.
    ScheduleIn(u8, usize),
    /// Those whose index, out of all that wait, is a multiple of this.
    CancelEvery(usize),
    AdvanceBy(u8),
    /// Another thread sends so many, and has done so when the step is over.
    SendAndJoin(usize),
    /// Another thread begins to send so many.
    StartSender(usize),
    /// The pool is to send so many, one from each job.
    Submit(usize),
    /// From now on the pool's jobs wait, or no longer.
    HoldJobs(bool),
    Wake,
    Descriptor(descriptors::Step),
    /// An iteration in which each item that runs schedules as many others as the
    /// next number says.
    Iteration(Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Schedule),
        5 => (0..12u8, count_of_timers()).prop_map(|(delay, count)| Step::ScheduleIn(delay, count)),
        3 => (1..8usize).prop_map(Step::CancelEvery),
        1 => (0..6u8).prop_map(Step::AdvanceBy),
        1 => (1..4usize).prop_map(Step::SendAndJoin),
        1 => (1..40usize).prop_map(Step::StartSender),
        2 => (1..6usize).prop_map(Step::Submit),
        1 => any::<bool>().prop_map(Step::HoldJobs),
        1 => Just(Step::Wake),
        12 => descriptors::step().prop_map(Step::Descriptor),
        6 => prop::collection::vec(0..4u8, 0..6).prop_map(Step::Iteration),
    ]
}

/// One most often; sometimes as many as it takes for cancelled ones to be
/// swept out.
fn count_of_timers() -> impl Strategy<Value = usize> {
    prop_oneof![5 => Just(1), 1 => 100..200usize]
}

struct Registry<'a>(&'a Poller);

impl descriptors::Registry for Registry<'_> {
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

/// What the loop's own thread has put where.
#[derive(Default)]
struct Model {
    now: f64,
    ready: VecDeque<usize>,
    /// In the order of insertion.
    timers: Vec<(f64, Item)>,
}

impl Model {
    fn next_deadline(&self) -> Option<f64> {
        let live = self.timers.iter().filter(|(_, timer)| !timer.is_cancelled());
        live.map(|(deadline, _)| *deadline).min_by(f64::total_cmp)
    }

    fn wait(&self) -> Wait {
        match self.next_deadline() {
            _ if !self.ready.is_empty() => Wait::Poll,
            None => Wait::Forever,
            Some(deadline) if deadline <= self.now => Wait::Poll,
            Some(deadline) => Wait::Until(Duration::from_secs_f64(deadline - self.now)),
        }
    }

    fn take_due_timers(&mut self) {
        while let Some(deadline) = self.next_deadline().filter(|d| *d <= self.now) {
            let due = |(d, t): &(f64, Item)| *d == deadline && !t.is_cancelled();
            let position = self.timers.iter().position(due).expect("it is there");
            self.ready.push_back(self.timers.remove(position).1.id);
        }
    }
}

/// Keeps the pool's jobs from going on.
#[derive(Default)]
struct Gate {
    is_shut: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, is_shut: bool) {
        *self.is_shut.lock().unwrap() = is_shut;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let guard = self.is_shut.lock().unwrap();
        drop(self.changed.wait_while(guard, |is_shut| *is_shut).unwrap());
    }
}

/// What other threads send.
struct Others {
    pool: BlockingPool,
    /// On their way, by sender; those of one sender in order. The pool has
    /// several threads, so that each of its jobs is a sender.
    under_way: BTreeMap<usize, VecDeque<usize>>,
    senders: Vec<JoinHandle<()>>,
    /// How many of those under way are with the pool.
    jobs: usize,
    of_jobs: BTreeSet<usize>,
    gate: Arc<Gate>,
    gate_is_shut: bool,
    /// Came back from a closed inbox.
    refused: Arc<Mutex<Vec<usize>>>,
}

impl Others {
    fn new() -> Self {
        Self {
            pool: BlockingPool::with_std_threads(POOL_THREADS, "model"),
            under_way: BTreeMap::new(),
            senders: Vec::new(),
            jobs: 0,
            of_jobs: BTreeSet::new(),
            gate: Arc::default(),
            gate_is_shut: false,
            refused: Arc::default(),
        }
    }

    fn hold_jobs(&mut self, held: bool) {
        self.gate_is_shut = held;
        self.gate.set(held);
    }

    /// Waits until every thread has sent what it had and is gone.
    fn end(&mut self) {
        self.hold_jobs(false);
        for sender in self.senders.drain(..) {
            sender.join().expect("a sender does nothing that fails");
        }
        let (done, is_done) = mpsc::channel();
        self.pool.shutdown(move || _ = done.send(()));
        is_done.recv_timeout(DEADLINE).expect("the jobs end");
    }

    /// Takes `id` off the list of those on their way, if that is where it is.
    fn has_come(&mut self, id: usize) -> bool {
        let Some((&sender, items)) =
            self.under_way.iter_mut().find(|(_, items)| items.contains(&id))
        else {
            return false;
        };
        assert_eq!(items.pop_front(), Some(id), "the items of one sender keep their order");
        if items.is_empty() {
            self.under_way.remove(&sender);
        }
        self.jobs -= usize::from(self.of_jobs.remove(&id));
        true
    }

    fn is_under_way(&self, id: usize) -> bool {
        self.under_way.values().any(|items| items.contains(&id))
    }

    /// Whether something will come, whatever happens.
    fn will_send(&self) -> bool {
        let all: usize = self.under_way.values().map(VecDeque::len).sum();
        all > if self.gate_is_shut { self.jobs } else { 0 }
    }
}

/// A failed trial must not disturb the next one.
impl Drop for Others {
    fn drop(&mut self) {
        self.end();
    }
}

struct Trial {
    engine: Engine<Item>,
    model: Model,
    descriptors: Descriptors,
    others: Others,
    deferred: Vec<Item>,
    /// Woken since the last wait, not counting the inbox.
    is_woken: bool,
    /// Ids are given out in order.
    next_id: usize,
    /// Those that have run.
    run: Vec<usize>,
}

impl Trial {
    fn new() -> Self {
        Self {
            engine: Engine::new(Clock::virtual_from(0.0)).expect("descriptors are left"),
            model: Model::default(),
            descriptors: Descriptors::new(true),
            others: Others::new(),
            deferred: Vec::new(),
            is_woken: false,
            next_id: 0,
            run: Vec::new(),
        }
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Schedule => self.schedule(),
            Step::ScheduleIn(delay, count) => {
                let deadline = self.engine.clock().now() + quarters(*delay);
                for _ in 0..*count {
                    let item = self.item();
                    self.model.timers.push((deadline, item.clone()));
                    self.engine.schedule_at(deadline, item);
                }
            }
            Step::CancelEvery(stride) => self.cancel_every(*stride),
            Step::AdvanceBy(delay) => {
                self.model.now += quarters(*delay);
                self.engine.clock().advance_to(self.model.now);
            }
            Step::SendAndJoin(count) => {
                self.start_sender(*count);
                self.others.senders.pop().expect("just started").join().unwrap();
            }
            Step::StartSender(count) => self.start_sender(*count),
            Step::Submit(count) => (0..*count).for_each(|_| self.submit()),
            Step::HoldJobs(held) => self.others.hold_jobs(*held),
            Step::Wake => {
                self.engine.poller().waker().wake();
                self.is_woken = true;
            }
            Step::Descriptor(step) => {
                self.descriptors.apply(&Registry(self.engine.poller()), step);
            }
            Step::Iteration(children) => self.iteration(children),
        }
        assert_eq!(self.engine.clock().now(), self.model.now);
    }

    fn item(&mut self) -> Item {
        let id = self.next_id;
        self.next_id += 1;
        Item { id, cancelled: Arc::default() }
    }

    fn schedule(&mut self) {
        let item = self.item();
        self.model.ready.push_back(item.id);
        self.engine.schedule(item);
    }

    fn cancel_every(&mut self, stride: usize) {
        for (_, timer) in self.model.timers.iter().step_by(stride) {
            if !timer.cancelled.swap(true, Ordering::Relaxed) {
                self.deferred.extend(self.engine.timers().note_cancelled());
            }
        }
    }

    fn start_sender(&mut self, count: usize) {
        let items: Vec<_> = (0..count).map(|_| self.item()).collect();
        let ids = items.iter().map(|item| item.id).collect();
        self.others.under_way.insert(items[0].id, ids);
        let inbox = Arc::clone(self.engine.inbox());
        let refused = Arc::clone(&self.others.refused);
        self.others.senders.push(thread::spawn(move || {
            for item in items {
                send(&inbox, item, &refused);
            }
        }));
    }

    fn submit(&mut self) {
        let item = self.item();
        self.others.under_way.insert(item.id, VecDeque::from([item.id]));
        self.others.of_jobs.insert(item.id);
        self.others.jobs += 1;
        let inbox = Arc::clone(self.engine.inbox());
        let refused = Arc::clone(&self.others.refused);
        let gate = Arc::clone(&self.others.gate);
        let job = move || {
            gate.pass();
            send(&inbox, item, &refused);
        };
        self.others.pool.submit(Box::new(job)).expect("threads are left");
        assert!(self.others.pool.threads() <= POOL_THREADS);
    }

    fn iteration(&mut self, children: &[u8]) {
        let wait = self.engine.prepare(&mut self.deferred);
        let expected = self.model.wait();
        // Those from elsewhere that are ready by now.
        let arrived = self.arrived();
        assert_eq!(wait, if arrived.is_empty() { expected } else { Wait::Poll });

        self.wait(wait);
        if let Wait::Until(_) = wait {
            self.skip_to_next_deadline();
        }

        let count = self.engine.collect(&mut self.deferred);
        self.model.take_due_timers();
        assert_eq!(count, self.engine.ready_len());
        self.arrived();
        let mut children = children.iter();
        for _ in 0..count {
            let item = self.engine.next_ready().expect("as many as promised");
            self.run.push(item.id);
            if !self.others.has_come(item.id) {
                assert_eq!(Some(item.id), self.model.ready.pop_front());
            }
            for _ in 0..*children.next().unwrap_or(&0) {
                self.schedule();
            }
        }
    }

    /// Step 2 of an iteration. It blocks where it may, if the model knows that
    /// something is there to end it.
    fn wait(&mut self, wait: Wait) {
        let must_end = self.is_woken || self.descriptors.is_due() || self.others.will_send();
        let timeout = match wait {
            Wait::Forever if must_end => DEADLINE,
            _ => Duration::ZERO,
        };
        // A wake-up takes the room of an event.
        let mut events = Events::with_capacity(self.descriptors.most_events() + 1);
        let start = Instant::now();
        self.engine.poller().wait(&mut events, Some(timeout)).expect("no signal comes");
        assert!(timeout.is_zero() || start.elapsed() < timeout, "nothing ended the wait");
        self.is_woken = false;
        let events: Vec<Event> = events.iter().collect();
        self.descriptors.check(&events);
        self.descriptors.check_complete();
        for _ in events {
            self.schedule();
        }
    }

    fn skip_to_next_deadline(&mut self) {
        self.engine.skip_to_next_deadline(&mut self.deferred);
        let now = self.engine.clock().now();
        let next = self.model.next_deadline().unwrap_or(self.model.now);
        if now == self.model.now {
            // An item that came meanwhile is to run before time passes.
            let may_stay =
                !self.model.ready.is_empty() || !self.others.under_way.is_empty() || next == now;
            assert!(may_stay, "the clock stands still at {now}, {next} is next");
        } else {
            assert!(self.model.ready.is_empty());
            assert_eq!(now, next);
            self.model.now = now;
        }
    }

    /// Those of other threads in the ready queue, in which all else must be as
    /// the model has it.
    fn arrived(&self) -> Vec<usize> {
        let ids = self.engine.ready().map(|item| item.id);
        let (arrived, own): (Vec<_>, Vec<_>) = ids.partition(|id| self.others.is_under_way(*id));
        assert!(own.iter().eq(&self.model.ready), "{own:?}, not {:?}", self.model.ready);
        arrived
    }

    /// Runs iterations until nothing is under way and nothing is left to do.
    fn settle(&mut self) {
        self.others.hold_jobs(false);
        // A descriptor that stays ready keeps the clock from moving by itself.
        let last = self.model.timers.iter().map(|(deadline, _)| *deadline);
        self.model.now = last.fold(self.model.now, f64::max);
        self.engine.clock().advance_to(self.model.now);
        while self.others.will_send() || self.engine.has_work() {
            self.iteration(&[]);
        }
        assert!(self.model.ready.is_empty());
        assert!(self.model.timers.iter().all(|(_, timer)| timer.is_cancelled()));
    }

    /// Closes the engine wherever it is, and accounts for every item.
    fn close(mut self) {
        let left = self.engine.close();
        // What is pushed from now on is returned.
        self.others.end();
        let late = self.item();
        assert_eq!(self.engine.inbox().push(late.clone()).unwrap_err().id, late.id);
        assert!(!self.engine.has_work());

        let mut all: Vec<usize> = self.run;
        all.extend(left.iter().map(|item| item.id));
        all.extend(self.deferred.iter().map(|item| item.id));
        all.extend(self.others.refused.lock().unwrap().iter());
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..late.id), "each item is taken out once: {all:?}");
        // What was called off never ran.
        assert!(self.deferred.iter().all(Item::is_cancelled));
    }
}

fn send(inbox: &Inbox<Item>, item: Item, refused: &Mutex<Vec<usize>>) {
    if let Err(item) = inbox.push(item) {
        refused.lock().unwrap().push(item.id);
    }
}

fn quarters(count: u8) -> f64 {
    f64::from(count) / 4.0
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc is mounted").count()
}

fn check(steps: &[Step], settles: bool) {
    let before = open_descriptors();
    let mut trial = Trial::new();
    for step in steps {
        trial.apply(step);
    }
    if settles {
        trial.settle();
    }
    trial.close();
    // Nothing else runs in this process: a file of its own, with one test.
    assert_eq!(open_descriptors(), before, "descriptors are left open");
}

proptest! {
    #![proptest_config(seeded::cases(256, "tests/regressions/engine_against_model.txt"))]

    #[test]
    #[cfg_attr(miri, ignore = "needs the real system calls")]
    fn an_engine_does_what_the_model_does(
        steps in prop::collection::vec(step(), 0..150),
        settles in any::<bool>(),
    ) {
        check(&steps, settles);
    }
}
