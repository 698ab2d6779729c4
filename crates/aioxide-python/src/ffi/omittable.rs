//! Arguments that may be left out, and may be None.

use std::convert::Infallible;

use pyo3::prelude::*;

/// An argument that may be left out; Python's None is an argument like any other.
pub struct Omittable<'py>(pub Option<Bound<'py, PyAny>>);

impl Omittable<'_> {
    /// The argument was left out.
    pub const OMITTED: Self = Omittable(None);
}

impl<'py> FromPyObject<'_, 'py> for Omittable<'py> {
    type Error = Infallible;

    fn extract(argument: Borrowed<'_, 'py, PyAny>) -> Result<Self, Infallible> {
        Ok(Omittable(Some(argument.to_owned())))
    }
}
