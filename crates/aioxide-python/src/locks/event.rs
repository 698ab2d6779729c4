//! `Event`.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};

use super::binding::LoopBinding;
use super::waiters::Waiters;
use crate::coroutines::{AtOnce, Coroutine, Input, Moment, Routine, Step};
use crate::futures::Future;
use crate::gil_cell::{Contents, GilCell};

/// A flag that tasks can wait for.
///
/// https://docs.python.org/3/library/asyncio-sync.html#asyncio.Event
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.locks")]
pub struct Event {
    state: Contents<State>,
}

struct State {
    value: GilCell<bool>,
    waiters: GilCell<Waiters>,
    binding: LoopBinding,
}

impl Event {
    fn new() -> Self {
        Self {
            state: Contents::new(State {
                value: GilCell::new(false),
                waiters: GilCell::new(Waiters::default()),
                binding: LoopBinding::new(),
            }),
        }
    }

    /// A new event; the flag is not set.
    pub fn create(py: Python<'_>) -> PyResult<Py<Self>> {
        Py::new(py, Self::new())
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
            event.state.waiters.leave(py, self.key.take());
        } else if !event.is_set(py) {
            return None;
        }
        Some(AtOnce::Return(PyBool::new(py, true).to_owned().into_any().unbind()))
    }

    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let event = self.event.get();
        match input {
            Input::Start if !event.is_set(py) => {
                let future = event.state.binding.future(self.event.bind(py).as_any())?;
                self.key = Some(event.state.waiters.push(py, future.clone_ref(py)));
                return Ok(Step::Wait(future));
            }
            _ => {}
        }
        if let Some(key) = self.key.take() {
            drop(event.state.waiters.remove(py, key));
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
        Self::new()
    }

    fn __init__(&self) {}

    /// Whether the flag is set.
    fn is_set(&self, py: Python<'_>) -> bool {
        self.state.value.get(py)
    }

    /// Sets the flag: everybody who waits goes on.
    pub fn set(&self, py: Python<'_>) -> PyResult<()> {
        if self.state.value.replace(py, true) {
            return Ok(());
        }
        while let Some(future) = self.state.waiters.wake_next(py) {
            let woken = PyBool::new(py, true).to_owned().into_any().unbind();
            Future::finish(future.bind(py), woken)?;
        }
        Ok(())
    }

    /// Takes the flag back: from now on `wait` waits again.
    pub fn clear(&self, py: Python<'_>) {
        self.state.value.set(py, false);
    }

    /// Waits until the flag is set. True.
    ///
    /// Cancellation ends the wait and nothing else.
    fn wait(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Self::waiting(slf, py)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let state = &slf.get().state;
        let value = if state.value.get(py) { "set" } else { "unset" };
        super::describe(slf.as_any(), value, state.waiters.len(py))
    }

    #[getter]
    fn _waiters(&self, py: Python<'_>) -> Vec<Py<Future>> {
        self.state.waiters.all(py)
    }

    #[getter]
    fn _value(&self, py: Python<'_>) -> bool {
        self.is_set(py)
    }

    #[getter]
    fn get__loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.binding.shown(py)
    }

    #[setter]
    fn set__loop(&self, py: Python<'_>, event_loop: Option<Bound<'_, PyAny>>) {
        self.state.binding.set(py, event_loop);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.binding.traverse(&visit)?;
            state.waiters.traverse(|waiters| waiters.traverse(&visit))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        self.state.binding.clear(py);
        drop(self.state.waiters.take(py));
    }
}
