//! `Event`.

use aioxide_trace::ObjectKind;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};

use super::attributes::lock_attributes;
use super::binding::LoopBinding;
use super::waiters::{Key, Waiters};
use crate::core::coroutines::{Completed, Coroutine, Input, ResumePoint, Routine, Step};
use crate::core::futures::Future;
use crate::ffi::attributes::{collected_fields, uninitialized};
use crate::ffi::gil_cell::{Contents, GilCell};

/// A flag that tasks can wait for.
///
/// https://docs.python.org/3/library/asyncio-sync.html#asyncio.Event
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.locks")]
pub struct Event {
    state: Contents<State>,
}

struct State {
    flag: GilCell<Flag>,
    waiters: GilCell<Waiters>,
    binding: LoopBinding,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flag {
    /// `__init__` never ran.
    Absent,
    Unset,
    Set,
}

impl Event {
    fn new(flag: Flag) -> Self {
        Self {
            state: Contents::new(State {
                flag: GilCell::new(flag),
                waiters: GilCell::new(Waiters::default()),
                binding: LoopBinding::new(ObjectKind::Event),
            }),
        }
    }

    /// A new event whose flag is not set.
    pub fn create(py: Python<'_>) -> PyResult<Py<Self>> {
        Py::new(py, Self::new(Flag::Unset))
    }

    /// A coroutine that waits for the flag.
    pub fn waiting(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, WaitEvent { event: slf, key: None })
    }

    /// How `repr` describes it.
    fn repr_state(slf: &Bound<'_, Self>) -> PyResult<&'static str> {
        Ok(if Self::is_set(slf)? { "set" } else { "unset" })
    }
}

/// `Event.wait`.
pub struct WaitEvent {
    event: Py<Event>,
    key: Option<Key>,
}

impl Routine for WaitEvent {
    #[inline]
    fn try_complete(&mut self, py: Python<'_>, point: ResumePoint) -> Option<Completed> {
        let state = &self.event.get().state;
        let ends = if point == ResumePoint::Woken {
            state.waiters.leave(py, self.key)
        } else {
            state.flag.get(py) == Flag::Set
        };
        ends.then(|| Completed::Return(PyBool::new(py, true).to_owned().into_any().unbind()))
    }

    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let event = self.event.bind(py);
        let state = &event.get().state;
        match input {
            Input::Start if !Event::is_set(event)? => {
                let future = state.binding.future(event.as_any())?;
                self.key = Some(state.waiters.push(py, future.clone_ref(py)));
                return Ok(Step::Wait(future));
            }
            Input::Start => {}
            Input::Value(_) => state.waiters.strike(py, self.key.take(), None)?,
            Input::Error(error) => {
                state.waiters.strike(py, self.key.take(), Some(&error))?;
                return Err(error);
            }
        }
        Ok(Step::Return(PyBool::new(py, true).to_owned().into_any().unbind()))
    }

    fn qualname(&self) -> &'static str {
        "Event.wait"
    }

    fn release(self, py: Python<'_>) {
        self.event.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event)
    }
}

lock_attributes!(Event { _waiters: always });
collected_fields!(Event { binding, waiters });

#[pymethods]
impl Event {
    // A subclass may have other arguments, which its `__init__` takes.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "()")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self::new(Flag::Absent)
    }

    fn __init__(&self, py: Python<'_>) {
        self.state.flag.set(py, Flag::Unset);
        self.state.binding.note_creation(py);
        drop(self.state.waiters.abandon(py));
    }

    /// Whether the flag is set.
    fn is_set(slf: &Bound<'_, Self>) -> PyResult<bool> {
        match slf.get().state.flag.get(slf.py()) {
            Flag::Absent => Err(uninitialized(slf.as_any(), "_value")),
            flag => Ok(flag == Flag::Set),
        }
    }

    /// Sets the flag and wakes every waiter.
    pub fn set(slf: &Bound<'_, Self>) -> PyResult<()> {
        if Self::is_set(slf)? {
            return Ok(());
        }
        let py = slf.py();
        let state = &slf.get().state;
        state.flag.set(py, Flag::Set);
        // If waking one fails, the others are woken all the same.
        let mut outcome = Ok(());
        while let Some(future) = state.waiters.wake_next(py) {
            let woken = PyBool::new(py, true).to_owned().into_any().unbind();
            outcome = outcome.and(Future::finish(future.bind(py), woken));
        }
        outcome
    }

    /// Clears the flag: from now on `wait` waits again.
    pub fn clear(&self, py: Python<'_>) {
        self.state.flag.set(py, Flag::Unset);
    }

    /// Waits until the flag is set. True.
    ///
    /// Cancellation ends the wait and nothing else.
    fn wait(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Self::waiting(slf, py)
    }

    #[getter]
    fn _value(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::is_set(slf)
    }
}
