//! The Python class `Timeout`.

use pyo3::exceptions::{PyAssertionError, PyRuntimeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{Borrowed, PyTraverseError};

use super::When;
use crate::core::current_task::running_loop;
use crate::core::dispatch::Ready;
use crate::core::event_loop::{LoopCore, Methods};
use crate::core::tasks;
use crate::ffi::allocate::Made;
use crate::ffi::attributes::uninitialized;
use crate::ffi::free_list::{self, FreeList, FreeListed};
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::stdlib;

/// What `async with timeout(…)` enters: cancels the task when the time is up,
/// and makes a `TimeoutError` of that.
///
/// Timeout(when): `when` is a loop time in seconds, or None for no deadline.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.Timeout
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.timeouts")]
pub struct Timeout {
    pub(super) state: Contents<State>,
}

/// The state of a timeout.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// `__init__` never ran.
    Absent,
    Created,
    Entered,
    /// The task was cancelled and has not left the block yet.
    Expiring,
    Expired,
    Exited,
}

impl Phase {
    /// asyncio's names: of the constant, and its value.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Absent | Self::Created => ("CREATED", "created"),
            Self::Entered => ("ENTERED", "active"),
            Self::Expiring => ("EXPIRING", "expiring"),
            Self::Expired => ("EXPIRED", "expired"),
            Self::Exited => ("EXITED", "finished"),
        }
    }
}

/// What makes the timeout expire.
enum Alarm {
    None,
    /// An entry among the timers of a native loop.
    Timer(Py<LoopCore>),
    /// An item in the ready queue of a native loop.
    Ready,
    /// The handle of a foreign loop.
    Foreign(Py<PyAny>),
}

pub(super) struct State {
    pub progress: GilCell<Progress>,
    when: GilCell<When>,
    /// The task to cancel, from entering to leaving.
    pub task: GilCell<Option<Py<PyAny>>>,
    alarm: GilCell<Alarm>,
}

#[derive(Clone, Copy)]
pub(super) struct Progress {
    pub phase: Phase,
    /// The current alarm's number. Earlier alarms have no effect any more, though the
    /// loop may still hold them.
    number: u32,
    /// How many requests to cancel the task there were before.
    pub cancelling: i64,
}

impl State {
    fn new(phase: Phase, when: When) -> Self {
        Self {
            progress: GilCell::new(Progress { phase, number: 0, cancelling: 0 }),
            when: GilCell::new(when),
            task: GilCell::new(None),
            alarm: GilCell::new(Alarm::None),
        }
    }

    pub fn set_phase(&self, py: Python<'_>, phase: Phase) {
        self.progress.update(py, |progress| progress.phase = phase);
    }

    /// Drops all references.
    fn clear(&self, py: Python<'_>) {
        self.when.replace(py, When::Never).release(py);
        if let Some(task) = self.task.take(py) {
            task.drop_ref(py);
        }
        match self.alarm.replace(py, Alarm::None) {
            Alarm::None | Alarm::Ready => {}
            Alarm::Timer(core) => core.drop_ref(py),
            Alarm::Foreign(handle) => handle.drop_ref(py),
        }
    }
}

impl Timeout {
    /// A timeout that was not entered.
    #[inline]
    pub fn create(py: Python<'_>, when: When) -> PyResult<Py<Self>> {
        match free_list::take::<Self>(py) {
            Some(timeout) => {
                let state = &timeout.get().state;
                state
                    .progress
                    .set(py, Progress { phase: Phase::Created, number: 0, cancelling: 0 });
                // What is taken from the free list holds nothing.
                state.when.fill(py, when);
                Ok(timeout.unbind())
            }
            None => Py::new(py, Self { state: Contents::new(State::new(Phase::Created, when)) }),
        }
    }

    /// Whether this is the number of the current alarm.
    #[inline]
    pub fn awaits_alarm(&self, py: Python<'_>, number: u32) -> bool {
        self.state.progress.get(py).number == number
            && self.state.alarm.read(py, |alarm| matches!(alarm, Alarm::Timer(_) | Alarm::Ready))
    }

    /// The time is up: cancels the task.
    pub fn expire(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let state = &slf.get().state;
        Self::require_init(slf)?;
        let entered = state.progress.get(py).phase == Phase::Entered;
        let Some(task) = state.task.clone_ref(py).filter(|_| entered) else {
            return Err(PyAssertionError::new_err(()));
        };
        tasks::cancel(task.bind(py))?;
        state.set_phase(py, Phase::Expiring);
        drop(state.alarm.replace(py, Alarm::None));
        Ok(())
    }

    /// Sets the alarm for the deadline, if there is one. `is_ahead` says that the deadline
    /// is known to be in the future, which saves reading the clock.
    #[inline]
    pub(super) fn arm(
        slf: &Bound<'_, Self>,
        event_loop: &Bound<'_, PyAny>,
        is_ahead: bool,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let when = this.state.when.clone_ref(py);
        if let When::Never = when {
            return Ok(());
        }
        let alarm = match LoopCore::of(event_loop) {
            // A loop may keep an exact instance alive for an alarm without effect; a
            // subclass may hold anything, and must not be kept alive for that.
            Some(core)
                if core.get().calls_own(py, Methods::ALARMS)
                    && free_list::is_exactly::<Self>(slf) =>
            {
                let Some(seconds) = when.seconds(core)? else {
                    return Ok(());
                };
                let number = this.state.progress.update(py, |progress| {
                    progress.number = progress.number.wrapping_add(1);
                    progress.number
                });
                let timeout = slf.clone().unbind();
                let timer = core.get().expire_at(py, seconds, is_ahead, number, timeout)?;
                if timer { Alarm::Timer(core.clone().unbind()) } else { Alarm::Ready }
            }
            _ => Alarm::Foreign(Self::handle_of(slf, event_loop, &when)?),
        };
        when.release(py);
        // A comparison with the time may have set one as well.
        if let Alarm::Timer(core) = this.state.alarm.replace(py, alarm) {
            core.get().timer_cancelled(py);
            core.drop_ref(py);
        }
        Ok(())
    }

    /// The handle of an alarm that the loop's methods have set.
    fn handle_of(
        slf: &Bound<'_, Self>,
        event_loop: &Bound<'_, PyAny>,
        when: &When,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let when = when.shown(py)?;
        let callback = slf.getattr(crate::intern!(py, "_on_timeout"))?;
        let now = event_loop.call_method0(crate::intern!(py, "time"))?;
        let handle = if when.bind(py).le(now)? {
            event_loop.call_method1(crate::intern!(py, "call_soon"), (callback,))?
        } else {
            event_loop.call_method1(crate::intern!(py, "call_at"), (when, callback))?
        };
        Ok(handle.unbind())
    }

    /// Cancels the alarm, if one is set.
    #[inline]
    pub(super) fn disarm(&self, py: Python<'_>) -> PyResult<()> {
        match self.state.alarm.replace(py, Alarm::None) {
            Alarm::None | Alarm::Ready => Ok(()),
            Alarm::Timer(core) => {
                core.get().timer_cancelled(py);
                core.drop_ref(py);
                Ok(())
            }
            Alarm::Foreign(handle) => {
                handle.call_method0(py, crate::intern!(py, "cancel")).map(drop)
            }
        }
    }

    fn phase(&self, py: Python<'_>) -> Phase {
        self.state.progress.get(py).phase
    }

    /// The state; asyncio's error if `__init__` never ran.
    pub(super) fn require_init(slf: &Bound<'_, Self>) -> PyResult<Phase> {
        match slf.get().phase(slf.py()) {
            Phase::Absent => Err(uninitialized(slf.as_any(), "_state")),
            phase => Ok(phase),
        }
    }
}

impl FreeListed for Timeout {
    fn free_list() -> &'static FreeList {
        static FREE_LIST: FreeList = FreeList::new();
        &FREE_LIST
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        slf.get().state.clear(slf.py());
    }
}

#[pymethods]
impl Timeout {
    // A subclass may have other arguments, which its `__init__` takes.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(when)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self { state: Contents::new(State::new(Phase::Absent, When::Never)) }
    }

    #[pyo3(signature = (when))]
    fn __init__(&self, py: Python<'_>, when: Option<Bound<'_, PyAny>>) {
        let state = &self.state;
        // The number goes on, so that an alarm that is still set differs from the next one.
        if let Alarm::Timer(core) = state.alarm.replace(py, Alarm::None) {
            core.get().timer_cancelled(py);
        }
        state.clear(py);
        let number = state.progress.get(py).number;
        state.progress.set(py, Progress { phase: Phase::Created, number, cancelling: 0 });
        state.when.replace(py, When::given(when)).release(py);
    }

    /// The deadline, in seconds of the loop's clock, or None.
    fn when(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        if let Phase::Absent = slf.get().phase(slf.py()) {
            return Err(uninitialized(slf.as_any(), "_when"));
        }
        slf.get().state.when.clone_ref(slf.py()).shown(slf.py())
    }

    /// Changes the deadline, to a loop time in seconds or to None. One that is
    /// over already cancels the task in the next iteration.
    ///
    /// `RuntimeError` before the timeout is entered, and from when it expires.
    #[pyo3(signature = (when))]
    pub(super) fn reschedule(
        slf: &Bound<'_, Self>,
        when: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        match Self::require_init(slf)? {
            Phase::Entered => {}
            Phase::Created => {
                return Err(PyRuntimeError::new_err(crate::name!("Timeout has not been entered")));
            }
            other => {
                let message = format!("Cannot change state of {} Timeout", other.names().1);
                return Err(PyRuntimeError::new_err(message));
            }
        }
        let when = When::given(when);
        let never = matches!(when, When::Never);
        this.state.when.replace(py, when).release(py);
        this.disarm(py)?;
        if never { Ok(()) } else { Self::arm(slf, &running_loop(py)?, false) }
    }

    /// Whether the deadline has passed before the block ended.
    fn expired(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Ok(matches!(Self::require_init(slf)?, Phase::Expiring | Phase::Expired))
    }

    fn _on_timeout(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::expire(slf)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<Made<String>> {
        let py = slf.py();
        let phase = Self::require_init(slf)?;
        let name = phase.names().1;
        if phase != Phase::Entered {
            return Ok(Made(format!("<Timeout [{name}]>")));
        }
        let when = Self::when(slf)?.into_bound(py);
        let when = if when.is_none() { when } else { stdlib::round(py)?.call1((when, 3))? };
        Ok(Made(format!("<Timeout [{name}] when={}>", when.str()?)))
    }

    #[getter]
    fn _state<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        stdlib::timeout_state(slf.py())?.getattr(Self::require_init(slf)?.names().0)
    }

    #[getter]
    fn get__when(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::when(slf)
    }

    #[setter]
    fn set__when(&self, py: Python<'_>, when: Option<Bound<'_, PyAny>>) {
        self.state.when.replace(py, When::given(when)).release(py);
    }

    /// The handle of the alarm, None without one. A program that reads it may cancel it, so
    /// the alarm has a handle from now on.
    #[getter]
    fn get__timeout_handler(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let py = slf.py();
        let this = slf.get();
        let alarm = &this.state.alarm;
        if alarm.read(py, |alarm| matches!(alarm, Alarm::Timer(_) | Alarm::Ready)) {
            let core = alarm.clone_of(py, |alarm| match alarm {
                Alarm::Timer(core) => Some(core),
                _ => None,
            });
            let event_loop = match core {
                Some(core) => core.into_bound(py).into_any(),
                None => running_loop(py)?,
            };
            this.disarm(py)?;
            let when = this.state.when.clone_ref(py);
            let handle = Self::handle_of(slf, &event_loop, &when)?;
            drop(alarm.replace(py, Alarm::Foreign(handle)));
        }
        Ok(alarm.clone_of(py, |alarm| match alarm {
            Alarm::Foreign(handle) => Some(handle),
            _ => None,
        }))
    }

    #[getter]
    pub(crate) fn _task(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.task.clone_ref(py)
    }

    #[getter]
    fn _cancelling(&self, py: Python<'_>) -> Made<i64> {
        Made(self.state.progress.get(py).cancelling)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.when.traverse(|when| match when {
                When::Given(when) => visit.call(when),
                When::Never | When::Seconds(_) => Ok(()),
            })?;
            state.alarm.traverse(|alarm| match alarm {
                Alarm::None | Alarm::Ready => Ok(()),
                Alarm::Timer(core) => visit.call(core),
                Alarm::Foreign(handle) => visit.call(handle),
            })?;
            state.task.traverse(|task| visit.call(task))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        self.state.clear(py);
    }
}

/// A timeout of `delay` seconds from now, for `async with`; None for no deadline.
///
/// What is inside is cancelled when the time is up, and `TimeoutError` leaves the
/// block. `RuntimeError` if no loop runs. A cancellation that comes from elsewhere
/// goes through as it is.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.timeout
#[pyfunction]
#[pyo3(signature = (delay))]
pub fn timeout(py: Python<'_>, delay: Option<Bound<'_, PyAny>>) -> PyResult<Py<Timeout>> {
    let event_loop = running_loop(py)?;
    let when = match &delay {
        Some(delay) => When::after(&event_loop, delay)?,
        None => When::Never,
    };
    Timeout::create(py, when)
}

/// The same with a deadline: `when` is a time of the loop's clock, in seconds, or
/// None.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.timeout_at
#[pyfunction]
#[pyo3(signature = (when))]
pub fn timeout_at(py: Python<'_>, when: Option<Bound<'_, PyAny>>) -> PyResult<Py<Timeout>> {
    Timeout::create(py, When::given(when))
}

impl LoopCore {
    /// Lets `timeout` expire at loop time `when`, in seconds, by its alarm of this
    /// number. Whether that is among the timers: what is over already is ready, unless
    /// `is_ahead` says that it cannot be.
    fn expire_at(
        &self,
        py: Python<'_>,
        when: f64,
        is_ahead: bool,
        number: u32,
        timeout: Py<Timeout>,
    ) -> PyResult<bool> {
        self.admit(py)?;
        let alarm = Ready::Deadline(number, timeout);
        let later = is_ahead || when.is_nan() || when > self.now(py);
        if later {
            self.schedule_at(py, when, alarm);
        } else {
            self.schedule(py, alarm);
        }
        Ok(later)
    }
}
