//! Threads for calls that block.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use crate::AdaptiveSpin;

#[cfg(test)]
mod tests;
mod worker;

pub use worker::Worker;

/// A blocking call, which a thread of the pool makes once.
pub type Job = Box<dyn FnOnce() + Send>;

type Spawn = Box<dyn Fn(Worker) -> io::Result<()> + Send + Sync>;

/// A thread pool for blocking calls: first in, first out, with a maximum number
/// of threads. Threads are started when they are needed, and run until shutdown.
///
/// This is a handle: clones share one pool, and dropping the last one shuts the
/// pool down.
///
/// ```
/// use std::sync::mpsc;
/// use aioxide_engine::BlockingPool;
///
/// let pool = BlockingPool::with_std_threads(4, "blocking");
/// let (sender, answer) = mpsc::channel();
/// pool.submit(Box::new(move || sender.send(6 * 7).unwrap()))?;
/// assert_eq!(answer.recv(), Ok(42));
/// # Ok::<(), aioxide_engine::SubmitError>(())
/// ```
#[derive(Clone)]
pub struct BlockingPool {
    owner: Arc<Owner>,
}

/// What the handles share and the workers do not, so that idle workers do not
/// keep a pool alive that has no handle left.
struct Owner {
    shared: Arc<Shared>,
    max_threads: usize,
    spawn: Spawn,
}

struct Shared {
    /// Never held while a job, the spawning function or a callback runs.
    state: Mutex<State>,
    /// Notified once for each job that an idle worker should take, and for all
    /// workers at shutdown.
    work_or_shutdown: Condvar,
    /// Set with each job and at shutdown: a worker spins on this, without the
    /// lock, before it waits.
    has_work: AtomicBool,
}

#[derive(Default)]
struct State {
    queue: VecDeque<QueuedJob>,
    next_job_id: u64,
    /// Workers that exist: starting, idle or busy.
    threads: usize,
    /// How many of `threads` have not begun to run.
    starting: usize,
    /// How many of `threads` wait for a job.
    idle: usize,
    /// Threads that are still in a job but will take the next one in a moment.
    finishing: Vec<ThreadId>,
    /// Whether one of these spins. Only one does at a time, because each
    /// occupies a processor.
    spinning: bool,
    /// Decides whether to spin. Copied out while a worker spins.
    spin: AdaptiveSpin,
    next_index: usize,
    shut_down: bool,
    /// Callbacks for when the last worker has ended.
    on_idle: Vec<Box<dyn FnOnce() + Send>>,
}

struct QueuedJob {
    /// Identifies the job if its thread could not be started.
    id: u64,
    job: Job,
}

impl BlockingPool {
    /// A pool of at most `max_threads` threads. `spawn` starts each of them: it
    /// must start a new thread that calls [`Worker::run`].
    ///
    /// # Panics
    ///
    /// When `max_threads` is 0.
    #[track_caller]
    pub fn new(
        max_threads: usize,
        spawn: impl Fn(Worker) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        assert!(max_threads > 0, "a pool has at least 1 thread, got {max_threads}");
        Self {
            owner: Arc::new(Owner {
                shared: Arc::new(Shared {
                    state: Mutex::default(),
                    work_or_shutdown: Condvar::new(),
                    has_work: AtomicBool::new(false),
                }),
                max_threads,
                spawn: Box::new(spawn),
            }),
        }
    }

    /// A pool of threads of the standard library, named `name_prefix-0`,
    /// `name_prefix-1`, ….
    ///
    /// # Panics
    ///
    /// When `max_threads` is 0.
    #[track_caller]
    pub fn with_std_threads(max_threads: usize, name_prefix: &str) -> Self {
        let name_prefix = name_prefix.to_owned();
        Self::new(max_threads, move |worker| {
            thread::Builder::new()
                .name(format!("{name_prefix}-{}", worker.index()))
                .spawn(move || worker.run(|wait| wait()))
                .map(drop)
        })
    }

    /// Queues `job`. Starts a thread for it only if no idle thread can take it
    /// and fewer than the maximum exist.
    ///
    /// # Errors
    ///
    /// [`ShutDown`](SubmitError::ShutDown) after [`shutdown`](Self::shutdown),
    /// [`Spawn`](SubmitError::Spawn) when no thread could be started and no
    /// running thread will take the job. Both contain the job.
    pub fn submit(&self, job: Job) -> Result<(), SubmitError> {
        let shared = &self.owner.shared;
        let mut state = shared.lock();
        if state.shut_down {
            return Err(SubmitError::ShutDown(job));
        }
        let id = state.next_job_id;
        state.next_job_id += 1;
        state.queue.push_back(QueuedJob { id, job });
        shared.has_work.store(true, Ordering::Release);
        let finishing = state.finishing.len();
        if state.queue.len() <= finishing {
            return Ok(());
        }
        if state.queue.len() <= finishing + state.idle {
            drop(state);
            shared.work_or_shutdown.notify_one();
            return Ok(());
        }
        if state.threads == self.owner.max_threads {
            return Ok(());
        }
        let worker = shared.new_worker(&mut state);
        drop(state);
        match (self.owner.spawn)(worker) {
            Ok(()) => Ok(()),
            Err(error) => shared.take_back(id, error),
        }
    }

    /// For a job that reports its outcome: see [`FinishReporter`].
    pub fn finish_reporter(&self) -> FinishReporter {
        FinishReporter { shared: Arc::clone(&self.owner.shared) }
    }

    /// Accepts no more jobs. Queued jobs still run. When the last worker has
    /// ended, `on_idle` is called on its thread; if no thread exists, it is
    /// called here, at once.
    pub fn shutdown(&self, on_idle: impl FnOnce() + Send + 'static) {
        let shared = &self.owner.shared;
        let mut state = shared.lock();
        state.shut_down = true;
        if state.threads == 0 {
            drop(state);
            on_idle();
            return;
        }
        state.on_idle.push(Box::new(on_idle));
        drop(state);
        shared.wake_all();
    }

    /// The number of threads, idle ones included.
    pub fn threads(&self) -> usize {
        self.owner.shared.lock().threads
    }

    /// The number of jobs that wait for a thread.
    pub fn queued(&self) -> usize {
        self.owner.shared.lock().queue.len()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.lock().shut_down = true;
        self.shared.wake_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No foreign code runs under the lock, so a panic cannot have left the
        // state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After shutdown: wakes all workers.
    fn wake_all(&self) {
        self.has_work.store(true, Ordering::Release);
        self.work_or_shutdown.notify_all();
    }

    fn new_worker(self: &Arc<Self>, state: &mut State) -> Worker {
        let index = state.next_index;
        state.next_index += 1;
        state.threads += 1;
        state.starting += 1;
        Worker { shared: Arc::clone(self), index, has_begun: false }
    }

    /// The thread for job `id` could not be started: takes the job back,
    /// unless another worker has taken it or will take it.
    fn take_back(&self, id: u64, error: io::Error) -> Result<(), SubmitError> {
        let mut state = self.lock();
        if state.threads > state.starting {
            return Ok(());
        }
        let position = state.queue.iter().position(|queued| queued.id == id);
        match position.and_then(|position| state.queue.remove(position)) {
            Some(queued) => Err(SubmitError::Spawn(error, queued.job)),
            None => Ok(()),
        }
    }
}

/// Lets a job report its outcome at a point where its thread already counts as
/// idle: if the receiver submits the next job at once, the same thread, which is
/// awake, takes it.
///
/// Does not keep the pool alive.
#[derive(Clone)]
pub struct FinishReporter {
    shared: Arc<Shared>,
}

impl FinishReporter {
    /// Calls `report`, which must be the last action of a job of this pool. It
    /// must not block: a job that is submitted meanwhile may wait for this thread
    /// although others are idle.
    pub fn report<R>(&self, report: impl FnOnce() -> R) -> R {
        self.shared.lock().finishes();
        report()
    }
}

impl State {
    /// The calling thread will take a job in a moment.
    fn finishes(&mut self) {
        let thread = thread::current().id();
        if !self.finishing.contains(&thread) {
            self.finishing.push(thread);
        }
    }

    /// The calling thread has taken a job, or waits for one from now on.
    fn finished(&mut self) {
        if !self.finishing.is_empty() {
            let thread = thread::current().id();
            self.finishing.retain(|finishing| *finishing != thread);
        }
    }
}

/// Why a job was not accepted, with the job.
pub enum SubmitError {
    /// The pool is shut down.
    ShutDown(Job),
    /// No thread is running and none could be started.
    Spawn(io::Error, Job),
}

impl SubmitError {
    /// The job that was not accepted.
    pub fn into_job(self) -> Job {
        match self {
            Self::ShutDown(job) | Self::Spawn(_, job) => job,
        }
    }
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShutDown(_) => f.write_str("the pool is shut down"),
            Self::Spawn(error, _) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl fmt::Debug for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShutDown(_) => f.write_str("ShutDown"),
            Self::Spawn(error, _) => f.debug_tuple("Spawn").field(error).finish(),
        }
    }
}

impl std::error::Error for SubmitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::ShutDown(_) => None,
            Self::Spawn(error, _) => Some(error),
        }
    }
}
