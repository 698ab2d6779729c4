//! The Python class `Timeout`.

use pyo3::exceptions::{PyAssertionError, PyRuntimeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{Borrowed, PyTraverseError};

use super::When;
use crate::event_loop::LoopCore;
use crate::recycle::{self, Recycle, Shelf};
use crate::running::running_loop;
use crate::with_cell::WithCell;
use crate::{standard, tasks};

/// What `async with timeout(…)` enters: cancels the task when the time is up,
/// and makes a `TimeoutError` of that.
///
/// Timeout(when): `when` is a loop time in seconds, or None for no deadline.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.Timeout
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.timeouts")]
pub struct Timeout {
    pub(super) state: WithCell<State>,
}

/// How far a timeout has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Created,
    Entered,
    /// The task was cancelled and has not got out yet.
    Expiring,
    Expired,
    Exited,
}

impl Phase {
    /// asyncio's names: of the constant, and its value.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Created => ("CREATED", "created"),
            Self::Entered => ("ENTERED", "active"),
            Self::Expiring => ("EXPIRING", "expiring"),
            Self::Expired => ("EXPIRED", "expired"),
            Self::Exited => ("EXITED", "finished"),
        }
    }
}

/// What will make it expire.
enum Alarm {
    None,
    /// A place among the timers of a loop of ours.
    Timer(Py<LoopCore>),
    /// A place in the ready queue of a loop of ours.
    Ready,
    /// The handle of any other loop.
    Foreign(Py<PyAny>),
}

pub(super) struct State {
    pub phase: Phase,
    when: When,
    /// Whom to cancel, from entering to leaving.
    pub task: Option<Py<PyAny>>,
    /// How many requests to cancel it there were before.
    pub cancelling: i64,
    alarm: Alarm,
    /// The current alarm's number: those before it no longer count, though the
    /// loop may still have them.
    number: u32,
}

impl State {
    fn new(when: When) -> Self {
        Self {
            phase: Phase::Created,
            when,
            task: None,
            cancelling: 0,
            alarm: Alarm::None,
            number: 0,
        }
    }

    fn release(self, py: Python<'_>) {
        self.when.release(py);
        if let Some(task) = self.task {
            task.drop_ref(py);
        }
        match self.alarm {
            Alarm::None | Alarm::Ready => {}
            Alarm::Timer(core) => core.drop_ref(py),
            Alarm::Foreign(handle) => handle.drop_ref(py),
        }
    }
}

impl Timeout {
    /// A timeout that nobody has entered.
    #[inline]
    pub fn create(py: Python<'_>, when: When) -> PyResult<Py<Self>> {
        let state = State::new(when);
        match recycle::take::<Self>(py) {
            Some(timeout) => {
                timeout.get().state.fill(py, state);
                Ok(timeout.unbind())
            }
            None => Py::new(py, Self { state: WithCell::new(state) }),
        }
    }

    /// Whether the alarm of this number is the one that counts.
    #[inline]
    pub fn awaits_alarm(&self, py: Python<'_>, number: u32) -> bool {
        self.state.with(py, |state| {
            state.number == number && matches!(state.alarm, Alarm::Timer(_) | Alarm::Ready)
        })
    }

    /// The time is up: cancels the task.
    pub fn expire(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let (phase, task) = slf
            .get()
            .state
            .with(py, |state| (state.phase, state.task.as_ref().map(|task| task.bind(py).clone())));
        let Some(task) = task.filter(|_| phase == Phase::Entered) else {
            return Err(PyAssertionError::new_err(()));
        };
        tasks::cancel(&task)?;
        drop(slf.get().state.with(py, |state| {
            state.phase = Phase::Expiring;
            std::mem::replace(&mut state.alarm, Alarm::None)
        }));
        Ok(())
    }

    /// Sets the alarm for the deadline there is, if there is one. `is_ahead` says that
    /// it is known not to be over, which spares a look at the clock.
    #[inline]
    pub(super) fn arm(
        slf: &Bound<'_, Self>,
        event_loop: &Bound<'_, PyAny>,
        is_ahead: bool,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let when = this.state.with(py, |state| state.when.clone_ref(py));
        if let When::Never = when {
            return Ok(());
        }
        let alarm = match LoopCore::of(event_loop) {
            // What a loop still has of an exact instance is a dead alarm; a
            // subclass may hold anything, and is not to be kept for that.
            Some(core) if core.get().schedules_natively(py) && recycle::is_exactly::<Self>(slf) => {
                let Some(seconds) = when.seconds(core)? else {
                    return Ok(());
                };
                let number = this.state.with(py, |state| {
                    state.number = state.number.wrapping_add(1);
                    state.number
                });
                let timeout = slf.clone().unbind();
                let timer = core.get().expire_at(py, seconds, is_ahead, number, timeout)?;
                if timer { Alarm::Timer(core.clone().unbind()) } else { Alarm::Ready }
            }
            _ => {
                let when = when.shown(py);
                let callback = slf.getattr(pyo3::intern!(py, "_on_timeout"))?;
                let now = event_loop.call_method0(pyo3::intern!(py, "time"))?;
                let handle = if when.bind(py).le(now)? {
                    event_loop.call_method1(pyo3::intern!(py, "call_soon"), (callback,))?
                } else {
                    event_loop.call_method1(pyo3::intern!(py, "call_at"), (when, callback))?
                };
                Alarm::Foreign(handle.unbind())
            }
        };
        when.release(py);
        this.state.with(py, |state| state.alarm = alarm);
        Ok(())
    }

    /// Calls the alarm off, if one is set.
    #[inline]
    pub(super) fn disarm(&self, py: Python<'_>) -> PyResult<()> {
        match self.state.with(py, |state| std::mem::replace(&mut state.alarm, Alarm::None)) {
            Alarm::None | Alarm::Ready => Ok(()),
            Alarm::Timer(core) => {
                core.get().timer_cancelled(py);
                core.drop_ref(py);
                Ok(())
            }
            Alarm::Foreign(handle) => {
                handle.call_method0(py, pyo3::intern!(py, "cancel")).map(drop)
            }
        }
    }

    fn phase(&self, py: Python<'_>) -> Phase {
        self.state.with(py, |state| state.phase)
    }
}

impl Recycle for Timeout {
    fn shelf() -> &'static Shelf {
        static SHELF: Shelf = Shelf::new();
        &SHELF
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        let py = slf.py();
        let empty = State::new(When::Never);
        slf.get().state.with(py, |state| std::mem::replace(state, empty)).release(py);
    }
}

#[pymethods]
impl Timeout {
    // A subclass may take what it likes; its `__init__` says what.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(when)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self { state: WithCell::new(State::new(When::Never)) }
    }

    #[pyo3(signature = (when))]
    fn __init__(&self, py: Python<'_>, when: Option<Bound<'_, PyAny>>) {
        let state = State::new(When::given(when));
        drop(self.state.with(py, |before| std::mem::replace(before, state)));
    }

    /// The deadline, in seconds of the loop's clock, or None.
    fn when(&self, py: Python<'_>) -> Py<PyAny> {
        let when = self.state.with(py, |state| state.when.clone_ref(py));
        when.shown(py)
    }

    /// Changes the deadline, to a loop time in seconds or to None. One that is
    /// over already cancels the task in the next turn.
    ///
    /// `RuntimeError` before the timeout is entered, and from when it expires.
    #[pyo3(signature = (when))]
    pub(super) fn reschedule(
        slf: &Bound<'_, Self>,
        when: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        match this.phase(py) {
            Phase::Entered => {}
            Phase::Created => {
                return Err(PyRuntimeError::new_err("Timeout has not been entered"));
            }
            other => {
                let message = format!("Cannot change state of {} Timeout", other.names().1);
                return Err(PyRuntimeError::new_err(message));
            }
        }
        let when = When::given(when);
        let never = matches!(when, When::Never);
        drop(this.state.with(py, |state| std::mem::replace(&mut state.when, when)));
        this.disarm(py)?;
        if never { Ok(()) } else { Self::arm(slf, &running_loop(py)?, false) }
    }

    /// Whether the deadline came before the end.
    fn expired(&self, py: Python<'_>) -> bool {
        matches!(self.phase(py), Phase::Expiring | Phase::Expired)
    }

    fn _on_timeout(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::expire(slf)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let phase = self.phase(py);
        let name = phase.names().1;
        if phase != Phase::Entered {
            return Ok(format!("<Timeout [{name}]>"));
        }
        let when = self.when(py).into_bound(py);
        let when = if when.is_none() { when } else { when.call_method1("__round__", (3,))? };
        Ok(format!("<Timeout [{name}] when={}>", when.str()?))
    }

    #[getter]
    fn _state(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(standard::timeout_state(py)?.getattr(self.phase(py).names().0)?.unbind())
    }

    #[getter]
    fn _when(&self, py: Python<'_>) -> Py<PyAny> {
        self.when(py)
    }

    #[getter]
    fn _task(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.with(py, |state| state.task.as_ref().map(|task| task.clone_ref(py)))
    }

    #[getter]
    fn _cancelling(&self, py: Python<'_>) -> i64 {
        self.state.with(py, |state| state.cancelling)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            if let When::Given(when) = &state.when {
                visit.call(when)?;
            }
            match &state.alarm {
                Alarm::None | Alarm::Ready => {}
                Alarm::Timer(core) => visit.call(core)?,
                Alarm::Foreign(handle) => visit.call(handle)?,
            }
            visit.call(&state.task)
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        let empty = State::new(When::Never);
        drop(self.state.with(py, |state| std::mem::replace(state, empty)));
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
