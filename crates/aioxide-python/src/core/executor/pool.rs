//! Python calls on the engine's blocking pool.
//!
//! The pool's threads are `threading.Thread` objects that run the engine's worker. So
//! they have everything that a Python thread has: a name, thread-local data, tracing, and
//! a join at exit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aioxide_engine::{BlockingPool, FinishReporter, Inbox, Job, SubmitError, Worker};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyBaseException, PyRuntimeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::exit;
use super::gil_handoff::PendingCall;
use crate::core::dispatch::{NativeWork, Ready};
use crate::core::event_loop::LoopCore;
use crate::core::futures::{Future, without_stop_iteration};
use crate::ffi::allocate::Made;
use crate::ffi::gil_cell::CloneRef;
use crate::ffi::{allocate, context};
use crate::stdlib;

/// One loop's pool. Its clones are the same pool.
#[derive(Clone)]
pub struct ThreadPool {
    pool: Arc<BlockingPool>,
    threads: Threads,
}

/// The thread objects, to be joined when the pool has ended, or at exit.
type Threads = Arc<Mutex<Vec<Py<PyAny>>>>;

// SAFETY: two reference counts of `Arc` go up.
unsafe impl CloneRef for ThreadPool {
    fn clone_ref(&self, _py: Python<'_>) -> Self {
        self.clone()
    }
}

/// Locks the mutex. No foreign code runs under these locks, so the value is consistent even
/// after a panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ThreadPool {
    /// A pool without threads. It starts at most as many as asyncio's default executor.
    fn new(py: Python<'_>) -> PyResult<Self> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = Threads::default();
        let started = Arc::clone(&threads);
        let spawn = move |worker| spawn_python_thread(worker, &started);
        let pool = Arc::new(BlockingPool::new((processors + 4).min(32), spawn));
        exit::register(py, &pool, &threads)?;
        Ok(Self { pool, threads })
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        self.pool.threads()
    }

    /// In the child of a `fork`: leaks a pool whose threads do not exist. They may have
    /// held its locks, so it must not be used any more.
    pub fn abandon(self) {
        std::mem::forget(self);
    }

    /// Ends the threads when they become idle, without waiting.
    pub fn shut_down(&self) {
        self.pool.shutdown(|| {});
    }
}

/// Starts a `threading.Thread` that runs `worker`.
#[expect(clippy::disallowed_methods, reason = "the engine's pool hands no token down")]
fn spawn_python_thread(worker: Worker, started: &Threads) -> std::io::Result<()> {
    Python::attach(|py| {
        let start = || -> PyResult<()> {
            let name = format!("asyncio_{}", worker.index());
            let target = Py::new(py, PoolThread { worker: Mutex::new(Some(worker)) })?;
            let keywords = allocate::dict(py)?;
            keywords.set_item(crate::name!("target"), target)?;
            keywords.set_item(crate::name!("name"), Made(name))?;
            let thread = stdlib::thread_type(py)?.call((), Some(&keywords))?;
            thread.call_method0(crate::name!("start"))?;
            locked(started).push(thread.unbind());
            Ok(())
        };
        start().map_err(std::io::Error::other)
    })
}

/// The target of one thread.
#[pyclass(frozen, module = "aioxide")]
pub struct PoolThread {
    worker: Mutex<Option<Worker>>,
}

#[pymethods]
impl PoolThread {
    fn __call__(&self, py: Python<'_>) {
        let worker = locked(&self.worker).take();
        crate::ffi::exiting::arm();
        if let Some(worker) = worker {
            // The thread runs without the GIL; each job acquires it.
            py.detach(|| worker.run(|wait| wait()));
        }
    }
}

/// A finished call whose outcome is being sent to the loop.
struct Finished {
    future: Py<Future>,
    /// What it returned or raised, as objects that the collector can be shown.
    outcome: Result<Py<PyAny>, Py<PyBaseException>>,
}

impl NativeWork for Finished {
    fn conclude(self: Box<Self>, core: &Bound<'_, LoopCore>) -> PyResult<()> {
        let py = core.py();
        let future = self.future.bind(py);
        if future.get().is_done(py) {
            return Ok(()); // Cancelled meanwhile.
        }
        match self.outcome {
            Ok(value) => Future::finish(future, value),
            Err(error) => {
                let convert = stdlib::convert_future_exception(py)?;
                let exception = convert.call1((error,))?;
                Future::fail(future, without_stop_iteration(exception)?)
            }
        }
    }

    fn future(&self) -> Option<&Py<Future>> {
        Some(&self.future)
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.future)?;
        match &self.outcome {
            Ok(value) => visit.call(value),
            Err(exception) => visit.call(exception),
        }
    }
}

/// The pool's last worker has ended.
struct Ended {
    future: Py<Future>,
    threads: Threads,
}

impl NativeWork for Ended {
    fn conclude(self: Box<Self>, core: &Bound<'_, LoopCore>) -> PyResult<()> {
        let py = core.py();
        // The threads have finished their work and are about to end. They are joined,
        // because code that has waited for the pool must not find them alive.
        let threads = std::mem::take(&mut *locked(&self.threads));
        let mut joined = Ok(());
        for thread in threads {
            joined = joined.and(thread.call_method0(py, crate::intern!(py, "join")).map(drop));
        }
        // The future is finished even if an overridden `join` has raised.
        let future = self.future.bind(py);
        let finished =
            if future.get().is_done(py) { Ok(()) } else { Future::finish(future, py.None()) };
        joined.and(finished)
    }

    fn future(&self) -> Option<&Py<Future>> {
        Some(&self.future)
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.future)
    }
}

/// A call that is to be made on a thread of the pool.
pub struct Call {
    pub function: Py<PyAny>,
    pub arguments: Py<PyTuple>,
    pub keywords: Option<Py<PyDict>>,
    /// The context to make it in, if not the thread's own.
    pub context: Option<Py<PyAny>>,
}

impl Call {
    fn make(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let function = self.function.into_bound(py);
        let arguments = self.arguments.into_bound(py);
        let keywords = self.keywords.map(|keywords| keywords.into_bound(py));
        let call = || function.call(&arguments, keywords.as_ref()).map(Bound::unbind);
        match self.context {
            Some(context) => context::run_in(&context.into_bound(py), call),
            None => call(),
        }
    }
}

/// What a job needs to tell the loop.
struct Report {
    inbox: Arc<Inbox<Ready>>,
    pending: PendingCall,
    reporter: FinishReporter,
}

/// Makes the call, unless its future was cancelled before.
#[expect(clippy::disallowed_methods, reason = "a thread's own way into the interpreter")]
fn run_job(report: &Report, future: Py<Future>, call: Call) {
    report.pending.wait_for_release();
    // None if the interpreter is shutting down: the outcome is not needed any more.
    let finished = Python::try_attach(|py| {
        if future.get().is_done(py) {
            return None;
        }
        let outcome = call.make(py).map_err(|error| error.into_value(py));
        Some(Box::new(Finished { future, outcome }) as Box<dyn NativeWork>)
    });
    let Some(Some(work)) = finished else {
        return;
    };
    // Without the GIL, because the loop wakes up at once and needs it.
    let item = Ready::Native(Box::new(work));
    if let Err(unwanted) = report.reporter.report(|| report.inbox.push(item)) {
        // The loop is closed: the outcome is dropped.
        let _ = Python::try_attach(|_py| drop(unwanted));
    }
}

fn submit(pool: &BlockingPool, job: Job) -> PyResult<()> {
    match pool.submit(job) {
        Ok(()) => Ok(()),
        Err(SubmitError::ShutDown(_)) => Err(PyRuntimeError::new_err(exit::shutdown_message())),
        Err(SubmitError::Spawn(error, _)) => Err(raised_by(error)),
    }
}

/// The exception of `threading` for a thread that could not be started.
fn raised_by(error: std::io::Error) -> PyErr {
    match error.downcast::<PyErr>() {
        Ok(raised) => raised,
        Err(error) => PyRuntimeError::new_err(error.to_string()),
    }
}

impl LoopCore {
    /// A future of the call, made on the loop's own thread pool.
    pub(super) fn run_in_pool(slf: &Bound<'_, Self>, call: Call) -> PyResult<Py<Future>> {
        let py = slf.py();
        let this = slf.get();
        exit::check_open()?;
        let future = Future::on_loop(py, slf)?;
        future.get().note_place(py);
        let pool = this.open_pool(py)?;
        let wanted = future.clone_ref(py);
        let (inbox, pending) = (this.inbox(py), this.handoff.begin_call());
        let report = Report { inbox, pending, reporter: pool.finish_reporter() };
        submit(&pool, Box::new(move || run_job(&report, wanted, call))).map(|()| future)
    }

    /// Has a thread of the pool run `job`, without the GIL.
    ///
    /// # Errors
    ///
    /// `RuntimeError` if the pool is shut down or no thread can be started.
    pub fn submit_blocking(slf: &Bound<'_, Self>, job: Job) -> PyResult<()> {
        exit::check_open()?;
        let (py, this) = (slf.py(), slf.get());
        this.executor.uses_pool(py);
        let pool = this.open_pool(py)?;
        submit(&pool, job)
    }

    /// The pool, made on first use.
    fn open_pool(&self, py: Python<'_>) -> PyResult<Arc<BlockingPool>> {
        if let Some(pool) = self.pool.clone_ref(py) {
            return Ok(pool.pool);
        }
        let made = ThreadPool::new(py)?;
        // Making it may have run code that closed the loop, or made another one.
        self.check_closed(py)?;
        if let Some(pool) = self.pool.clone_ref(py) {
            return Ok(pool.pool);
        }
        drop(self.pool.replace(py, Some(made.clone())));
        Ok(made.pool)
    }
}

#[pymethods]
impl LoopCore {
    /// The threads of the pool that were started.
    fn _pool_threads(&self, py: Python<'_>) -> Made<Vec<Py<PyAny>>> {
        Made(self.pool.clone_ref(py).map_or_else(Vec::new, |pool| {
            locked(&pool.threads).iter().map(|thread| thread.clone_ref(py)).collect()
        }))
    }

    /// Ends the pool; the future is done when its last thread has ended.
    fn _shutdown_pool(slf: &Bound<'_, Self>) -> PyResult<Py<Future>> {
        let py = slf.py();
        let this = slf.get();
        let future = Future::on_loop(py, slf)?;
        let Some(ThreadPool { pool, threads }) = this.pool.clone_ref(py) else {
            Future::finish(future.bind(py), py.None())?;
            return Ok(future);
        };
        let inbox = this.inbox(py);
        let wanted = future.clone_ref(py);
        pool.shutdown(move || {
            let work: Box<dyn NativeWork> = Box::new(Ended { future: wanted, threads });
            drop(inbox.push(Ready::Native(Box::new(work))));
        });
        Ok(future)
    }
}
