//! The arguments of a callback.

use crate::ffi::allocate;
use crate::ffi::gil_cell::CloneRef;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{Borrowed, PyTraverseError, ffi};

/// The positional arguments of a callback. Most callbacks have none or one, which
/// needs no tuple.
#[derive(Default)]
pub enum Arguments {
    /// `callback()`.
    #[default]
    None,
    /// `callback(argument)`.
    One(Py<PyAny>),
    /// `callback(*arguments)`.
    Many(Py<PyTuple>),
}

impl Arguments {
    /// From a tuple.
    #[inline]
    pub fn of(arguments: &Bound<'_, PyTuple>) -> Self {
        match arguments.len() {
            0 => Self::None,
            _ => Self::Many(arguments.clone().unbind()),
        }
    }

    /// From the arguments of a native call.
    #[inline]
    pub fn of_slice<'py>(
        py: Python<'py>,
        arguments: &[Borrowed<'_, 'py, PyAny>],
    ) -> PyResult<Self> {
        match arguments {
            [] => Ok(Self::None),
            [argument] => Ok(Self::One(Bound::clone(argument).unbind())),
            more => {
                let more = more.iter().map(|it| Bound::clone(it)).collect();
                Ok(Self::Many(allocate::tuple_of(py, more)?.unbind()))
            }
        }
    }

    /// As the tuple that asyncio keeps.
    pub fn to_tuple<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        self.bind(py).to_tuple(py)
    }

    /// Clones the references for the duration of a call.
    #[inline]
    pub fn bind<'py>(&self, py: Python<'py>) -> BoundArguments<'py> {
        match self {
            Self::None => BoundArguments::None,
            Self::One(argument) => BoundArguments::One(argument.bind(py).clone()),
            Self::Many(arguments) => BoundArguments::Many(arguments.bind(py).clone()),
        }
    }

    /// The same, consuming these references.
    #[inline]
    pub fn into_bound(self, py: Python<'_>) -> BoundArguments<'_> {
        match self {
            Self::None => BoundArguments::None,
            Self::One(argument) => BoundArguments::One(argument.into_bound(py)),
            Self::Many(arguments) => BoundArguments::Many(arguments.into_bound(py)),
        }
    }

    /// Drops the references, with the GIL held.
    #[inline]
    pub fn release(self, py: Python<'_>) {
        match self {
            Self::None => {}
            Self::One(argument) => argument.drop_ref(py),
            Self::Many(arguments) => arguments.drop_ref(py),
        }
    }

    /// Visits the references, for the garbage collector.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::None => Ok(()),
            Self::One(argument) => visit.call(argument),
            Self::Many(arguments) => visit.call(arguments),
        }
    }
}

// SAFETY: reference counts go up.
unsafe impl CloneRef for Arguments {
    #[inline]
    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::None => Self::None,
            Self::One(argument) => Self::One(argument.clone_ref(py)),
            Self::Many(arguments) => Self::Many(arguments.clone_ref(py)),
        }
    }
}

/// See [`Arguments::bind`].
pub enum BoundArguments<'py> {
    /// `callback()`.
    None,
    /// `callback(argument)`.
    One(Bound<'py, PyAny>),
    /// `callback(*arguments)`.
    Many(Bound<'py, PyTuple>),
}

impl<'py> BoundArguments<'py> {
    /// Calls `callback` with these arguments.
    #[inline]
    pub fn call(&self, callback: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = callback.py();
        match self {
            // SAFETY: the thread is attached and the references are alive.
            Self::None => unsafe {
                Bound::from_owned_ptr_or_err(py, ffi::PyObject_CallNoArgs(callback.as_ptr()))
            },
            // SAFETY: as above.
            Self::One(argument) => unsafe {
                let result = ffi::PyObject_CallOneArg(callback.as_ptr(), argument.as_ptr());
                Bound::from_owned_ptr_or_err(py, result)
            },
            Self::Many(arguments) => callback.call1(arguments),
        }
    }

    /// As the tuple that asyncio keeps.
    pub fn to_tuple(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match self {
            Self::None => Ok(PyTuple::empty(py)),
            Self::One(argument) => allocate::tuple(py, [argument.clone()]),
            Self::Many(arguments) => Ok(arguments.clone()),
        }
    }
}
