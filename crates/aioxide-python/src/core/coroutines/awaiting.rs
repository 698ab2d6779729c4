//! `await`, as a native coroutine does it.

use pyo3::PyTypeCheck;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;

use super::{Coroutine, Step};
use crate::core::dispatch::as_native;
use crate::ffi::free_list;

/// The step that waits for `object`, as `await object` does.
///
/// # Errors
///
/// The interpreter's `TypeError` for an object that cannot be awaited, and its
/// `RuntimeError` for a coroutine that is being awaited already.
pub fn awaiting(object: &Bound<'_, PyAny>) -> PyResult<Step> {
    let py = object.py();
    if let Some(future) = as_native(object) {
        future.get().require_event_loop(py)?;
        return Ok(Step::Wait(future.clone().unbind()));
    }
    if free_list::is_exactly::<Coroutine>(object) {
        return Ok(Step::Delegate(object.clone().unbind()));
    }
    // SAFETY: the reference is alive; this compares its type.
    if unsafe { ffi::PyCoro_CheckExact(object.as_ptr()) } != 0 {
        if !object.getattr(crate::intern!(py, "cr_await"))?.is_none() {
            return Err(PyRuntimeError::new_err(crate::name!(
                "coroutine is being awaited already"
            )));
        }
        return Ok(Step::Delegate(object.clone().unbind()));
    }
    steps_of(object).map(|steps| Step::Delegate(steps.unbind()))
}

/// The iterator of an object with `__await__`.
fn steps_of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = object.py();
    if is_generator_based(object)? {
        return Ok(object.clone());
    }
    // SAFETY: the reference is alive, and so is its type with its slots.
    let am_await = unsafe {
        (*ffi::Py_TYPE(object.as_ptr())).tp_as_async.as_ref().and_then(|slots| slots.am_await)
    };
    let Some(am_await) = am_await else {
        let name = object.get_type().name()?;
        return Err(PyTypeError::new_err(if cfg!(Py_3_14) {
            format!("'{name}' object can't be awaited")
        } else {
            format!("object {name} can't be used in 'await' expression")
        }));
    };
    // SAFETY: the slot belongs to the object's type; it gives a new reference,
    // or null with an exception.
    let steps = unsafe { Bound::from_owned_ptr_or_err(py, am_await(object.as_ptr()))? };
    // SAFETY: the reference is alive.
    let is_coroutine =
        unsafe { ffi::PyCoro_CheckExact(steps.as_ptr()) } != 0 || is_generator_based(&steps)?;
    if is_coroutine {
        return Err(PyTypeError::new_err(if cfg!(Py_3_15) {
            let class = object.get_type().fully_qualified_name()?;
            format!("{class}.__await__() must return an iterator, not coroutine")
        } else {
            "__await__() returned a coroutine".to_owned()
        }));
    }
    if !pyo3::types::PyIterator::type_check(&steps) {
        return Err(PyTypeError::new_err(if cfg!(Py_3_15) {
            let class = object.get_type().fully_qualified_name()?;
            let name = steps.get_type().fully_qualified_name()?;
            format!("{class}.__await__() must return an iterator, not {name}")
        } else {
            let name = steps.get_type().name()?;
            format!("__await__() returned non-iterator of type '{name}'")
        }));
    }
    Ok(steps)
}

/// Whether it is a generator that `types.coroutine` has made awaitable.
fn is_generator_based(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    const CO_ITERABLE_COROUTINE: i64 = 0x100;
    // SAFETY: the reference is alive; this compares its type.
    if unsafe { ffi::PyGen_CheckExact(object.as_ptr()) } == 0 {
        return Ok(false);
    }
    let py = object.py();
    let code = object.getattr(crate::intern!(py, "gi_code"))?;
    let flags: i64 = code.getattr(crate::intern!(py, "co_flags"))?.extract()?;
    Ok(flags & CO_ITERABLE_COROUTINE != 0)
}
