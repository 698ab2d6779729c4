//! The Python class `LoopCore`: its state and its smallest methods.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aioxide_engine::{AdaptiveSpin, Clock, Engine, Events, Inbox, Poller, VirtualTime};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use super::descriptors::Descriptors;
use super::overrides::{Methods, Overrides};
use super::recording::LoopMark;
use crate::core::dispatch::Ready;
use crate::ffi::allocate::Made;

use crate::core::current_task::CurrentTask;
use crate::core::event_loop::Unread;
use crate::core::executor::{DefaultExecutor, GilHandoff, ThreadPool};
use crate::core::handles::Handle;
use crate::core::rust_futures::FutureArena;
use crate::core::tasks::standard;
use crate::ffi::allocate;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::recorder;
use crate::watchdog::{Beat, Running};

/// The most bytes of one read: asyncio's `max_size`.
pub const SCRATCH_BYTES: usize = 256 * 1024;

/// The native half of `aioxide.Loop`.
#[pyclass(frozen, subclass, module = "aioxide")]
pub struct LoopCore {
    /// Ready queue, timers, clock.
    pub(super) engine: GilCell<Engine<Ready>>,
    /// The engine's poller, to wait on while the engine is in use. None once the
    /// loop is closed, and in a forked child until it uses an inherited loop.
    pub(super) poller: GilCell<Option<Arc<Poller>>>,
    /// The engine's inbox, for other threads.
    pub(super) inbox: GilCell<Arc<Inbox<Ready>>>,
    /// The readiness buffer, absent while a poll uses it.
    pub(super) events: GilCell<Option<Events>>,
    /// The watched file descriptors.
    pub(super) descriptors: GilCell<Descriptors>,
    /// See [`CurrentTask`].
    current: CurrentTask,
    pub(super) flags: Flags,
    /// Which of its methods are overridden.
    pub(super) replaced: Overrides,
    /// The running handle (debug mode only): an error report contains the stack
    /// where it was made.
    pub(super) current_handle: GilCell<Option<Py<Handle>>>,
    /// The Python thread identifier of the thread that runs the loop; 0 if none.
    /// Any thread reads it to check whether it is this one.
    pub(super) thread: AtomicU64,
    /// The task factory, if one is set.
    pub(super) task_factory: GilCell<Option<Py<PyAny>>>,
    /// Received bytes that `sock_recv` could not return for want of memory.
    pub(crate) unread: GilCell<Unread>,
    /// The buffer that sockets are read into, before a `bytes` of the right size is made.
    scratch: GilCell<Option<Vec<u8>>>,
    /// The threads of `run_in_executor(None, …)`, started on first use.
    pub(crate) pool: GilCell<Option<ThreadPool>>,
    /// Coordinates these threads and the loop's, which all need the GIL.
    pub(crate) handoff: GilHandoff,
    /// Decides whether to spin for their outcomes before the loop waits.
    pub(super) spin: GilCell<AdaptiveSpin>,
    /// The default executor, if one is set.
    pub(crate) executor: DefaultExecutor,
    /// The socket pair that the interpreter writes signal numbers to.
    pub(super) signals: GilCell<Option<super::poll::SignalPair>>,
    /// Its Rust futures.
    pub(in crate::core) arena: GilCell<FutureArena>,
    /// What the watchdog reads; present while the loop is watched.
    pub(super) beat: GilCell<Option<Arc<Beat>>>,
    /// Present while it is watched and runs.
    pub(super) watched: GilCell<Option<Running>>,
    /// See [`LoopMark`].
    pub(super) recording: LoopMark,
    /// Present if the clock is virtual.
    pub(super) virtual_time: GilCell<Option<VirtualTime>>,
    /// Guards against the garbage collector before all fields are initialised.
    filled: Contents<()>,
}

pub(super) struct Flags {
    pub closed: GilCell<bool>,
    pub stopping: GilCell<bool>,
    pub debug: GilCell<bool>,
    /// Debug mode is on, or the watchdog looks: an iteration takes the slower way.
    pub observed: GilCell<bool>,
    /// The duration, in seconds, from which debug mode reports a callback.
    pub slow_callback_duration: GilCell<f64>,
    /// Iterations without a poll since the last one.
    pub iterations_without_poll: GilCell<u32>,
    /// The number of polls, wrapping.
    pub polls: GilCell<u32>,
}

impl LoopCore {
    /// Whether futures and tasks may bypass `call_soon`.
    #[inline(always)]
    pub fn schedules_natively(&self, py: Python<'_>) -> bool {
        self.calls_own(py, Methods::CALL_SOON)
    }

    /// Whether `create_task` makes a plain task: neither a subclass nor a task
    /// factory changes it.
    #[inline]
    pub fn creates_natively(&self, py: Python<'_>) -> bool {
        self.calls_own(py, Methods::CREATE_TASK) && self.task_factory.is_none(py)
    }

    /// Whether debug mode is on.
    #[inline]
    pub fn debug(&self, py: Python<'_>) -> bool {
        self.flags.debug.get(py)
    }

    /// The number of the last poll.
    #[inline]
    pub fn polls(&self, py: Python<'_>) -> u32 {
        self.flags.polls.get(py)
    }

    /// Whether it is closed.
    pub fn is_closed_now(&self, py: Python<'_>) -> bool {
        self.flags.closed.get(py)
    }

    /// Whether a thread runs the loop.
    #[inline]
    pub fn running(&self, _py: Python<'_>) -> bool {
        self.thread.load(Ordering::Relaxed) != 0
    }

    /// The entry in asyncio's table of running tasks.
    #[inline]
    pub fn current_task(&self) -> &CurrentTask {
        &self.current
    }

    /// The inbox, to which other threads send without the GIL.
    pub fn inbox(&self, py: Python<'_>) -> Arc<Inbox<Ready>> {
        self.inbox.clone_ref(py)
    }

    /// The poller. `RuntimeError` once the loop is closed.
    #[inline]
    pub(super) fn poller(&self, py: Python<'_>) -> PyResult<Arc<Poller>> {
        match self.registered_poller(py) {
            Some(poller) => Ok(poller),
            None => self.register_anew(py).ok_or_else(closed_error),
        }
    }

    /// The same, None once the loop is closed.
    #[inline]
    pub(super) fn registered_poller(&self, py: Python<'_>) -> Option<Arc<Poller>> {
        self.poller.clone_ref(py)
    }

    /// Appends `item` to the ready queue, without checks.
    #[inline]
    pub fn schedule(&self, py: Python<'_>, item: Ready) {
        self.engine.schedule(py, item);
    }

    /// Whether the loop has other work: other items are ready, or it is to stop.
    #[inline]
    pub fn has_other_work(&self, py: Python<'_>) -> bool {
        self.engine.ready_len(py) > 0 || self.flags.stopping.get(py)
    }

    /// The checks of `call_soon`: raises if the loop is closed or, in debug mode,
    /// if this is not the loop's thread.
    #[inline]
    pub fn admit(&self, py: Python<'_>) -> PyResult<()> {
        if self.flags.closed.get(py) {
            return Err(closed_error());
        }
        if self.flags.debug.get(py) { self.check_thread() } else { Ok(()) }
    }

    /// Lends the buffer that sockets are read into. It is taken out of its cell
    /// meanwhile, so `read` may make Python objects.
    #[inline]
    pub fn with_scratch<R>(&self, py: Python<'_>, read: impl FnOnce(&mut [u8]) -> R) -> R {
        let mut scratch = self.scratch.take(py).unwrap_or_else(|| vec![0; SCRATCH_BYTES]);
        let result = read(&mut scratch);
        drop(self.scratch.replace(py, Some(scratch)));
        result
    }

    /// Raises if the loop is closed.
    #[inline]
    pub fn check_closed(&self, py: Python<'_>) -> PyResult<()> {
        if self.flags.closed.get(py) { Err(closed_error()) } else { Ok(()) }
    }
}

fn closed_error() -> PyErr {
    PyRuntimeError::new_err(crate::name!("Event loop is closed"))
}

#[pymethods]
impl LoopCore {
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords))]
    fn __new__(
        py: Python<'_>,
        _arguments: &Bound<'_, PyTuple>,
        _keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let engine = Engine::new(Clock::real()).map_err(crate::ffi::errors::os_error)?;
        Ok(Self {
            poller: GilCell::new(Some(engine.poller().clone())),
            inbox: GilCell::new(engine.inbox().clone()),
            engine: GilCell::new(engine),
            events: GilCell::new(Some(Events::with_capacity(1024))),
            descriptors: GilCell::new(Descriptors::default()),
            current: CurrentTask::new(),
            flags: Flags {
                closed: GilCell::new(false),
                stopping: GilCell::new(false),
                debug: GilCell::new(false),
                observed: GilCell::new(false),
                slow_callback_duration: GilCell::new(0.1),
                iterations_without_poll: GilCell::new(0),
                polls: GilCell::new(0),
            },
            replaced: Overrides::new(py),
            current_handle: GilCell::new(None),
            thread: AtomicU64::new(0),
            task_factory: GilCell::new(None),
            unread: GilCell::new(Unread::default()),
            scratch: GilCell::new(None),
            pool: GilCell::new(None),
            handoff: GilHandoff::default(),
            spin: GilCell::new(AdaptiveSpin::default()),
            executor: DefaultExecutor::default(),
            signals: GilCell::new(None),
            arena: GilCell::new(FutureArena::default()),
            beat: GilCell::new(None),
            watched: GilCell::new(None),
            recording: LoopMark::default(),
            virtual_time: GilCell::new(None),
            filled: Contents::new(()),
        })
    }

    fn __init__(slf: &Bound<'_, Self>) {
        slf.get().replaced.is_of(&slf.get_type());
    }

    /// The loop's time in seconds, on the clock of `time.monotonic()`.
    fn time(&self, py: Python<'_>) -> Made<f64> {
        Made(self.engine.now(py))
    }

    /// Sets the function that `create_task` calls as `factory(loop, coro, **options)`; None
    /// restores the default.
    ///
    /// Raises `TypeError` if it is neither callable nor None.
    fn set_task_factory(&self, py: Python<'_>, factory: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        if let Some(factory) = &factory
            && !factory.is_callable()
        {
            return Err(PyTypeError::new_err(crate::name!(
                "task factory must be a callable or None"
            )));
        }
        let factory = factory.map(Bound::unbind);
        drop(self.task_factory.replace(py, factory));
        Ok(())
    }

    /// Returns the task factory, or None.
    fn get_task_factory(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.task_factory.clone_ref(py)
    }

    /// Returns whether debug mode is on.
    fn get_debug(&self, py: Python<'_>) -> bool {
        if recorder::is_on() {
            standard::may_be_made(py);
        }
        self.debug(py)
    }

    /// Switches debug mode on or off.
    fn set_debug(&self, py: Python<'_>, enabled: bool) -> PyResult<()> {
        self.flags.debug.set(py, enabled);
        self.choose_threshold(py)
    }

    #[getter]
    fn get_slow_callback_duration(&self, py: Python<'_>) -> Made<f64> {
        Made(self.flags.slow_callback_duration.get(py))
    }

    #[setter]
    fn set_slow_callback_duration(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        self.flags.slow_callback_duration.set(py, seconds);
        self.choose_threshold(py)
    }

    /// Ends `run_forever()` after the current iteration.
    fn stop(&self, py: Python<'_>) {
        self.flags.stopping.set(py, true);
    }

    /// Returns whether the loop is running, in any thread.
    fn is_running(&self, py: Python<'_>) -> bool {
        self.running(py)
    }

    /// Returns whether the loop is closed.
    fn is_closed(&self, py: Python<'_>) -> bool {
        self.flags.closed.get(py)
    }

    fn _check_closed(&self, py: Python<'_>) -> PyResult<()> {
        self.check_closed(py)
    }

    /// Runs iterations until `stop()`.
    fn _run_iterations(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::run_iterations(slf)
    }

    /// Marks the loop as closed and drops everything that it holds.
    pub(super) fn _close_core(&self, py: Python<'_>) {
        if self.flags.closed.replace(py, true) {
            return;
        }
        // Dropping may run Python code that uses this loop. So the loop is marked
        // as closed and emptied first.
        self.end_recording(py);
        let items = self.engine.close(py);
        let poller = self.poller.take(py);
        drop(self.unread.take(py));
        let watches = self.descriptors.take_all(py, poller.as_deref());
        let signals = self.signals.take(py);
        let arena = self.arena.take(py);
        let pool = self.pool.take(py);
        if let Some(pool) = &pool {
            pool.shut_down();
        }
        drop((items, arena, watches, signals, pool, poller));
    }

    #[getter]
    fn get__debug(&self, py: Python<'_>) -> bool {
        self.debug(py)
    }

    #[setter]
    fn set__debug(&self, enabled: &Bound<'_, PyAny>) -> PyResult<()> {
        self.flags.debug.set(enabled.py(), enabled.is_truthy()?);
        self.choose_threshold(enabled.py())
    }

    #[getter]
    fn _current_handle(&self, py: Python<'_>) -> Option<Py<Handle>> {
        self.current_handle.clone_ref(py)
    }

    #[getter]
    fn _closed(&self, py: Python<'_>) -> bool {
        self.is_closed(py)
    }

    #[getter]
    fn get__stopping(&self, py: Python<'_>) -> bool {
        self.flags.stopping.get(py)
    }

    // A setter too, because servers (Sanic) clear it before they run a stopped loop again.
    #[setter]
    fn set__stopping(&self, stopping: &Bound<'_, PyAny>) -> PyResult<()> {
        self.flags.stopping.set(stopping.py(), stopping.is_truthy()?);
        Ok(())
    }

    #[getter]
    fn _thread_id(&self) -> Option<Made<u64>> {
        Some(self.thread.load(Ordering::Relaxed)).filter(|thread| *thread != 0).map(Made)
    }

    /// The timers, under the name of asyncio's private list.
    #[getter]
    fn _scheduled<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        allocate::list(py, self.engine.timer_handles(py))
    }

    /// The ready items: handles, and tasks in place of their steps.
    #[getter]
    fn _ready<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        allocate::list(py, self.engine.ready_subjects(py))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.filled.traverse(|()| {
            self.engine
                .traverse(|engine| engine.iter().try_for_each(|item| item.traverse(&visit)))?;
            self.arena.traverse(|arena| arena.traverse(&visit))?;
            self.descriptors.traverse(|table| table.traverse(&visit))?;
            self.executor.given.traverse(|given| visit.call(given))?;
            self.inbox.traverse(|inbox| inbox.try_for_each(|item| item.traverse(&visit)))?;
            self.current_handle.traverse(|handle| visit.call(handle))?;
            self.unread.traverse(|unread| unread.traverse(&visit))?;
            self.replaced.traverse(&visit)?;
            self.task_factory.traverse(|factory| visit.call(factory))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.task_factory.take(py));
        drop(self.executor.given.take(py));
        self.replaced.clear(py);
        self._close_core(py);
    }
}
