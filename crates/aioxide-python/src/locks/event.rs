//! `Event`.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};

use super::binding::LoopBinding;
use super::waiters::Waiters;
use crate::coroutines::{AtOnce, Coroutine, Input, Moment, Routine, Step};
use crate::futures::Future;
use crate::gil_cell::GilCell;

/// A flag that tasks can wait for.
///
/// https://docs.python.org/3/library/asyncio-sync.html#asyncio.Event
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.locks")]
pub struct Event {
    state: GilCell<State>,
    binding: LoopBinding,
}

#[derive(Default)]
struct State {
    value: bool,
    waiters: Waiters,
}

impl Event {
    /// A new event; the flag is not set.
    pub fn create(py: Python<'_>) -> PyResult<Py<Self>> {
        Py::new(py, Self { state: GilCell::new(State::default()), binding: LoopBinding::new() })
    }

    /// A coroutine that waits for the flag.
    pub fn waiting(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, WaitEvent { event: slf, key: None })
    }
}

/// `Event.wait`.
pub struct WaitEvent {
    event: Py<Event>,
    key: Option<usize>,
}

impl Routine for WaitEvent {
    #[inline]
    fn at_once(&mut self, py: Python<'_>, moment: Moment) -> Option<AtOnce> {
        let event = self.event.get();
        if moment == Moment::Woken {
            event.state.with(py, |state| state.waiters.leave(py, self.key.take()));
        } else if !event.is_set(py) {
            return None;
        }
        Some(AtOnce::Return(PyBool::new(py, true).to_owned().into_any().unbind()))
    }

    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let event = self.event.get();
        match input {
            Input::Start if !event.is_set(py) => {
                let future = event.binding.future(self.event.bind(py).as_any())?;
                let kept = future.clone_ref(py);
                self.key = Some(event.state.with(py, |state| state.waiters.push(kept)));
                return Ok(Step::Wait(future));
            }
            _ => {}
        }
        if let Some(key) = self.key.take() {
            drop(event.state.with(py, |state| state.waiters.remove(key)));
        }
        match input {
            Input::Error(error) => Err(error),
            Input::Value(woken) => Ok(Step::Return(woken.unbind())),
            Input::Start => Ok(Step::Return(PyBool::new(py, true).to_owned().into_any().unbind())),
        }
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

#[pymethods]
impl Event {
    // A subclass may take what it likes; its `__init__` says what.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "()")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self { state: GilCell::new(State::default()), binding: LoopBinding::new() }
    }

    fn __init__(&self) {}

    /// Whether the flag is set.
    fn is_set(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.value)
    }

    /// Sets the flag: everybody who waits goes on.
    pub fn set(&self, py: Python<'_>) -> PyResult<()> {
        if self.state.with(py, |state| std::mem::replace(&mut state.value, true)) {
            return Ok(());
        }
        while let Some(future) = self.state.with(py, |state| state.waiters.wake_next(py)) {
            let woken = PyBool::new(py, true).to_owned().into_any().unbind();
            Future::finish(future.bind(py), woken)?;
        }
        Ok(())
    }

    /// Takes the flag back: from now on `wait` waits again.
    pub fn clear(&self, py: Python<'_>) {
        self.state.with(py, |state| state.value = false);
    }

    /// Waits until the flag is set. True.
    ///
    /// Cancellation ends the wait and nothing else.
    fn wait(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Self::waiting(slf, py)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let (value, waiters) = slf.get().state.with(py, |state| (state.value, state.waiters.len()));
        super::describe(slf.as_any(), if value { "set" } else { "unset" }, waiters)
    }

    #[getter]
    fn _waiters(&self, py: Python<'_>) -> Vec<Py<Future>> {
        self.state
            .with(py, |state| state.waiters.iter().map(|future| future.clone_ref(py)).collect())
    }

    #[getter]
    fn _value(&self, py: Python<'_>) -> bool {
        self.is_set(py)
    }

    #[getter]
    fn get__loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.binding.shown(py)
    }

    #[setter]
    fn set__loop(&self, py: Python<'_>, event_loop: Option<Bound<'_, PyAny>>) {
        self.binding.set(py, event_loop);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.binding.traverse(&visit)?;
        self.state.traverse(|state| state.waiters.traverse(&visit))
    }

    fn __clear__(&self, py: Python<'_>) {
        self.binding.clear(py);
        drop(self.state.with(py, std::mem::take));
    }
}
