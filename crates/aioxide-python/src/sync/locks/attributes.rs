//! The attributes and the `repr` that the classes of [`sync`](crate::sync) share, over
//! the fields `binding` and `waiters` of an object's `state`.

use pyo3::prelude::*;

/// `_loop`: the loop that the object is bound to, or None.
macro_rules! loop_attribute {
    ($class:ident) => {
        impl $class {
            /// The recorder's number of the line at which it was made; 0 if that is not known.
            pub fn recorded_location(&self, py: Python<'_>) -> u32 {
                self.state.binding.recorded_location(py)
            }
        }

        #[pymethods]
        impl $class {
            #[getter(_loop)]
            fn get__loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
                self.state.binding.shown(py)
            }

            #[setter(_loop)]
            fn set__loop(&self, py: Python<'_>, event_loop: Option<Bound<'_, PyAny>>) {
                self.state.binding.set(py, event_loop);
            }
        }
    };
}
pub(crate) use loop_attribute;

/// `_loop`, `_waiters`, and `__repr__` by the class's `repr_state`. In asyncio `_waiters` is
/// a deque from the beginning (`always`), or None while nothing waits (`if_any`).
macro_rules! lock_attributes {
    ($class:ident { _waiters: $when:ident }) => {
        $crate::sync::locks::attributes::loop_attribute!($class);

        #[pymethods]
        impl $class {
            #[getter]
            fn _waiters(
                &self,
                py: Python<'_>,
            ) -> Option<crate::ffi::allocate::Made<Vec<Py<crate::core::futures::Future>>>> {
                $crate::sync::locks::attributes::$when(self.state.waiters.all(py))
                    .map(crate::ffi::allocate::Made)
            }

            fn __repr__(slf: &Bound<'_, Self>) -> PyResult<crate::ffi::allocate::Made<String>> {
                let state = Self::repr_state(slf)?;
                let waiters = slf.get().state.waiters.len(slf.py());
                $crate::sync::locks::attributes::repr(slf.as_any(), &state, waiters)
                    .map(crate::ffi::allocate::Made)
            }
        }
    };
}
pub(crate) use lock_attributes;

/// The list, even if it is empty.
pub fn always<T>(waiters: Vec<T>) -> Option<Vec<T>> {
    Some(waiters)
}

/// The list, or None if it is empty.
pub fn if_any<T>(waiters: Vec<T>) -> Option<Vec<T>> {
    Some(waiters).filter(|waiters| !waiters.is_empty())
}

/// `<asyncio.locks.Lock object at 0x… [locked, waiters:2]>`.
pub fn repr(object: &Bound<'_, PyAny>, state: &str, waiters: usize) -> PyResult<String> {
    let class = object.get_type();
    let (module, name) = (class.module()?, class.qualname()?);
    let waiters = if waiters > 0 { format!(", waiters:{waiters}") } else { String::new() };
    Ok(format!("<{module}.{name} object at {:p} [{state}{waiters}]>", object.as_ptr()))
}
