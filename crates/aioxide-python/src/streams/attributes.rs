//! Private attributes of asyncio's that other people's code reads and sets.

use pyo3::Py;
use pyo3::PyAny;

use crate::gil_cell::GilCell;

/// An attribute's object; None when there is nothing.
pub(super) type Slot = GilCell<Option<Py<PyAny>>>;

/// A Python attribute over a [`Slot`] in `state`.
macro_rules! object_attribute {
    ($class:ident, $field:ident, $attribute:ident, $get:ident, $set:ident) => {
        #[pymethods]
        impl $class {
            #[getter($attribute)]
            fn $get(&self, py: Python<'_>) -> Option<Py<PyAny>> {
                self.state.$field.clone_ref(py)
            }

            #[setter($attribute)]
            fn $set(&self, py: Python<'_>, value: Option<Py<PyAny>>) {
                drop(self.state.$field.replace(py, value));
            }
        }
    };
}
pub(super) use object_attribute;

/// The same over a `bool` among the `flags`.
macro_rules! flag_attribute {
    ($class:ident, $field:ident, $attribute:ident, $get:ident, $set:ident) => {
        #[pymethods]
        impl $class {
            #[getter($attribute)]
            fn $get(&self, py: Python<'_>) -> bool {
                self.state.flags.get(py).$field
            }

            #[setter($attribute)]
            fn $set(&self, value: Bound<'_, PyAny>) -> PyResult<()> {
                let set = value.is_truthy()?;
                self.state.flags.update(value.py(), |flags| flags.$field = set);
                Ok(())
            }
        }
    };
}
pub(super) use flag_attribute;
