//! The loop of a future, a task or a handle: a native one, or any other.

use pyo3::prelude::*;

use crate::core::event_loop::LoopCore;
use crate::ffi::gil_cell::CloneRef;

/// The loop that a future, a task or a handle belongs to.
pub enum LoopRef {
    /// A native one: its ready queue is used directly.
    Native(Py<LoopCore>),
    /// Any other: its methods are called.
    Foreign(Py<PyAny>),
}

impl LoopRef {
    /// The reference for `event_loop`.
    pub fn of(event_loop: &Bound<'_, PyAny>) -> Self {
        match LoopCore::of(event_loop) {
            Some(core) => Self::of_core(core),
            None => Self::Foreign(event_loop.clone().unbind()),
        }
    }

    /// The same for a native loop.
    #[inline]
    pub fn of_core(core: &Bound<'_, LoopCore>) -> Self {
        Self::Native(core.clone().unbind())
    }

    /// The loop object.
    #[inline]
    pub fn as_any(&self) -> &Py<PyAny> {
        match self {
            Self::Native(core) => core.as_any(),
            Self::Foreign(event_loop) => event_loop,
        }
    }

    /// Its address, to compare with.
    #[inline]
    pub fn as_ptr(&self) -> *mut pyo3::ffi::PyObject {
        self.as_any().as_ptr()
    }

    /// A bound reference for the duration of a call. Unlike a `Py`, it is dropped
    /// without a check that the thread holds the GIL.
    #[inline]
    pub fn bind<'py>(&self, py: Python<'py>) -> BoundLoop<'py> {
        match self {
            Self::Native(core) => BoundLoop::Native(core.bind(py).clone()),
            Self::Foreign(event_loop) => BoundLoop::Foreign(event_loop.bind(py).clone()),
        }
    }

    /// The same, consuming this reference.
    #[inline]
    pub fn into_bound(self, py: Python<'_>) -> BoundLoop<'_> {
        match self {
            Self::Native(core) => BoundLoop::Native(core.into_bound(py)),
            Self::Foreign(event_loop) => BoundLoop::Foreign(event_loop.into_bound(py)),
        }
    }

    /// Drops the reference.
    #[inline]
    pub fn release(self, py: Python<'_>) {
        match self {
            Self::Native(core) => core.drop_ref(py),
            Self::Foreign(event_loop) => event_loop.drop_ref(py),
        }
    }
}

// SAFETY: a reference count goes up.
unsafe impl CloneRef for LoopRef {
    #[inline]
    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Native(core) => Self::Native(core.clone_ref(py)),
            Self::Foreign(event_loop) => Self::Foreign(event_loop.clone_ref(py)),
        }
    }
}

/// See [`LoopRef::bind`].
pub enum BoundLoop<'py> {
    /// Ours.
    Native(Bound<'py, LoopCore>),
    /// Any other.
    Foreign(Bound<'py, PyAny>),
}

impl<'py> BoundLoop<'py> {
    /// The loop object.
    #[inline]
    pub fn as_any(&self) -> &Bound<'py, PyAny> {
        match self {
            Self::Native(core) => core.as_any(),
            Self::Foreign(event_loop) => event_loop,
        }
    }

    /// `loop.get_debug()`.
    pub fn debug(&self) -> PyResult<bool> {
        match self {
            Self::Native(core) => Ok(core.get().debug(core.py())),
            Self::Foreign(event_loop) => {
                let name = crate::intern!(event_loop.py(), "get_debug");
                event_loop.call_method0(name)?.is_truthy()
            }
        }
    }

    /// The checks of `call_soon`, for a native loop. A foreign loop makes its own.
    #[inline]
    pub fn admit(&self) -> PyResult<()> {
        match self {
            Self::Native(core) => core.get().admit(core.py()),
            Self::Foreign(_) => Ok(()),
        }
    }
}
