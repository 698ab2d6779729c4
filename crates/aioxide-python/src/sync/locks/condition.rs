//! `Condition`.

use aioxide_trace::ObjectKind;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString, PyTuple};

use super::attributes::lock_attributes;
use super::binding::LoopBinding;
use super::lock::{AcquireLock, Lock, ReleaseLock};
use super::waiters::{Key, Waiters};
use super::{EnterBySubclass, ReleaseBySubclass};
use crate::core::coroutines::Coroutine;
use crate::core::futures::Future;
use crate::ffi::allocate::Made;
use crate::ffi::attributes::collected_fields;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::ffi::omittable::Omittable;

/// A lock, and a list of tasks that wait for a notification that what it guards has
/// changed.
///
/// Condition(lock=None). Made without a lock, it has one of its own. A task that waits
/// holds the lock; it is released during the wait and acquired again at its end.
///
/// https://docs.python.org/3/library/asyncio-sync.html#asyncio.Condition
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.locks")]
pub struct Condition {
    state: Contents<State>,
}

struct State {
    /// The lock, if it is a [`Lock`] and its methods are not overridden.
    lock: GilCell<Option<Py<Lock>>>,
    /// Whether the object has a method as an attribute of its own.
    replaced: GilCell<bool>,
    waiters: GilCell<Waiters>,
    binding: LoopBinding,
}

impl Condition {
    fn new() -> Self {
        Self {
            state: Contents::new(State {
                lock: GilCell::new(None),
                replaced: GilCell::new(false),
                waiters: GilCell::new(Waiters::default()),
                binding: LoopBinding::new(ObjectKind::Condition),
            }),
        }
    }

    /// A condition with a lock of its own.
    pub fn create(py: Python<'_>) -> PyResult<Py<Self>> {
        let condition = Bound::new(py, Self::new())?;
        Self::__init__(&condition, None)?;
        Ok(condition.unbind())
    }

    /// The lock, if it can be used without calling Python.
    pub(super) fn native_lock(&self, py: Python<'_>) -> Option<Py<Lock>> {
        self.state.lock.clone_ref(py)
    }

    /// Whether none of the methods that asyncio's methods call is overridden.
    pub(super) fn is_native(slf: &Bound<'_, Self>) -> bool {
        slf.is_exact_instance_of::<Self>() && !slf.get().state.replaced.get(slf.py())
    }

    /// A future to wait for, of the loop that the condition is bound to.
    pub(super) fn future(slf: &Bound<'_, Self>) -> PyResult<Py<Future>> {
        slf.get().state.binding.future(slf.as_any())
    }

    /// Whether the lock is held.
    pub(super) fn is_locked(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        match slf.get().native_lock(py) {
            Some(lock) => Lock::is_locked(lock.bind(py)),
            None => slf.call_method0(crate::intern!(py, "locked"))?.is_truthy(),
        }
    }

    /// Releases the lock.
    pub(super) fn give_back(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        match slf.get().native_lock(py) {
            Some(lock) => Lock::give_back(lock.bind(py)),
            None => slf.call_method0(crate::intern!(py, "release")).map(drop),
        }
    }

    /// Adds a waiter. The key is for [`Condition::leave`].
    pub(super) fn join(&self, py: Python<'_>, future: Py<Future>) -> Key {
        self.state.waiters.push(py, future)
    }

    /// Removes a waiter whose wait has ended, by `error` if by one.
    pub(super) fn leave(&self, py: Python<'_>, key: Key, error: Option<&PyErr>) -> PyResult<()> {
        self.state.waiters.strike(py, Some(key), error)
    }

    /// Wakes the first waiter that was not woken yet. Whether there was one.
    pub(super) fn wake_next(&self, py: Python<'_>) -> PyResult<bool> {
        let Some(next) = self.state.waiters.wake_next(py) else {
            return Ok(false);
        };
        let next = next.into_bound(py);
        Future::finish(&next, PyBool::new(py, false).to_owned().into_any().unbind())?;
        Ok(true)
    }

    /// Wakes every waiter. `RuntimeError` if the lock is not held.
    pub(super) fn wake_all(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::check_locked(slf)?;
        while slf.get().wake_next(slf.py())? {}
        Ok(())
    }

    /// Sets or deletes an attribute. From then on an attribute that hides a method of the
    /// class is used in its place.
    fn set_attribute(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let value = value.map_or(std::ptr::null_mut(), |value| value.as_ptr());
        // SAFETY: the thread is attached and the references are alive; null deletes.
        if unsafe { ffi::PyObject_GenericSetAttr(slf.as_ptr(), name.as_ptr(), value) } != 0 {
            return Err(PyErr::fetch(py));
        }
        let methods = ["locked", "acquire", "release", "wait", "notify"];
        if name.cast::<PyString>().is_ok_and(|name| methods.iter().any(|method| name == method)) {
            let state = &slf.get().state;
            state.replaced.set(py, true);
            drop(state.lock.take(py));
        }
        Ok(())
    }

    fn check_locked(slf: &Bound<'_, Self>) -> PyResult<()> {
        if Self::is_locked(slf)? {
            Ok(())
        } else {
            Err(PyRuntimeError::new_err(crate::name!("cannot notify on un-acquired lock")))
        }
    }

    /// How `repr` describes it.
    fn repr_state(slf: &Bound<'_, Self>) -> PyResult<&'static str> {
        Ok(if Self::is_locked(slf)? { "locked" } else { "unlocked" })
    }
}

lock_attributes!(Condition { _waiters: always });
collected_fields!(Condition { binding, lock, waiters });

#[pymethods]
impl Condition {
    // A subclass may have other arguments, which its `__init__` takes.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(lock=None)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self::new()
    }

    // The lock's methods become attributes of the object, as in asyncio: they hide
    // the methods of a subclass.
    #[pyo3(signature = (lock=None))]
    fn __init__(slf: &Bound<'_, Self>, lock: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        slf.get().state.binding.note_creation(py);
        let lock = match lock {
            Some(lock) => lock,
            None => Lock::create(py)?.into_any(),
        };
        slf.setattr(crate::intern!(py, "_lock"), &lock)?;
        for name in [
            crate::intern!(py, "locked"),
            crate::intern!(py, "acquire"),
            crate::intern!(py, "release"),
        ] {
            slf.setattr(name, lock.getattr(name)?)?;
        }
        let native = match lock.cast_into_exact::<Lock>() {
            Ok(lock) if slf.is_exact_instance_of::<Self>() => Some(lock.unbind()),
            _ => None,
        };
        let state = &slf.get().state;
        drop(state.waiters.abandon(py));
        drop(state.lock.replace(py, native));
        state.replaced.set(py, false);
        Ok(())
    }

    fn __setattr__(
        slf: &Bound<'_, Self>,
        name: Bound<'_, PyAny>,
        value: Bound<'_, PyAny>,
    ) -> PyResult<()> {
        Self::set_attribute(slf, &name, Some(&value))
    }

    fn __delattr__(slf: &Bound<'_, Self>, name: Bound<'_, PyAny>) -> PyResult<()> {
        Self::set_attribute(slf, &name, None)
    }

    /// Wakes `n` waiters, or all if there are fewer. They continue when the lock is
    /// released.
    ///
    /// `RuntimeError` if the lock is not held.
    #[pyo3(signature = (n=Omittable::OMITTED), text_signature = "($self, n=1)")]
    fn notify<'py>(slf: &Bound<'py, Self>, n: Omittable<'py>) -> PyResult<()> {
        let py = slf.py();
        Self::check_locked(slf)?;
        let this = slf.get();
        let Some(n) = n.0 else {
            return this.wake_next(py).map(drop);
        };
        // `n` may be anything that can be compared with a number, as in asyncio.
        // Without waiters it is not used.
        let mut woken = 0_usize;
        while this.state.waiters.len(py) > 0
            && !Made(woken).into_pyobject(py)?.ge(&n)?
            && this.wake_next(py)?
        {
            woken += 1;
        }
        Ok(())
    }

    /// Wakes every waiter.
    ///
    /// `RuntimeError` if the lock is not held.
    fn notify_all(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if Self::is_native(slf) {
            return Self::wake_all(slf);
        }
        let waiting = slf.get().state.waiters.len(py);
        slf.call_method1(crate::intern!(py, "notify"), (waiting,)).map(drop)
    }

    fn __aenter__(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        match slf.get().native_lock(py) {
            Some(lock) => Coroutine::new(py, AcquireLock { lock, key: None, entering: true }),
            None => Coroutine::new(py, EnterBySubclass { object: slf.into_any() }),
        }
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__(
        slf: Py<Self>,
        py: Python<'_>,
        _exception: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<Coroutine>> {
        match slf.get().native_lock(py) {
            Some(lock) => Coroutine::new(py, ReleaseLock { lock }),
            None => Coroutine::new(py, ReleaseBySubclass { object: slf.into_any() }),
        }
    }
}
