//! `Lock`.

use std::ffi::CStr;

use aioxide_engine::recorder::ObjectRecord;
use aioxide_trace::ObjectKind;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};

use super::EnterBySubclass;
use super::attributes::lock_attributes;
use super::binding::LoopBinding;
use super::waiters::{Key, Waiters};
use crate::core::coroutines::{Completed, Coroutine, Input, ResumePoint, Routine, Step};
use crate::core::futures::Future;
use crate::ffi::attributes::{collected_fields, uninitialized};
use crate::ffi::fastcall::{CallArguments, FastMethod, PlainMethod, install, install_plain};
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::stdlib;

/// A mutual exclusion lock for tasks.
///
/// It is not reentrant, and no task owns it. Tasks that wait acquire it in the order
/// in which they began to wait.
///
/// https://docs.python.org/3/library/asyncio-sync.html#asyncio.Lock
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.locks")]
pub struct Lock {
    state: Contents<State>,
}

struct State {
    held: GilCell<Held>,
    waiters: GilCell<Waiters>,
    binding: LoopBinding,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    /// `__init__` never ran.
    Absent,
    Unlocked,
    Locked,
}

impl Lock {
    fn new(held: Held) -> Self {
        Self {
            state: Contents::new(State {
                held: GilCell::new(held),
                waiters: GilCell::new(Waiters::default()),
                binding: LoopBinding::new(ObjectKind::Lock),
            }),
        }
    }

    /// An unlocked lock.
    pub(super) fn create(py: Python<'_>) -> PyResult<Bound<'_, Self>> {
        Bound::new(py, Self::new(Held::Unlocked))
    }

    /// Whether it is held.
    pub(super) fn is_locked(slf: &Bound<'_, Self>) -> PyResult<bool> {
        match slf.get().state.held.get(slf.py()) {
            Held::Absent => Err(uninitialized(slf.as_any(), "_locked")),
            held => Ok(held == Held::Locked),
        }
    }

    /// Acquires the lock if it is free and no task waits for it.
    #[inline]
    fn try_acquire(&self, py: Python<'_>) -> bool {
        let state = &self.state;
        if state.held.get(py) != Held::Unlocked
            || (state.waiters.len(py) > 0 && state.waiters.any_alive(py))
        {
            return false;
        }
        state.held.set(py, Held::Locked);
        state.binding.note_owner(py, true);
        true
    }

    /// Releases the lock. `RuntimeError` if it is not held.
    #[inline]
    pub(super) fn give_back(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if this.state.held.get(py) != Held::Locked {
            // `AttributeError` where `__init__` never ran.
            Self::is_locked(slf)?;
            return Err(PyRuntimeError::new_err(crate::name!("Lock is not acquired.")));
        }
        this.state.held.set(py, Held::Unlocked);
        this.state.binding.note_owner(py, false);
        this.wake_first(py)
    }

    /// Wakes the first waiter, unless it is woken already.
    fn wake_first(&self, py: Python<'_>) -> PyResult<()> {
        match self.state.waiters.first_pending(py) {
            Some(first) => {
                let woken = PyBool::new(py, true).to_owned().into_any().unbind();
                Future::finish(&first.into_bound(py), woken)
            }
            None => Ok(()),
        }
    }

    /// How `repr` describes it.
    fn repr_state(slf: &Bound<'_, Self>) -> PyResult<&'static str> {
        Ok(if Self::is_locked(slf)? { "locked" } else { "unlocked" })
    }
}

/// `Lock.acquire`, and entering `async with lock`.
pub struct AcquireLock {
    pub lock: Py<Lock>,
    pub key: Option<Key>,
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
    fn try_complete(&mut self, py: Python<'_>, point: ResumePoint) -> Option<Completed> {
        let lock = self.lock.get();
        if point == ResumePoint::Woken {
            if !lock.state.waiters.leave(py, self.key) {
                return None;
            }
            lock.state.held.set(py, Held::Locked);
            lock.state.binding.note_owner(py, true);
        } else if !lock.try_acquire(py) {
            return None;
        }
        Some(Completed::Return(self.result(py)))
    }

    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let slf = self.lock.bind(py);
        let lock = slf.get();
        match input {
            Input::Start => {
                if lock.try_acquire(py) {
                    return Ok(Step::Return(self.result(py)));
                }
                Lock::is_locked(slf)?;
                let future = lock.state.binding.future(slf.as_any())?;
                self.key = Some(lock.state.waiters.push(py, future.clone_ref(py)));
                Ok(Step::Wait(future))
            }
            Input::Error(error) => {
                lock.state.waiters.strike(py, self.key.take(), Some(&error))?;
                // Woken and then cancelled: the next waiter must be woken,
                // since the lock is free.
                if error.is_instance(py, stdlib::cancelled_error(py)?)
                    && lock.state.held.get(py) == Held::Unlocked
                {
                    lock.wake_first(py)?;
                }
                Err(error)
            }
            Input::Value(_) => {
                lock.state.waiters.strike(py, self.key.take(), None)?;
                lock.state.held.set(py, Held::Locked);
                lock.state.binding.note_owner(py, true);
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
    fn try_complete(&mut self, py: Python<'_>, _point: ResumePoint) -> Option<Completed> {
        let lock = self.lock.bind(py);
        let state = &lock.get().state;
        if !super::is_plain(lock) || state.held.get(py) != Held::Locked {
            return None;
        }
        state.held.set(py, Held::Unlocked);
        state.binding.note_owner(py, false);
        Some(Completed::return_and_wake(py, state.waiters.first_pending(py)))
    }

    fn resume(&mut self, py: Python<'_>, _input: Input<'_>) -> PyResult<Step> {
        let lock = self.lock.bind(py);
        if super::is_plain(lock) {
            Lock::give_back(lock)?;
        } else {
            lock.call_method0(crate::intern!(py, "release"))?;
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
    const DOC: &'static CStr = c"Waits until the lock is free, and acquires it. True.\n\nCancellation ends the wait; the lock is not acquired.";
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
        c"Releases the lock and wakes the first waiter. RuntimeError if it is not held.";

    #[inline]
    fn call(slf: &Bound<'_, Lock>) -> PyResult<Py<PyAny>> {
        Lock::give_back(slf)?;
        Ok(slf.py().None())
    }
}

/// Entering `async with lock`.
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
        let entering = if super::is_plain(slf) {
            Coroutine::new(py, AcquireLock { lock, key: None, entering: true })
        } else {
            Coroutine::new(py, EnterBySubclass { object: lock.into_any() })
        };
        entering.map(Py::into_any)
    }
}

/// Leaving `async with lock`.
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

/// Adds the fast methods. Called once, at module initialisation.
pub fn install_lock(py: Python<'_>) -> PyResult<()> {
    install_plain::<Acquire>(py)?;
    install_plain::<Release>(py)?;
    install_plain::<Enter>(py)?;
    install::<Exit>(py)
}

lock_attributes!(Lock { _waiters: if_any });

impl Lock {
    /// The id under which the task is recorded that has the lock; None if that is not known, or
    /// means nothing.
    pub fn recorded_owner(&self, py: Python<'_>) -> Option<u64> {
        if self.state.held.get(py) != Held::Locked {
            return None;
        }
        self.record(py).filter(|record| !record.is_signal())?.holders().1.next()
    }

    /// Its record, if it has one.
    pub fn record(&self, py: Python<'_>) -> Option<&'static ObjectRecord> {
        self.state.binding.record(py)
    }
}

collected_fields!(Lock { binding, waiters });

#[pymethods]
impl Lock {
    // A subclass may have other arguments, which its `__init__` takes.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "()")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self::new(Held::Absent)
    }

    fn __init__(&self, py: Python<'_>) {
        self.state.held.set(py, Held::Unlocked);
        self.state.binding.note_creation(py);
        drop(self.state.waiters.abandon(py));
    }

    /// Whether it is held.
    fn locked(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::is_locked(slf)
    }

    #[getter]
    fn get__locked(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::is_locked(slf)
    }

    #[setter]
    fn set__locked(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let held = if value.is_truthy()? { Held::Locked } else { Held::Unlocked };
        self.state.held.set(value.py(), held);
        Ok(())
    }
}
