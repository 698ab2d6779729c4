//! Coroutines whose body is a Rust future.

use std::future::Future;

use aioxide_abi::{Body, Table};
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::body;
use crate::elsewhere::Coroutine;
use crate::function::Function;
use crate::held::References;
use crate::outcome;
use crate::table;

/// A coroutine that runs `make`, and the future that it returns, on the loop that awaits it and on
/// that loop's thread. Nothing runs before it is awaited or made a task.
///
/// `#[aioxide_pyo3::pyfunction]` and `#[aioxide_pyo3::pymethods]` write this call for an
/// `async fn`. By hand it is for functions that do something at once, before anybody awaits:
///
/// ```
/// use aioxide_pyo3::{coroutine, function};
/// use pyo3::exceptions::PyValueError;
/// use pyo3::prelude::*;
///
/// #[pyfunction]
/// fn wait(py: Python<'_>, seconds: f64) -> PyResult<Bound<'_, PyAny>> {
///     let duration = std::time::Duration::try_from_secs_f64(seconds)
///         .map_err(|error| PyValueError::new_err(error.to_string()))?;
///     coroutine(py, function!("wait"), move || async move {
///         aioxide_pyo3::sleep(duration).await;
///         Ok::<_, PyErr>("done")
///     })
/// }
/// ```
///
/// `make` is called when the coroutine begins. It is `Send`, since a coroutine may be made on
/// another thread than its loop's; the future need not be.
///
/// # Errors
///
/// `MemoryError`.
///
/// # Cancellation
///
/// An exception that is thrown into the coroutine, as `Task.cancel()` does, drops the future and is
/// raised then. The future cannot catch it; clean-up that waits is [`finally`](crate::finally).
pub fn coroutine<'py, M, F, T, E>(
    py: Python<'py>,
    function: &'static Function,
    make: M,
) -> PyResult<Bound<'py, PyAny>>
where
    M: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<T, E>> + 'static,
    T: for<'a> IntoPyObject<'a> + 'static,
    PyErr: From<E>,
{
    coroutine_of(py, function, References::default(), move || {
        let future = make();
        async move {
            let value = future.await?;
            Python::attach(|py| outcome::object(py, value))
        }
    })
}

/// The same for a future whose output is an object already, and which may hold references. For
/// the macros.
#[doc(hidden)]
pub fn coroutine_of<'py, M, F>(
    py: Python<'py>,
    function: &'static Function,
    references: References,
    make: M,
) -> PyResult<Bound<'py, PyAny>>
where
    M: FnOnce() -> F + Send + 'static,
    F: Future<Output = body::Output> + 'static,
{
    // SAFETY: until it is polled, the future is no more than `make`, which is `Send`.
    let body = unsafe { body::anywhere(function, references, async move { make().await }) };
    of_body(py, function, body)
}

/// A coroutine that polls `future` on this thread only: for what becomes a task here at once.
pub(crate) fn here<'py, F, T, E>(
    py: Python<'py>,
    function: &'static Function,
    future: F,
) -> PyResult<Bound<'py, PyAny>>
where
    F: Future<Output = Result<T, E>> + 'static,
    T: for<'a> IntoPyObject<'a> + 'static,
    PyErr: From<E>,
{
    let body = body::here(function, async move {
        let value = future.await?;
        Python::attach(|py| outcome::object(py, value))
    });
    of_body(py, function, body)
}

fn of_body<'py>(
    py: Python<'py>,
    function: &'static Function,
    body: Body,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(table) = table::found() else { return without_table(py, function, body) };
    native(py, table, function, body)
}

/// A coroutine of aioxide's, which refuses other interpreters than the main one itself.
#[inline]
fn native<'py>(
    py: Python<'py>,
    table: &Table,
    function: &'static Function,
    body: Body,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the GIL is held; the body is given away, and the definition is a static's.
    unsafe {
        let made = (table.coroutine)(body, function.definition(), std::ptr::null_mut());
        Bound::from_owned_ptr_or_err(py, made.cast())
    }
}

/// The same before anything was found.
#[cold]
fn without_table<'py>(
    py: Python<'py>,
    function: &'static Function,
    body: Body,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the thread is attached; both only look.
    if unsafe { ffi::PyInterpreterState_Get() != ffi::PyInterpreterState_Main() } {
        return Err(refused(body));
    }
    match table::find(py) {
        Some(table) => native(py, table, function, body),
        None => Coroutine::make(py, function, body).map(Bound::into_any),
    }
}

/// The error for a sub-interpreter: what is found once is kept for the process.
#[cold]
fn refused(body: Body) -> PyErr {
    // SAFETY: it was not dropped yet, and the GIL is held.
    unsafe { ((*body.table).drop)(body.data) };
    PyRuntimeError::new_err("coroutines of aioxide_pyo3 work in the main interpreter only")
}
