//! Awaiting Python from Rust.

use std::future::Future as RustFutureTrait;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use aioxide_trace::WaitKind;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::turn::{self, Turn};
use crate::core::coroutines::{is_coroutine, is_exact_coroutine};
use crate::core::dispatch::{Waiter, as_native, cancel_with_message};
use crate::core::futures::{Callback, Future, edges, is_future};
use crate::core::tasks::Task;
use crate::ffi::gil_cell::GilCell;
use crate::ffi::held::Held;
use crate::stdlib;

/// The done-callback of a Python future that a Rust future awaits. A native future holds it as
/// its word; any other calls it.
#[pyclass(frozen, module = "aioxide")]
pub struct WakeOnDone {
    waker: GilCell<Option<Waker>>,
}

impl WakeOnDone {
    /// Wakes the Rust future.
    pub fn wake(&self, py: Python<'_>) {
        if let Some(waker) = self.waker.take(py) {
            waker.wake();
        }
    }
}

#[pymethods]
impl WakeOnDone {
    fn __call__(&self, py: Python<'_>, _future: Bound<'_, PyAny>) {
        self.wake(py);
    }

    // It refers to no Python object.
    fn __traverse__(&self, _visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        Ok(())
    }
}

/// A Python awaitable that a Rust future awaits: its result, or the exception that it raises.
/// Dropped before it is done, it is cancelled.
pub struct Awaited {
    future: Held<PyAny>,
    /// Once it waits.
    callback: Option<Held<WakeOnDone>>,
    /// The task that call graphs show as the one that awaits the future.
    caller: Option<Held<PyAny>>,
    ended: bool,
}

/// See [`Turn::wait_for`].
pub fn wait_for(turn: &Turn<'_, '_>, awaitable: &Bound<'_, PyAny>) -> PyResult<Awaited> {
    let py = turn.py();
    let awaitable = awaitable.clone().unbind().into_bound(py);
    let future = if is_exact_coroutine(&awaitable) {
        turn.begin(awaitable)?
    } else if is_future(&awaitable)? {
        awaitable
    } else if is_coroutine(&awaitable)? {
        turn.begin(awaitable)?
    } else {
        stdlib::ensure_future(py)?.call1((awaitable,))?
    };
    Ok(Awaited { future: turn.hold(future), callback: None, caller: None, ended: false })
}

/// The outcome of a future that is done; None of one that is not.
fn outcome(future: &Bound<'_, PyAny>) -> Option<PyResult<Py<PyAny>>> {
    let py = future.py();
    if let Some(native) = as_native(future) {
        return native.get().is_done(py).then(|| native.get().take_result(py).map(Bound::unbind));
    }
    let done = future.call_method0(crate::intern!(py, "done")).and_then(|done| done.is_truthy());
    match done {
        Ok(false) => None,
        Ok(true) => Some(future.call_method0(crate::intern!(py, "result")).map(Bound::unbind)),
        Err(error) => Some(Err(error)),
    }
}

/// Has `future` wake `waker` when it is done.
fn listen<'py>(future: &Bound<'py, PyAny>, waker: Waker) -> PyResult<Bound<'py, WakeOnDone>> {
    let py = future.py();
    let callback = Bound::new(py, WakeOnDone { waker: GilCell::new(Some(waker)) })?;
    match as_native(future) {
        Some(native) => Future::add_callback(native, Callback::Waiter(Waiter::rust(&callback)))?,
        None => {
            future.call_method1(crate::intern!(py, "add_done_callback"), (&callback,)).map(drop)?;
        }
    }
    Ok(callback)
}

/// Undoes [`listen`].
fn leave(future: &Bound<'_, PyAny>, callback: &Bound<'_, WakeOnDone>) -> PyResult<()> {
    match as_native(future) {
        Some(native) => {
            native.get().forget(callback.as_any());
            Ok(())
        }
        None => {
            let name = crate::intern!(future.py(), "remove_done_callback");
            future.call_method1(name, (callback,)).map(drop)
        }
    }
}

impl Awaited {
    /// Records for call graphs that the task of this turn awaits the future.
    fn note_caller(&mut self, turn: &Turn<'_, '_>, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = turn.py();
        // A task that awaits itself waits for ever. A graph has no such edge.
        let caller = edges::caller(py)?.filter(|caller| !caller.is(future));
        let before = self.caller.as_ref().and_then(|caller| caller.get(py));
        let is_same = match (&before, &caller) {
            (Some(before), Some(caller)) => before.is(caller),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            edges::forget_edge(future, before.as_ref())?;
            edges::note_edge(future, caller.as_ref())?;
        } else if self.caller.as_ref().is_none_or(|caller| turn.holds(caller)) {
            return Ok(());
        }
        self.caller = caller.map(|caller| turn.hold(caller));
        Ok(())
    }

    /// Removes that record.
    fn forget_caller(&mut self, future: &Bound<'_, PyAny>) -> PyResult<()> {
        let caller = self.caller.take().and_then(|caller| caller.get(future.py()));
        edges::forget_edge(future, caller.as_ref())
    }
}

impl RustFutureTrait for Awaited {
    type Output = PyResult<Py<PyAny>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        turn::with(|turn| {
            let py = turn.py();
            let Some(future) = self.future.get(py) else {
                return Poll::Pending; // The collector has cleared it: nothing comes any more.
            };
            // Where the collector looks is with the coroutine that waits now.
            if !turn.holds(&self.future) {
                self.future = turn.hold(future.clone());
            }
            if let Some(outcome) = outcome(&future) {
                self.ended = true;
                return Poll::Ready(self.forget_caller(&future).and(outcome));
            }
            if let Err(error) = self.note_caller(turn, &future) {
                return Poll::Ready(Err(error));
            }
            match self.callback.as_ref().and_then(|callback| callback.get(py)) {
                Some(callback) => {
                    drop(callback.get().waker.replace(py, Some(context.waker().clone())));
                }
                None => match listen(&future, context.waker().clone()) {
                    Ok(callback) => self.callback = Some(turn.hold(callback)),
                    Err(error) => return Poll::Ready(Err(error)),
                },
            }
            let is_task = future.is_instance_of::<Task>();
            let kind = if is_task { WaitKind::Task } else { WaitKind::Future };
            turn.waits_for(kind, Some(&future));
            Poll::Pending
        })
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        turn::with(|turn| {
            let py = turn.py();
            let Some(future) = self.future.get(py) else { return };
            if let Some(callback) = self.callback.take().and_then(|callback| callback.get(py))
                && let Err(error) = leave(&future, &callback)
            {
                error.write_unraisable(py, Some(&future));
            }
            if let Err(error) = self.forget_caller(&future) {
                error.write_unraisable(py, Some(&future));
            }
            if let Err(error) = cancel_with_message(&future, None) {
                error.write_unraisable(py, Some(&future));
            }
        });
    }
}
