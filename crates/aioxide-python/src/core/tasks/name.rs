//! A task's name. Most are never read, so a default name is stored as its number.

use std::sync::atomic::{AtomicU64, Ordering};

use aioxide_engine::recorder::TaskName;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::ffi::allocate;
use crate::ffi::gil_cell::CloneRef;

/// The number of the next default name of this process.
fn next_number() -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(1);
    COUNTER.fetch_add(1, Ordering::Relaxed)
}

fn default_name(py: Python<'_>, number: impl std::fmt::Display) -> PyResult<Bound<'_, PyAny>> {
    allocate::string(py, &format!("Task-{number}")).map(Bound::into_any)
}

/// Gives a chosen name to the recorder.
fn with_text<R>(name: &Bound<'_, PyAny>, body: impl FnOnce(TaskName<'_>) -> R) -> R {
    let text = name.cast::<PyString>().map(|name| name.to_string_lossy());
    body(TaskName::Text(text.as_deref().unwrap_or("")))
}

#[cfg(not(Py_3_14))]
pub use number::Name;
#[cfg(Py_3_14)]
pub use object::Name;

#[cfg(not(Py_3_14))]
mod number {
    use super::*;

    /// See the module.
    #[derive(Default)]
    pub enum Name {
        /// None yet.
        #[default]
        Absent,
        /// `Task-N`.
        Number(u64),
        /// What the caller chose, as a `str`.
        Given(Py<PyAny>),
    }

    // SAFETY: a reference count goes up.
    unsafe impl CloneRef for Name {
        fn clone_ref(&self, py: Python<'_>) -> Self {
            match self {
                Self::Absent => Self::Absent,
                Self::Number(number) => Self::Number(*number),
                Self::Given(name) => Self::Given(name.clone_ref(py)),
            }
        }
    }

    impl Name {
        /// The next made-up name.
        #[inline]
        pub fn next(_py: Python<'_>) -> PyResult<Self> {
            Ok(Self::Number(next_number()))
        }

        /// The name that the caller chose, made a `str`.
        pub fn given(name: &Bound<'_, PyAny>) -> PyResult<Self> {
            Ok(Self::Given(name.str()?.into_any().unbind()))
        }

        /// The name as Python code sees it.
        pub fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
            match self {
                Self::Absent => Ok(py.None().into_bound(py)),
                Self::Number(number) => default_name(py, number),
                Self::Given(name) => Ok(name.into_bound(py)),
            }
        }

        /// The number of a made-up name, if it is at hand.
        #[inline]
        pub fn number(&self) -> Option<u64> {
            match self {
                Self::Number(number) => Some(*number),
                Self::Absent | Self::Given(_) => None,
            }
        }

        /// Gives it to the recorder.
        pub fn recorded<R>(self, py: Python<'_>, body: impl FnOnce(TaskName<'_>) -> R) -> R {
            match self {
                Self::Absent => body(TaskName::Text("")),
                Self::Number(number) => body(TaskName::Number(number)),
                Self::Given(name) => with_text(&name.into_bound(py), body),
            }
        }

        /// Drops it, with the GIL held.
        #[inline]
        pub fn release(self, py: Python<'_>) {
            if let Self::Given(name) = self {
                name.drop_ref(py);
            }
        }

        pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
            match self {
                Self::Given(name) => visit.call(name),
                Self::Absent | Self::Number(_) => Ok(()),
            }
        }
    }
}

#[cfg(Py_3_14)]
mod object {
    use super::*;
    use pyo3::IntoPyObjectExt;
    use pyo3::types::PyInt;

    /// See the module. CPython's tools read it from memory: a pointer to a `str`, or to
    /// an `int` for a default name.
    #[derive(Default)]
    #[repr(transparent)]
    pub struct Name(Option<Py<PyAny>>);

    // SAFETY: a reference count goes up.
    unsafe impl CloneRef for Name {
        fn clone_ref(&self, py: Python<'_>) -> Self {
            Self(self.0.as_ref().map(|name| name.clone_ref(py)))
        }
    }

    impl Name {
        /// The next made-up name.
        #[inline]
        pub fn next(py: Python<'_>) -> PyResult<Self> {
            Ok(Self(Some(crate::ffi::allocate::Made(next_number()).into_py_any(py)?)))
        }

        /// The name that the caller chose, made a `str`.
        pub fn given(name: &Bound<'_, PyAny>) -> PyResult<Self> {
            Ok(Self(Some(name.str()?.into_any().unbind())))
        }

        /// The name as Python code sees it.
        pub fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
            match self.0.map(|name| name.into_bound(py)) {
                None => Ok(py.None().into_bound(py)),
                Some(number) if number.is_exact_instance_of::<PyInt>() => default_name(py, number),
                Some(name) => Ok(name),
            }
        }

        /// The number of a made-up name, if it is at hand.
        #[inline]
        pub fn number(&self) -> Option<u64> {
            None
        }

        /// Gives it to the recorder.
        pub fn recorded<R>(self, py: Python<'_>, body: impl FnOnce(TaskName<'_>) -> R) -> R {
            match self.0.map(|name| name.into_bound(py)) {
                None => body(TaskName::Text("")),
                Some(name) => match name.extract::<u64>() {
                    Ok(number) => body(TaskName::Number(number)),
                    Err(_) => with_text(&name, body),
                },
            }
        }

        /// Drops it, with the GIL held.
        #[inline]
        pub fn release(self, py: Python<'_>) {
            if let Some(name) = self.0 {
                name.drop_ref(py);
            }
        }

        pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
            visit.call(&self.0)
        }
    }
}
