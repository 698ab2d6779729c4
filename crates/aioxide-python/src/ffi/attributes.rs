//! Private attributes of asyncio's that other people's code reads and writes, over the
//! fields of an object's `state`.

use pyo3::Py;
use pyo3::PyAny;

use crate::ffi::gil_cell::GilCell;

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

/// The same over each `bool` among the `flags`: any value is taken for what it is worth.
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
