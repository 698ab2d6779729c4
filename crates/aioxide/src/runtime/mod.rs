//! The loop of a thread: what is ready, what waits, and who polls.

mod alarms;
mod close;
mod fork;
mod iteration;
mod main_future;
mod runner;
mod sources;
mod stuck;

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use aioxide_engine::futures::{Arena, Key};
use aioxide_engine::{
    BlockingPool, Cancellable, Clock, Engine, Interleaving, OrderingKeys, VirtualTime,
};

use crate::task::Runnable;

pub(crate) use alarms::AlarmKey;
use alarms::Alarms;
pub use runner::{Interrupted, Runner, run};
use sources::Sources;
pub(crate) use sources::{Direction, Source};

thread_local! {
    /// The loop that runs on this thread.
    static CURRENT: RefCell<Option<Rc<Loop>>> = const { RefCell::new(None) };
}

/// What is ready, or scheduled for later.
pub(crate) enum Item {
    /// Poll a task.
    Poll(Key),
    /// Wake who waits for an alarm.
    Ring(AlarmKey),
}

impl Cancellable for Item {
    fn is_cancelled(&self) -> bool {
        match self {
            Self::Poll(_) => false,
            Self::Ring(alarm) => {
                with_current(|it| !it.alarms.borrow().is_set(*alarm)).unwrap_or(true)
            }
        }
    }
}

/// Any order of an iteration is one that a program has to expect: tasks and alarms make no
/// promise to one another.
fn ordering_keys(_item: &Item) -> OrderingKeys {
    [None, None]
}

/// One loop. It is used on its own thread only, and shared by what runs on it.
///
/// Nothing is borrowed while a task is polled, or a waker or a destructor of a task called: they
/// may do anything with the loop.
pub(crate) struct Loop {
    /// Tells it from every other loop of the process.
    number: u64,
    engine: RefCell<Engine<Item>>,
    tasks: RefCell<Arena<Rc<dyn Runnable>>>,
    alarms: RefCell<Alarms>,
    sources: RefCell<Sources>,
    /// The task that is being polled.
    polled: RefCell<Option<Rc<dyn Runnable>>>,
    /// How many operations that need not wait the task may still do before it yields.
    budget: Cell<u32>,
    /// The number of the task that was spawned last.
    last_task: Cell<u64>,
    pool: OnceCell<BlockingPool>,
    /// Calls in threads and child processes that tasks wait for: something comes from outside.
    outside: Cell<usize>,
    virtual_time: RefCell<Option<VirtualTime>>,
    /// It takes no task any more.
    is_closed: Cell<bool>,
    /// How many forks lie between the first process and the one that has made the loop.
    forks: usize,
}

/// How many operations a task does in one poll at most without having to wait.
const BUDGET: u32 = 128;

/// Threads of the pool at most: asyncio's number.
fn max_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).saturating_add(4).min(32)
}

/// The loop that runs on this thread.
pub(crate) fn current() -> Option<Rc<Loop>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// The same for a closure that runs no foreign code.
pub(crate) fn with_current<R>(use_it: impl FnOnce(&Loop) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.borrow().as_deref().map(use_it)).ok().flatten()
}

/// The loop that runs on this thread, for what cannot be done without one.
///
/// # Panics
///
/// If none runs.
#[track_caller]
pub(crate) fn expect_current(what: &str) -> Rc<Loop> {
    match current() {
        Some(running) => running,
        // Not in a closure, which would be the place that the message names.
        None => no_loop(what),
    }
}

#[cold]
#[track_caller]
pub(crate) fn no_loop(what: &str) -> ! {
    panic!("{what} needs a running loop: call it inside aioxide::run() on the same thread")
}

/// How the loop keeps time and order.
#[derive(Clone, Copy, Default)]
pub(crate) struct Settings {
    /// A virtual clock, and how many real seconds a silent outside is waited for.
    pub virtual_time: Option<f64>,
    /// The seed of the order of each iteration.
    pub seed: Option<u64>,
}

impl Loop {
    pub(crate) fn new(settings: Settings) -> io::Result<Self> {
        fork::watch();
        let clock = match settings.virtual_time {
            Some(_) => Clock::virtual_from(0.0),
            None => Clock::real(),
        };
        let mut engine = Engine::new(clock)?;
        if let Some(seed) = settings.seed {
            engine.interleave(Interleaving::new(seed, ordering_keys));
        }
        let inbox = engine.inbox().clone();
        // A loop that is closed takes nothing any more, and nothing waits there.
        let send = move |key| drop(inbox.push(Item::Poll(key)));
        static LAST: AtomicU64 = AtomicU64::new(0);
        Ok(Self {
            number: LAST.fetch_add(1, Ordering::Relaxed),
            engine: RefCell::new(engine),
            tasks: RefCell::new(Arena::new(send)),
            alarms: RefCell::default(),
            sources: RefCell::default(),
            polled: RefCell::new(None),
            budget: Cell::new(BUDGET),
            last_task: Cell::new(0),
            pool: OnceCell::new(),
            outside: Cell::new(0),
            virtual_time: RefCell::new(settings.virtual_time.map(VirtualTime::with_patience)),
            is_closed: Cell::new(false),
            forks: fork::count(),
        })
    }

    /// Tells it from every other loop of the process.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether this is the child of a fork, and the loop its parent's.
    fn is_inherited(&self) -> bool {
        self.forks != fork::count()
    }

    /// The clock's time, in seconds.
    pub(crate) fn now(&self) -> f64 {
        self.engine.borrow().clock().now()
    }

    /// The number of a new task.
    pub(crate) fn next_task(&self) -> u64 {
        self.last_task.set(self.last_task.get() + 1);
        self.last_task.get()
    }

    /// Keeps a task, which is polled when its turn comes.
    ///
    /// # Panics
    ///
    /// If the loop has 4,194,304 tasks.
    #[track_caller]
    pub(crate) fn insert(&self, task: Rc<dyn Runnable>) {
        if self.is_closed.get() {
            std::mem::forget(task);
            return;
        }
        let inserted = self.tasks.borrow_mut().insert(Rc::clone(&task));
        let Ok(key) = inserted else { panic!("the loop has no room for another task") };
        task.header().set_key(key);
        self.engine.borrow_mut().schedule(Item::Poll(key));
    }

    /// Polls the task once more.
    pub(crate) fn wake(&self, key: Key) {
        let waker = self.tasks.borrow().waker(key);
        waker.wake();
    }

    /// The task that is being polled.
    pub(crate) fn polled(&self) -> Option<Rc<dyn Runnable>> {
        self.polled.borrow().clone()
    }

    /// Every task that has not ended, in no certain order.
    pub(crate) fn all_tasks(&self) -> Vec<Rc<dyn Runnable>> {
        let mut all: Vec<_> = self.tasks.borrow().iter().cloned().collect();
        all.extend(self.polled());
        all
    }

    /// Whether the task may do another operation without waiting. If not, it is polled again in
    /// the next iteration, and must return.
    pub(crate) fn spend(&self, waker: &Waker) -> bool {
        match self.budget.get().checked_sub(1) {
            Some(left) => {
                self.budget.set(left);
                true
            }
            None => {
                waker.wake_by_ref();
                false
            }
        }
    }

    /// The threads for calls that block.
    pub(crate) fn pool(&self) -> &BlockingPool {
        self.pool.get_or_init(|| BlockingPool::with_std_threads(max_threads(), "aioxide"))
    }
}

/// A task waits for something that is certain to come from outside the loop: a virtual clock stands
/// still meanwhile.
pub(crate) struct OutsideWait {
    running: Rc<Loop>,
}

impl OutsideWait {
    pub(crate) fn new(running: Rc<Loop>) -> Self {
        running.outside.set(running.outside.get() + 1);
        Self { running }
    }
}

impl Drop for OutsideWait {
    fn drop(&mut self) {
        self.running.outside.set(self.running.outside.get() - 1);
    }
}
