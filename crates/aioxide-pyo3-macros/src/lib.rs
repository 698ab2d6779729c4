//! `#[aioxide_pyo3::pyfunction]` and `#[aioxide_pyo3::pymethods]`, which the crate `aioxide-pyo3`
//! exports.

mod arguments;
mod function;
mod methods;

use proc_macro::TokenStream;
use syn::Error;

/// A Python function of an `async fn`: calling it makes a coroutine.
///
/// Its arguments are those of PyO3's `#[pyfunction]`, as are `#[pyo3(…)]` below it. The parameters
/// are what PyO3 converts arguments to, and `Send`; one of type `Held<T>` keeps an object where the
/// garbage collector sees it. Borrowed ones (`&str`, `&Bound<…>`) are refused, because the coroutine
/// lives longer than the call. The result is what PyO3 converts, or a `Result` of it.
///
/// ```ignore
/// #[aioxide_pyo3::pyfunction]
/// #[pyo3(signature = (milliseconds, value = None))]
/// async fn later(milliseconds: u64, value: Option<Py<PyAny>>) -> PyResult<Option<Py<PyAny>>> {
///     aioxide_pyo3::sleep(Duration::from_millis(milliseconds)).await;
///     Ok(value)
/// }
/// ```
///
/// Inside of a `#[pymodule] mod`, write `#[pyfunction]` and import `aioxide_pyo3::prelude::*` in place
/// of PyO3's prelude: PyO3 puts into the module what has that word, and silently leaves out what is
/// written with a path.
///
/// A function that is not `async` is left to PyO3.
#[proc_macro_attribute]
pub fn pyfunction(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = syn::parse(item).and_then(|item| function::expand(arguments.into(), item));
    expanded.unwrap_or_else(Error::into_compile_error).into()
}

/// PyO3's `#[pymethods]`, in which methods may be `async fn`.
///
/// What holds for their parameters is said at [`macro@pyfunction`]. The object is not `&self`, but
/// `slf: Py<Self>`, or `slf: Held<Self>` if it may lead back to the coroutine. `#[staticmethod]` and
/// `#[classmethod]` (`cls: Py<PyType>`) work too, and so do `__aenter__`, `__aexit__` and
/// `__anext__`.
///
/// ```ignore
/// #[aioxide_pyo3::pymethods]
/// impl Client {
///     async fn get(slf: Py<Self>, key: String) -> PyResult<Option<String>> {
///         slf.get().connection.ask(key).await
///     }
/// }
/// ```
///
/// Rust code calls the `async fn` as it is.
#[proc_macro_attribute]
pub fn pymethods(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = syn::parse(item).and_then(|item| methods::expand(arguments.into(), item));
    expanded.unwrap_or_else(Error::into_compile_error).into()
}

#[cfg(test)]
mod tests;
