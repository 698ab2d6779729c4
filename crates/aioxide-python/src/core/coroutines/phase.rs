//! The phases of a native coroutine.

use pyo3::prelude::*;

use super::ResumePoint;
use crate::core::futures::Future;
use crate::ffi::gil_cell::unsafe_cell_methods;

/// How far a coroutine is.
pub enum Phase {
    /// Made at this place (`recorder::described`); 0 if nobody wanted to know.
    Created(u32),
    Running,
    Waiting(Py<Future>),
    /// It awaits another object, by this iterator.
    Delegated(Py<PyAny>),
    Yielded,
    Over,
}

impl Phase {
    /// Whether it is suspended.
    pub fn is_suspended(&self) -> bool {
        matches!(self, Self::Waiting(_) | Self::Delegated(_) | Self::Yielded)
    }

    pub fn is_created(&self) -> bool {
        matches!(self, Self::Created(_))
    }

    /// Where it was made, if it has not begun and somebody wanted to know; else 0.
    pub fn created_at(&self) -> u32 {
        match self {
            Self::Created(place) => *place,
            _ => 0,
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(self, Self::Running)
    }

    pub fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    /// The point at which it resumes if None is sent in; None if there is no fast path.
    #[inline(always)]
    pub fn resume_point(&mut self, py: Python<'_>) -> Option<ResumePoint> {
        match self {
            Self::Created(_) => Some(ResumePoint::Start),
            Self::Yielded => Some(ResumePoint::Yielded),
            Self::Waiting(future) if future.get().has_result(py) => Some(ResumePoint::Woken),
            _ => None,
        }
    }

    /// The object that it awaits.
    pub fn awaited(&mut self, py: Python<'_>) -> Option<Py<PyAny>> {
        match self {
            Self::Waiting(future) => Some(future.clone_ref(py).into_any()),
            Self::Delegated(inner) => Some(inner.clone_ref(py)),
            _ => None,
        }
    }
}

// SAFETY (of the methods): references are counted up; they read the outcome of a future, which
// is another cell.
unsafe_cell_methods!(Phase {
} with py {
    /// See [`Phase::resume_point`].
    fn resume_point(&mut self) -> Option<ResumePoint>;
    /// See [`Phase::awaited`].
    fn awaited(&mut self) -> Option<Py<PyAny>>;
});
