//! What a coroutine polls: a future of this module, or one of another.

use std::future::Future as RustFutureTrait;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use pyo3::prelude::*;

use super::foreign::ForeignBody;

/// What a body ends with.
pub type Output = PyResult<Py<PyAny>>;

/// The future itself, polled and dropped inside a turn.
pub enum Body {
    /// A future of this module. It may panic.
    Ours(Pin<Box<dyn RustFutureTrait<Output = Output>>>),
    /// A future of another extension module. It does not.
    Foreign(ForeignBody),
}

impl Body {
    /// Polls it. `waker` is one of the loop's arena.
    pub fn poll(&mut self, py: Python<'_>, waker: &Waker) -> Poll<Output> {
        match self {
            Self::Ours(future) => future.as_mut().poll(&mut Context::from_waker(waker)),
            Self::Foreign(body) => body.poll(py, waker.data().addr()),
        }
    }
}
