//! Blocking calls of Rust code on the loop's threads.

use std::any::Any;
use std::future::Future as RustFutureTrait;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use aioxide_trace::WaitKind;
use pyo3::prelude::*;

use super::turn;
use crate::core::event_loop::LoopCore;

/// Calls `function` on a thread of the loop's pool, without the GIL. A panic there is a panic
/// here. Dropping what is returned does not end a call that has begun; one that has not begun is
/// not made.
///
/// # Errors
///
/// `RuntimeError` if the pool is shut down or no thread can be started.
pub fn blocking<T: Send + 'static>(
    function: impl FnOnce() -> T + Send + 'static,
) -> PyResult<Blocking<T>> {
    let call = Arc::new(Mutex::new(Call { outcome: None, waker: None }));
    let given = Arc::downgrade(&call);
    let job = Box::new(move || {
        let Some(call) = given.upgrade() else { return };
        let outcome = catch_unwind(AssertUnwindSafe(function));
        let waker = {
            let mut call = call.lock().unwrap_or_else(PoisonError::into_inner);
            call.outcome = Some(outcome);
            call.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    });
    turn::with(|turn| LoopCore::submit_blocking(turn.core(), job))?;
    Ok(Blocking { call })
}

struct Call<T> {
    outcome: Option<Result<T, Box<dyn Any + Send>>>,
    waker: Option<Waker>,
}

/// See [`blocking`].
pub struct Blocking<T> {
    call: Arc<Mutex<Call<T>>>,
}

impl<T> RustFutureTrait for Blocking<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        match call.outcome.take() {
            Some(Ok(value)) => Poll::Ready(value),
            Some(Err(panic)) => {
                drop(call);
                resume_unwind(panic)
            }
            None => {
                let before = call.waker.replace(context.waker().clone());
                // What a waker does when it is dropped is not known.
                drop(call);
                drop(before);
                turn::with(|turn| turn.waits_for(WaitKind::Thread, None));
                Poll::Pending
            }
        }
    }
}
