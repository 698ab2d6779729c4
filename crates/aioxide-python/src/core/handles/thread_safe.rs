//! The Python class `ThreadSafeHandle`, from 3.14 on.

use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use pyo3::{PyTraverseError, PyTypeInfo, ffi};

use super::handle::HandleState;
use super::{Arguments, Handle};
use crate::core::futures::LoopRef;
use crate::ffi::gil_cell::GilCell;
use crate::stdlib;

/// A callback that `call_soon_threadsafe` has scheduled. While it runs, `cancel()` and
/// `cancelled()` in other threads wait until it has ended.
#[pyclass(frozen, extends = Handle, module = "aioxide")]
pub struct ThreadSafeHandle {
    /// A `threading.RLock`; None only after the collector cleared the handle.
    lock: GilCell<Option<Py<PyAny>>>,
}

impl ThreadSafeHandle {
    /// A handle without debug mode's extras.
    pub fn create(
        py: Python<'_>,
        callback: Py<PyAny>,
        arguments: Arguments,
        event_loop: LoopRef,
        context: Py<PyAny>,
    ) -> PyResult<Py<Handle>> {
        static CELL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let lock = CELL
            .get_or_try_init(py, || {
                let module = py.import(crate::name!("threading"))?;
                Ok::<_, PyErr>(module.getattr(crate::name!("RLock"))?.cast_into()?.unbind())
            })?
            .bind(py)
            .call0()?
            .unbind();
        let state = HandleState::scheduled(callback, arguments, event_loop, context);
        let handle = Handle { state };
        let this = Self { lock: GilCell::new(Some(lock)) };
        let this = Bound::new(py, PyClassInitializer::from(handle).add_subclass(this))?;
        Ok(this.into_super().unbind())
    }

    /// `handle` as a `ThreadSafeHandle`, if it is one.
    #[inline]
    pub fn of<'a, 'py>(handle: &'a Bound<'py, Handle>) -> Option<&'a Bound<'py, Self>> {
        // SAFETY: the reference is alive.
        let class = unsafe { ffi::Py_TYPE(handle.as_ptr()) };
        // SAFETY: the class has just been compared.
        (class == Self::type_object_raw(handle.py()))
            .then(|| unsafe { handle.cast_unchecked::<Self>() })
    }

    /// Runs a closure while no other thread can.
    pub fn locked<R>(slf: &Bound<'_, Self>, body: impl FnOnce() -> PyResult<R>) -> PyResult<R> {
        let py = slf.py();
        let lock = slf.get().lock.clone_ref(py).map(|lock| lock.into_bound(py));
        let Some(lock) = lock else {
            return body();
        };
        lock.call_method0(crate::intern!(py, "acquire"))?;
        let result = body();
        lock.call_method0(crate::intern!(py, "release"))?;
        result
    }
}

#[pymethods]
impl ThreadSafeHandle {
    /// `isinstance(x, asyncio.events._ThreadSafeHandle)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(stdlib::thread_safe_handle_type(slf.py())?.clone().unbind())
    }

    /// Cancels the callback. Waits while it runs in another thread.
    fn cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::locked(slf, || Handle::cancel_handle(slf.as_super()))
    }

    /// Returns whether the callback was cancelled. Waits while it runs in another thread.
    fn cancelled(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Self::locked(slf, || Ok(slf.as_super().get().is_cancelled(slf.py())))
    }

    fn _run(slf: &Bound<'_, Self>) -> PyResult<()> {
        crate::core::dispatch::run_handle(slf.as_super())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.lock.traverse(|lock| visit.call(lock))
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.lock.take(py));
    }
}
