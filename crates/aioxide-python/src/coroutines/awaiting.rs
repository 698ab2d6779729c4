//! What `await` does with any object.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;

/// What awaiting `object` goes through, for [`Step::Delegate`](super::Step).
///
/// # Errors
///
/// `TypeError`, as `await` raises it, for what cannot be awaited.
pub fn steps_of(object: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
    let py = object.py();
    // SAFETY: the reference is alive; these look at its type.
    let (coroutine, generator) = unsafe {
        (ffi::PyCoro_CheckExact(object.as_ptr()) != 0, ffi::PyGen_CheckExact(object.as_ptr()) != 0)
    };
    if coroutine || (generator && is_generator_based(object)?) {
        return Ok(object.clone().unbind());
    }
    match object.get_type().getattr_opt(pyo3::intern!(py, "__await__"))? {
        Some(_) => object.call_method0(pyo3::intern!(py, "__await__")).map(Bound::unbind),
        None => {
            let class = object.get_type().name()?;
            Err(PyTypeError::new_err(if cfg!(Py_3_14) {
                format!("'{class}' object can't be awaited")
            } else {
                format!("object {class} can't be used in 'await' expression")
            }))
        }
    }
}

/// Whether a generator is a coroutine by `types.coroutine`.
fn is_generator_based(generator: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = generator.py();
    let code = generator.getattr(pyo3::intern!(py, "gi_code"))?;
    let flags: i32 = code.getattr(pyo3::intern!(py, "co_flags"))?.extract()?;
    Ok(flags & ffi::CO_ITERABLE_COROUTINE != 0)
}
