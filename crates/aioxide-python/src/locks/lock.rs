//! `Lock`.

use std::ffi::CStr;

use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};

use super::EnterBySubclass;
use super::binding::LoopBinding;
use super::waiters::Waiters;
use crate::coroutines::{AtOnce, Coroutine, Input, Moment, Routine, Step};
use crate::futures::Future;
use crate::methods::{CallArguments, FastMethod, PlainMethod, install, install_plain};
use crate::standard;
use crate::with_cell::WithCell;

/// A mutual exclusion lock for tasks.
///
/// Not reentrant, and not owned by a task. Those who wait get it in the order
/// in which they came.
///
/// https://docs.python.org/3/library/asyncio-sync.html#asyncio.Lock
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.locks")]
pub struct Lock {
    state: WithCell<State>,
    binding: LoopBinding,
}

#[derive(Default)]
struct State {
    locked: bool,
    waiters: Waiters,
}

impl Lock {
    /// A lock that nobody holds.
    pub(super) fn new() -> Self {
        Self { state: WithCell::new(State::default()), binding: LoopBinding::new() }
    }

    /// Whether it is held.
    pub fn is_locked(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.locked)
    }

    /// Takes it if nobody has it and nobody waits for it.
    #[inline]
    fn try_acquire(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| {
            if state.locked || (state.waiters.len() > 0 && state.waiters.any_alive(py)) {
                return false;
            }
            state.locked = true;
            true
        })
    }

    /// Gives it back. `RuntimeError` if nobody has it.
    #[inline]
    pub fn give_back(&self, py: Python<'_>) -> PyResult<()> {
        let was_locked = self.state.with(py, |state| std::mem::take(&mut state.locked));
        if !was_locked {
            return Err(PyRuntimeError::new_err("Lock is not acquired."));
        }
        self.wake_first(py)
    }

    /// Sees to it that the first one who waits will run.
    fn wake_first(&self, py: Python<'_>) -> PyResult<()> {
        match self.state.with(py, |state| state.waiters.first_pending(py)) {
            Some(first) => {
                let woken = PyBool::new(py, true).to_owned().into_any().unbind();
                Future::finish(&first.into_bound(py), woken)
            }
            None => Ok(()),
        }
    }
}

/// `Lock.acquire`, and entering `async with lock`.
pub struct AcquireLock {
    pub lock: Py<Lock>,
    pub key: Option<usize>,
    /// `async with` binds None, `acquire` returns True.
    pub entering: bool,
}

impl AcquireLock {
    fn result(&self, py: Python<'_>) -> Py<PyAny> {
        if self.entering { py.None() } else { PyBool::new(py, true).to_owned().into_any().unbind() }
    }
}

impl Routine for AcquireLock {
    #[inline]
    fn at_once(&mut self, py: Python<'_>, moment: Moment) -> Option<AtOnce> {
        let lock = self.lock.get();
        if moment == Moment::Woken {
            lock.state.with(py, |state| {
                state.waiters.leave(py, self.key.take());
                state.locked = true;
            });
        } else if !lock.try_acquire(py) {
            return None;
        }
        Some(AtOnce::Return(self.result(py)))
    }

    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let lock = self.lock.get();
        if let Input::Start = input {
            if lock.try_acquire(py) {
                return Ok(Step::Return(self.result(py)));
            }
            let future = lock.binding.future(self.lock.bind(py).as_any())?;
            let kept = future.clone_ref(py);
            self.key = Some(lock.state.with(py, |state| state.waiters.push(kept)));
            return Ok(Step::Wait(future));
        }
        if let Some(key) = self.key.take() {
            drop(lock.state.with(py, |state| state.waiters.remove(key)));
        }
        match input {
            Input::Error(error) => {
                // Woken up and cancelled at once: the next one must not be
                // left waiting for a lock that nobody has.
                if error.is_instance(py, standard::cancelled_error(py)?) && !lock.is_locked(py) {
                    lock.wake_first(py)?;
                }
                Err(error)
            }
            _ => {
                lock.state.with(py, |state| state.locked = true);
                Ok(Step::Return(self.result(py)))
            }
        }
    }

    fn qualname(&self) -> &'static str {
        if self.entering { "Lock.__aenter__" } else { "Lock.acquire" }
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.lock.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.lock)
    }
}

/// Leaving `async with lock`.
pub struct ReleaseLock {
    pub lock: Py<Lock>,
}

impl Routine for ReleaseLock {
    #[inline]
    fn at_once(&mut self, py: Python<'_>, _moment: Moment) -> Option<AtOnce> {
        let lock = self.lock.bind(py);
        if !lock.is_exact_instance_of::<Lock>() {
            return None;
        }
        let first = lock.get().state.with(py, |state| {
            std::mem::take(&mut state.locked).then(|| state.waiters.first_pending(py))
        })?;
        Some(AtOnce::return_and_wake(py, first))
    }

    fn resume(&mut self, py: Python<'_>, _input: Input<'_>) -> PyResult<Step> {
        let lock = self.lock.bind(py);
        if lock.is_exact_instance_of::<Lock>() {
            lock.get().give_back(py)?;
        } else {
            lock.call_method0(pyo3::intern!(py, "release"))?;
        }
        Ok(Step::Return(py.None()))
    }

    fn qualname(&self) -> &'static str {
        "Lock.__aexit__"
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.lock.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.lock)
    }
}

/// `lock.acquire()`.
struct Acquire;

impl PlainMethod for Acquire {
    type Class = Lock;
    const NAME: &'static CStr = c"acquire";
    const DOC: &'static CStr = c"Waits until nobody holds the lock, and takes it. True.\n\nCancellation ends the wait; the lock is not taken.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call(slf: &Bound<'_, Lock>) -> PyResult<Py<PyAny>> {
        let lock = slf.clone().unbind();
        Coroutine::new(slf.py(), AcquireLock { lock, key: None, entering: false }).map(Py::into_any)
    }
}

/// `lock.release()`.
struct Release;

impl PlainMethod for Release {
    type Class = Lock;
    const NAME: &'static CStr = c"release";
    const DOC: &'static CStr =
        c"Gives it to the first one who waits. RuntimeError if nobody holds it.";

    #[inline]
    fn call(slf: &Bound<'_, Lock>) -> PyResult<Py<PyAny>> {
        slf.get().give_back(slf.py())?;
        Ok(slf.py().None())
    }
}

/// `async with lock`, at its beginning.
struct Enter;

impl PlainMethod for Enter {
    type Class = Lock;
    const NAME: &'static CStr = c"__aenter__";
    const DOC: &'static CStr = c"Acquires the lock.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call(slf: &Bound<'_, Lock>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let lock = slf.clone().unbind();
        let entering = if slf.is_exact_instance_of::<Lock>() {
            Coroutine::new(py, AcquireLock { lock, key: None, entering: true })
        } else {
            Coroutine::new(py, EnterBySubclass { object: lock.into_any() })
        };
        entering.map(Py::into_any)
    }
}

/// `async with lock`, at its end.
struct Exit;

impl FastMethod for Exit {
    type Class = Lock;
    const NAME: &'static CStr = c"__aexit__";
    const DOC: &'static CStr = c"Releases the lock.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call<'py>(
        slf: &Bound<'py, Lock>,
        _exception: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        Coroutine::new(slf.py(), ReleaseLock { lock: slf.clone().unbind() }).map(Py::into_any)
    }
}

/// Adds the methods that are by hand. Called once, at module initialisation.
pub fn install_lock(py: Python<'_>) -> PyResult<()> {
    install_plain::<Acquire>(py)?;
    install_plain::<Release>(py)?;
    install_plain::<Enter>(py)?;
    install::<Exit>(py)
}

#[pymethods]
impl Lock {
    // A subclass may take what it likes; its `__init__` says what.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "()")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self::new()
    }

    fn __init__(&self) {}

    /// Whether it is held.
    fn locked(&self, py: Python<'_>) -> bool {
        self.is_locked(py)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let (locked, waiters) =
            slf.get().state.with(py, |state| (state.locked, state.waiters.len()));
        let what = if locked { "locked" } else { "unlocked" };
        super::describe(slf.as_any(), what, waiters)
    }

    #[getter]
    fn _waiters(&self, py: Python<'_>) -> Option<Vec<Py<Future>>> {
        let waiters = self.state.with(py, |state| {
            state.waiters.iter().map(|future| future.clone_ref(py)).collect::<Vec<_>>()
        });
        Some(waiters).filter(|waiters| !waiters.is_empty())
    }

    #[getter]
    fn _locked(&self, py: Python<'_>) -> bool {
        self.is_locked(py)
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
