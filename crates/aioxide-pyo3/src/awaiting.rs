//! Awaiting Python from Rust.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pyo3::prelude::*;

use crate::elsewhere;
use crate::leaf::{self, Leaf};

/// Awaits an awaitable of Python: a future or task in place, a coroutine as a task of the loop, in
/// a copy of the current context.
///
/// # Errors
///
/// What it raises, `CancelledError` too. `TypeError` for what cannot be awaited.
///
/// # Panics
///
/// When it is polled outside of a coroutine of this crate.
///
/// # Cancellation
///
/// The future or task is cancelled. [`shield`](crate::shield) is for what has to go on.
///
/// ```
/// # use pyo3::prelude::*;
/// # async fn example(callback: Py<PyAny>) -> PyResult<String> {
/// let awaitable = aioxide_pyo3::with_python(|py| callback.call1(py, ("question",)))?;
/// let answer = aioxide_pyo3::await_python(awaitable).await?;
/// aioxide_pyo3::with_python(|py| answer.extract::<String>(py))
/// # }
/// ```
pub fn await_python(awaitable: impl Into<Py<PyAny>>) -> AwaitPython {
    AwaitPython { awaitable: Some(awaitable.into()), leaf: None }
}

/// See [`await_python`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct AwaitPython {
    /// Before it is first polled.
    awaitable: Option<Py<PyAny>>,
    leaf: Option<Leaf>,
}

impl Future for AwaitPython {
    type Output = PyResult<Py<PyAny>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(awaitable) = this.awaitable.take() {
            let begun = leaf::begin(
                &mut this.leaf,
                // SAFETY: this is a turn of a loop of aioxide's, with the GIL held; the object is
                // alive.
                |table| unsafe { (table.await_python)(awaitable.as_ptr().cast()) },
                |py, turn, driver| elsewhere::Wait::python(py, turn, driver, awaitable.bind(py)),
            );
            if let Err(error) = begun {
                return Poll::Ready(Err(error));
            }
        }
        let Some(leaf) = &mut this.leaf else { return Poll::Pending };
        let polled = leaf.poll(context);
        if polled.is_ready() {
            this.leaf = None;
        }
        polled
    }
}

impl fmt::Debug for AwaitPython {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AwaitPython").finish_non_exhaustive()
    }
}
