//! The items of an iterable argument.

use pyo3::Borrowed;
use pyo3::conversion::FromPyObjectOwned;
use pyo3::prelude::*;

use super::allocate;

/// The items of any iterable, as `tuple(iterable)` takes them, each as a `T`.
///
/// Functions that Python calls take this in place of a `Vec`: PyO3 extracts that by the length
/// which the object claims to have, and ends the process when memory has no room for so many.
/// `scripts/check-arguments` looks for it.
pub struct Items<T>(pub Vec<T>);

impl<'py, T: FromPyObjectOwned<'py>> FromPyObject<'_, 'py> for Items<T> {
    type Error = PyErr;

    fn extract(argument: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let tuple = allocate::tuple_from(&argument)?;
        let mut items = Vec::new();
        items.try_reserve_exact(tuple.len()).map_err(|_| allocate::out_of_memory())?;
        for item in tuple.iter_borrowed() {
            items.push(item.extract().map_err(Into::into)?);
        }
        Ok(Self(items))
    }
}
