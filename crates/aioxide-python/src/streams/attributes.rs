//! Private attributes of asyncio's that other people's code reads and sets.

/// A Python attribute over a field of type `Option<Py<PyAny>>` in `state`; None
/// when there is nothing.
macro_rules! object_attribute {
    ($class:ident, $field:ident, $attribute:ident, $get:ident, $set:ident) => {
        #[pymethods]
        impl $class {
            #[getter($attribute)]
            fn $get(&self, py: Python<'_>) -> Option<Py<PyAny>> {
                self.state.with(py, |state| state.$field.as_ref().map(|it| it.clone_ref(py)))
            }

            #[setter($attribute)]
            fn $set(&self, py: Python<'_>, value: Option<Py<PyAny>>) {
                drop(self.state.with(py, |state| std::mem::replace(&mut state.$field, value)));
            }
        }
    };
}
pub(super) use object_attribute;

/// The same over a `bool`.
macro_rules! flag_attribute {
    ($class:ident, $field:ident, $attribute:ident, $get:ident, $set:ident) => {
        #[pymethods]
        impl $class {
            #[getter($attribute)]
            fn $get(&self, py: Python<'_>) -> bool {
                self.state.with(py, |state| state.$field)
            }

            #[setter($attribute)]
            fn $set(&self, py: Python<'_>, value: bool) {
                self.state.with(py, |state| state.$field = value);
            }
        }
    };
}
pub(super) use flag_attribute;
