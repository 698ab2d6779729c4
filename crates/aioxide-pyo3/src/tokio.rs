//! Futures that need tokio.

use std::fmt;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyCFunction;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinError, JoinHandle};

/// How long the end of the process waits for what runs on the runtime.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs a future on a runtime of tokio's in the background, and waits for it: for crates that need
/// tokio, such as reqwest, sqlx and object_store.
///
/// The runtime has several threads. It is started when it is first needed, once for a process; the
/// child of a `fork` starts its own. Its threads do not touch Python: they wake the loop without
/// the GIL, and the future cannot use what this crate offers inside of coroutines. A call costs one
/// hop there and back, so what is needed together is best done in one.
///
/// Everything of tokio is made inside of the `async move`, which the runtime polls: a
/// `tokio::time::sleep` that is made outside of it, as an argument of this function is, panics.
///
/// ```
/// # async fn example(url: String) -> pyo3::PyResult<u32> {
/// let number = aioxide_pyo3::tokio_scope(async move {
///     tokio::time::sleep(std::time::Duration::from_millis(1)).await;
///     url.len() as u32
/// });
/// number.await
/// # }
/// ```
///
/// # Errors
///
/// `OSError` if the runtime cannot be started. `RuntimeError` if it is shut down.
///
/// # Panics
///
/// With what the future panics: Python sees a `SystemError`.
///
/// # Cancellation
///
/// The future is aborted: it is dropped on the runtime's thread at its next `await`. At exit
/// everything that is left is dropped; what does not come to an `await` is waited for for one
/// second.
pub fn tokio_scope<F>(future: F) -> TokioScope<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    TokioScope { state: State::New(future) }
}

/// See [`tokio_scope`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct TokioScope<F: Future> {
    state: State<F>,
}

enum State<F: Future> {
    New(F),
    Spawned(JoinHandle<F::Output>),
    Over,
}

// The future is not polled here, but moved to the runtime.
impl<F: Future> Unpin for TokioScope<F> {}

impl<F> Future for TokioScope<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    type Output = PyResult<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::New(_) = self.state
            && let State::New(future) = std::mem::replace(&mut self.state, State::Over)
        {
            match handle() {
                Ok(handle) => self.state = State::Spawned(handle.spawn(future)),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        let State::Spawned(task) = &mut self.state else {
            panic!("`tokio_scope` was polled after its end");
        };
        let joined = ready!(Pin::new(task).poll(context));
        self.state = State::Over;
        match joined.map_err(JoinError::try_into_panic) {
            Ok(output) => Poll::Ready(Ok(output)),
            Err(Ok(panic)) => resume_unwind(panic),
            Err(Err(_)) => {
                Poll::Ready(Err(PyRuntimeError::new_err("tokio's runtime is shut down")))
            }
        }
    }
}

impl<F: Future> Drop for TokioScope<F> {
    fn drop(&mut self) {
        if let State::Spawned(task) = &self.state {
            task.abort();
        }
    }
}

/// The runtime of a process.
struct Started {
    process: u32,
    /// A parent's is never dropped in a child, where its threads are missing.
    runtime: ManuallyDrop<Runtime>,
}

/// It is locked only with the GIL, which `os.fork` takes: no child finds it locked.
static STARTED: Mutex<Option<Started>> = Mutex::new(None);

/// The runtime of this process, started if need be.
fn handle() -> PyResult<Handle> {
    let process = std::process::id();
    {
        let started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(started) = started.as_ref().filter(|started| started.process == process) {
            return Ok(started.runtime.handle().clone());
        }
    }
    Python::attach(|py| {
        let runtime =
            Builder::new_multi_thread().enable_all().thread_name("aioxide-tokio").build()?;
        let handle = runtime.handle().clone();
        let started = Started { process, runtime: ManuallyDrop::new(runtime) };
        // A parent's is left as it is: its threads do not exist here.
        *STARTED.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
        let stop = PyCFunction::new_closure(py, None, None, |arguments, _| stop(arguments.py()))?;
        py.import("atexit")?.call_method1("register", (stop,))?;
        Ok(handle)
    })
}

/// At exit: ends the runtime, without the GIL.
fn stop(py: Python<'_>) {
    let started = STARTED.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(started) = started else { return };
    if started.process == std::process::id() {
        py.detach(|| ManuallyDrop::into_inner(started.runtime).shutdown_timeout(PATIENCE));
    }
}

impl<F: Future> fmt::Debug for TokioScope<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokioScope").finish_non_exhaustive()
    }
}
