//! Tasks.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pyo3::prelude::*;

use crate::awaiting::{AwaitPython, await_python};
use crate::coroutine;
use crate::elsewhere;
use crate::function::Function;
use crate::leaf::fetched;
use crate::turn::{self, World};

/// Makes a task of a coroutine: `loop.create_task` of the running loop. Python's and this crate's
/// coroutines are tasks alike; `all_tasks()` shows both. As in asyncio, somebody has to keep a
/// reference to a task that nothing else refers to.
///
/// # Errors
///
/// `RuntimeError` without a running loop. What `create_task` raises.
pub fn create_task<'py>(coroutine: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = coroutine.py();
    let native = turn::try_with(|_, turn| match turn.map(|turn| turn.world) {
        Some(World::Native(table)) => Some(table),
        _ => None,
    });
    let Some(table) = native else {
        return elsewhere::running_loop(py)?
            .call_method1(pyo3::intern!(py, "create_task"), (coroutine,));
    };
    // SAFETY: this is a turn of a loop of aioxide's, with the GIL held; the object is alive.
    let task = unsafe {
        let task = (table.spawn)(coroutine.as_ptr().cast());
        Bound::from_owned_ptr_or_opt(py, task.cast())
    };
    task.ok_or_else(|| fetched(py))
}

/// Runs a future as a task of the running loop: the coroutine of `function`. It need not be `Send`.
///
/// # Errors
///
/// As [`create_task`].
///
/// ```
/// # use pyo3::prelude::*;
/// # async fn example() -> PyResult<()> {
/// use aioxide_pyo3::{await_python, function, spawn};
///
/// let task = spawn(function!("example.part"), async { Ok::<_, PyErr>(1) })?;
/// await_python(task).await?;
/// # Ok(())
/// # }
/// ```
pub fn spawn<F, T, E>(function: &'static Function, future: F) -> PyResult<Py<PyAny>>
where
    F: Future<Output = Result<T, E>> + 'static,
    T: for<'a> IntoPyObject<'a> + 'static,
    PyErr: From<E>,
{
    Python::attach(|py| {
        // Asked for first: without one, nothing would ever run the coroutine.
        if turn::try_with(|_, turn| turn.is_none()) {
            elsewhere::running_loop(py)?;
        }
        create_task(&coroutine::here(py, function, future)?).map(Bound::unbind)
    })
}

/// Runs a future as a task that goes on when the caller is cancelled: `asyncio.shield`. The task
/// begins when this is first polled.
///
/// # Errors
///
/// What the future returns. `CancelledError` if the task itself is cancelled.
///
/// # Cancellation
///
/// Whoever waits is cancelled, the task is not. The loop's end cancels it, as any task.
pub async fn shield<F, T, E>(function: &'static Function, future: F) -> PyResult<Py<PyAny>>
where
    F: Future<Output = Result<T, E>> + 'static,
    T: for<'a> IntoPyObject<'a> + 'static,
    PyErr: From<E>,
{
    let task = spawn(function, future)?;
    let outer = Python::attach(|py| elsewhere::shield(task.bind(py)).map(Bound::unbind))?;
    await_python(outer).await
}

/// Runs `body` and then `clean_up`, whether `body` has ended or was dropped: a `finally` clause that
/// waits.
///
/// ```
/// # use pyo3::prelude::*;
/// # async fn work() -> PyResult<()> { Ok(()) }
/// # async fn log_out() -> PyResult<()> { Ok(()) }
/// # async fn example() -> PyResult<()> {
/// use aioxide_pyo3::{finally, function};
///
/// finally(work(), function!("example.log_out"), log_out()).await?
/// # }
/// ```
///
/// # Errors
///
/// What the clean-up returns, or the error of making a task of it.
///
/// # Cancellation
///
/// `body` is dropped. A future cannot wait while it is dropped, so the clean-up becomes a task of
/// its own: it begins in the next iteration of the loop and is not waited for. A clean-up that has
/// begun goes on. `asyncio.run` cancels it if it is left when the program ends. Where `body` was
/// never polled, there is nothing to clean up after.
pub fn finally<B, C>(body: B, function: &'static Function, clean_up: C) -> Finally<B, C>
where
    B: Future,
    C: Future<Output = PyResult<()>> + 'static,
{
    let body = Some(Box::pin(body));
    Finally { body, function, clean_up: Some(clean_up), has_begun: false, output: None, wait: None }
}

/// See [`finally`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Finally<B: Future, C: Future<Output = PyResult<()>> + 'static> {
    /// Until it has ended.
    body: Option<Pin<Box<B>>>,
    function: &'static Function,
    /// Until it is made a task.
    clean_up: Option<C>,
    /// Whether it was polled.
    has_begun: bool,
    output: Option<B::Output>,
    /// For the clean-up, which goes on if this is dropped.
    wait: Option<AwaitPython>,
}

// Nothing in it is polled in place but what is in a box.
impl<B: Future, C: Future<Output = PyResult<()>> + 'static> Unpin for Finally<B, C> {}

impl<B: Future, C: Future<Output = PyResult<()>> + 'static> Future for Finally<B, C> {
    type Output = PyResult<B::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.has_begun = true;
        if let Some(body) = &mut this.body {
            this.output = Some(ready!(body.as_mut().poll(context)));
            this.body = None;
        }
        if let Some(clean_up) = this.clean_up.take() {
            let begun = spawn(this.function, clean_up).and_then(|task| {
                Python::attach(|py| elsewhere::shield(task.bind(py)).map(Bound::unbind))
            });
            match begun {
                Ok(outer) => this.wait = Some(await_python(outer)),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if let Some(wait) = &mut this.wait {
            let cleaned = ready!(Pin::new(wait).poll(context));
            this.wait = None;
            if let Err(error) = cleaned {
                return Poll::Ready(Err(error));
            }
        }
        match this.output.take() {
            Some(output) => Poll::Ready(Ok(output)),
            None => panic!("`finally` was polled after its end"),
        }
    }
}

impl<B: Future, C: Future<Output = PyResult<()>> + 'static> Drop for Finally<B, C> {
    fn drop(&mut self) {
        self.body = None;
        let has_loop = turn::try_with(|_, turn| {
            turn.is_some_and(|turn| !matches!(turn.world, World::Nowhere))
        });
        if let Some(clean_up) = self.clean_up.take()
            && self.has_begun
            && has_loop
            && let Err(error) = spawn(self.function, clean_up)
        {
            Python::attach(|py| error.write_unraisable(py, None));
        }
    }
}

impl<B: Future, C: Future<Output = PyResult<()>>> fmt::Debug for Finally<B, C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Finally").field("function", &self.function).finish_non_exhaustive()
    }
}
