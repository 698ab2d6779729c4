//! What classes declare instead of writing it: private attributes of asyncio's that
//! programs read and write, and the fields that the garbage collector visits. All are
//! fields of an object's `state`.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyAttributeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::ffi::gil_cell::GilCell;

/// The error of reading `attribute`, which `__init__` would have set, before it has run.
#[cold]
pub fn uninitialized(object: &Bound<'_, PyAny>, attribute: &str) -> PyErr {
    match object.get_type().name() {
        Ok(name) => {
            PyAttributeError::new_err(format!("'{name}' object has no attribute '{attribute}'"))
        }
        Err(error) => error,
    }
}

/// A field that holds references.
pub trait Collected {
    /// Shows them to the garbage collector.
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError>;

    /// Drops them, to break a cycle.
    fn clear(&self, py: Python<'_>);
}

impl<T> Collected for GilCell<Option<Py<T>>> {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.traverse(|object| visit.call(object))
    }

    fn clear(&self, py: Python<'_>) {
        drop(self.take(py));
    }
}

/// `__traverse__` and `__clear__` over [`Collected`] fields: `Class { field, field }`.
macro_rules! collected_fields {
    ($class:ident { $($field:ident),* $(,)? }) => {
        #[pymethods]
        impl $class {
            fn __traverse__(
                &self,
                visit: pyo3::gc::PyVisit<'_>,
            ) -> Result<(), pyo3::PyTraverseError> {
                self.state.traverse(|state| {
                    $(crate::ffi::attributes::Collected::traverse(&state.$field, &visit)?;)*
                    Ok(())
                })
            }

            fn __clear__(&self, py: Python<'_>) {
                $(crate::ffi::attributes::Collected::clear(&self.state.$field, py);)*
            }
        }
    };
}
pub(crate) use collected_fields;

/// An attribute's object; None when there is nothing.
pub type Slot = GilCell<Option<Py<PyAny>>>;

/// Attributes over [`Slot`]s: `attribute: field, getter, setter;`.
macro_rules! object_attributes {
    ($class:ident { $($attribute:ident: $field:ident, $get:ident, $set:ident;)* }) => {
        #[pymethods]
        impl $class {
            $(
                #[getter($attribute)]
                fn $get(&self, py: Python<'_>) -> Option<Py<PyAny>> {
                    self.state.$field.clone_ref(py)
                }

                #[setter($attribute)]
                fn $set(&self, py: Python<'_>, value: Option<Py<PyAny>>) {
                    drop(self.state.$field.replace(py, value));
                }
            )*
        }
    };
}
pub(crate) use object_attributes;

/// The same over each `bool` among the `flags`: a value is set by its truth.
macro_rules! flag_attributes {
    ($class:ident { $($attribute:ident: $($field:ident).+, $get:ident, $set:ident;)* }) => {
        #[pymethods]
        impl $class {
            $(
                #[getter($attribute)]
                fn $get(&self, py: Python<'_>) -> bool {
                    self.state.flags.get(py).$($field).+
                }

                #[setter($attribute)]
                fn $set(&self, value: Bound<'_, PyAny>) -> PyResult<()> {
                    let set = value.is_truthy()?;
                    self.state.flags.update(value.py(), |flags| flags.$($field).+ = set);
                    Ok(())
                }
            )*
        }
    };
}
pub(crate) use flag_attributes;

/// The same over each `u32` among the `flags`.
macro_rules! count_attributes {
    ($class:ident { $($attribute:ident: $($field:ident).+, $get:ident, $set:ident;)* }) => {
        #[pymethods]
        impl $class {
            $(
                #[getter($attribute)]
                fn $get(&self, py: Python<'_>) -> crate::ffi::allocate::Made<u32> {
                    crate::ffi::allocate::Made(self.state.flags.get(py).$($field).+)
                }

                #[setter($attribute)]
                fn $set(&self, py: Python<'_>, count: u32) {
                    self.state.flags.update(py, |flags| flags.$($field).+ = count);
                }
            )*
        }
    };
}
pub(crate) use count_attributes;
