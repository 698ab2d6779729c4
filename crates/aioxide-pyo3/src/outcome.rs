//! What a body returns, as an object of Python.

use std::any::TypeId;

use pyo3::prelude::*;

/// What may come out of a coroutine, as from functions of PyO3: `()` is None.
///
/// # Errors
///
/// What the conversion raises.
pub(crate) fn object<T>(py: Python<'_>, value: T) -> PyResult<Py<PyAny>>
where
    T: for<'py> IntoPyObject<'py> + 'static,
{
    if TypeId::of::<T>() == TypeId::of::<()>() {
        return Ok(py.None());
    }
    value.into_py_any(py)
}

use pyo3::IntoPyObjectExt;

/// The output of an `async fn`, whether it is a `Result` or not. For the macros.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "the macros alone see it")]
pub struct Returned<T>(pub T);

impl<T, E> Returned<Result<T, E>>
where
    T: for<'py> IntoPyObject<'py> + 'static,
    PyErr: From<E>,
{
    /// As an object; this method comes before that of the trait.
    #[doc(hidden)]
    pub fn into_output(self) -> PyResult<Py<PyAny>> {
        Python::attach(|py| object(py, self.0?))
    }
}

/// For what is no `Result`.
#[doc(hidden)]
pub trait Plain {
    /// As an object.
    fn into_output(self) -> PyResult<Py<PyAny>>;
}

impl<T: for<'py> IntoPyObject<'py> + 'static> Plain for Returned<T> {
    fn into_output(self) -> PyResult<Py<PyAny>> {
        Python::attach(|py| object(py, self.0))
    }
}
