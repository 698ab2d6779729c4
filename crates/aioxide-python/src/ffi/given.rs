//! Arguments of which None is one.

use std::convert::Infallible;

use pyo3::prelude::*;

/// An argument that may be left out, as it was given: `None` in Python is not the same as
/// nothing.
pub struct Given<'py>(pub Option<Bound<'py, PyAny>>);

impl Given<'_> {
    /// Left out.
    pub const NOT: Self = Given(None);
}

impl<'py> FromPyObject<'_, 'py> for Given<'py> {
    type Error = Infallible;

    fn extract(argument: Borrowed<'_, 'py, PyAny>) -> Result<Self, Infallible> {
        Ok(Given(Some(argument.to_owned())))
    }
}
