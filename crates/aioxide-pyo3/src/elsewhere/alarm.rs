//! What a loop calls once: for a timer, a descriptor or a future.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

/// Rings once, and wakes whoever waits.
#[derive(Default)]
pub(super) struct Alarm {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    has_rung: bool,
    waker: Option<Waker>,
}

impl Alarm {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ring(&self) {
        let mut state = self.lock();
        state.has_rung = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Nobody waits any more.
    pub(super) fn call_off(&self) {
        let waker = self.lock().waker.take();
        drop(waker);
    }

    /// Ready once it has rung; until then `waker` is kept.
    pub(super) fn poll(&self, waker: &Waker) -> Poll<()> {
        let mut state = self.lock();
        if state.has_rung {
            return Poll::Ready(());
        }
        let before = match &mut state.waker {
            Some(kept) if kept.will_wake(waker) => None,
            kept => kept.replace(waker.clone()),
        };
        drop(state);
        drop(before);
        Poll::Pending
    }
}

/// The callback that a loop is given. It refers to no object of Python.
#[pyclass(frozen, module = "aioxide_pyo3")]
pub(super) struct Ring {
    alarm: Arc<Alarm>,
}

impl Ring {
    /// A callback that rings `alarm`.
    pub(super) fn of<'py>(py: Python<'py>, alarm: &Arc<Alarm>) -> PyResult<Bound<'py, Self>> {
        Bound::new(py, Self { alarm: Arc::clone(alarm) })
    }
}

#[pymethods]
impl Ring {
    #[pyo3(signature = (*_arguments, **_options))]
    fn __call__(&self, _arguments: &Bound<'_, PyTuple>, _options: Option<&Bound<'_, PyDict>>) {
        self.alarm.ring();
    }
}
