//! Calling what blocks.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::elsewhere;
use crate::leaf::{self, Leaf};

/// Calls `function` on a thread of the loop's default executor, without the GIL: what
/// `asyncio.to_thread` does. The call begins when this is first polled.
///
/// For calls that block or take long. Each costs a hop to another thread and back. It is not for
/// what blocks forever: the threads are few, and are waited for at exit.
///
/// # Errors
///
/// `RuntimeError` if the executor is shut down or no thread can be started.
///
/// # Panics
///
/// With what `function` panics. When it is polled outside of a coroutine of this crate.
///
/// # Cancellation
///
/// A call that has not begun is not made. One that has begun goes on, and its result is dropped.
///
/// ```
/// # async fn example(path: std::path::PathBuf) -> pyo3::PyResult<usize> {
/// let text = aioxide_pyo3::in_thread(move || std::fs::read(path)).await??;
/// # Ok(text.len())
/// # }
/// ```
pub fn in_thread<T: Send + 'static>(function: impl FnOnce() -> T + Send + 'static) -> InThread<T> {
    let outcome = Arc::new(Mutex::new(None));
    let place = Arc::downgrade(&outcome);
    let job = Box::new(move || {
        // Without somebody who waits, it need not be done.
        if place.strong_count() == 0 {
            return;
        }
        let made = catch_unwind(AssertUnwindSafe(function));
        if let Some(place) = place.upgrade() {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        }
    });
    InThread { job: Some(job), outcome, leaf: None }
}

/// A call that is to be made on a thread. It does not panic.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

type Outcome<T> = Result<T, Box<dyn Any + Send>>;

/// See [`in_thread`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct InThread<T> {
    /// Before it is first polled.
    job: Option<Job>,
    outcome: Arc<Mutex<Option<Outcome<T>>>>,
    leaf: Option<Leaf>,
}

impl<T: Send + 'static> Future for InThread<T> {
    type Output = PyResult<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<PyResult<T>> {
        let this = &mut *self;
        if let Some(job) = this.job.take() {
            let job = std::cell::Cell::new(Some(job));
            let begun = leaf::begin(
                &mut this.leaf,
                |table| {
                    let data = Box::into_raw(Box::new(job.take())) as usize;
                    // SAFETY: this is a turn of a loop of aioxide's, with the GIL held; one of the
                    // two functions is called, once.
                    unsafe { (table.in_thread)(call, drop_job, data) }
                },
                |py, turn, driver| elsewhere::Wait::thread(py, turn, driver, job.take()),
            );
            if let Err(error) = begun {
                return Poll::Ready(Err(error));
            }
        }
        let Some(leaf) = &mut this.leaf else { return Poll::Pending };
        let done = match leaf.poll(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(done) => done,
        };
        this.leaf = None;
        let outcome = this.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (outcome, done) {
            (Some(Ok(value)), _) => Poll::Ready(Ok(value)),
            (Some(Err(panic)), _) => resume_unwind(panic),
            (None, Err(error)) => Poll::Ready(Err(error)),
            (None, Ok(_)) => {
                Poll::Ready(Err(PyRuntimeError::new_err("the call was never made on a thread")))
            }
        }
    }
}

// Nothing in it is pinned.
impl<T> Unpin for InThread<T> {}

/// # Safety
///
/// `data` is that of [`InThread::poll`], used once.
unsafe extern "C" fn call(data: usize) {
    // SAFETY: the caller's promise.
    let job = unsafe { Box::from_raw(data as *mut Option<Job>) };
    if let Some(job) = *job {
        // The job catches panics of the function; this is for those of what it captures.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

/// # Safety
///
/// `data` is that of [`InThread::poll`], used once.
unsafe extern "C" fn drop_job(data: usize) {
    // SAFETY: the caller's promise.
    let job = unsafe { Box::from_raw(data as *mut Option<Job>) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(job)));
}

impl<T> fmt::Debug for InThread<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("InThread").finish_non_exhaustive()
    }
}
