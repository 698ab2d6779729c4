//! Tasks.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pyo3::prelude::*;

use crate::awaiting::{AwaitPython, await_python};
use crate::coroutine::coroutine;
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

/// Runs `make`, and the future that it returns, as a task of the running loop. See [`coroutine`]
/// for the arguments, [`create_task`] for the errors.
///
/// ```
/// # use pyo3::prelude::*;
/// # async fn example() -> PyResult<()> {
/// use aioxide_pyo3::{await_python, function, spawn};
///
/// let task = spawn(function!("example.part"), || async { Ok::<_, PyErr>(1) })?;
/// await_python(task).await?;
/// # Ok(())
/// # }
/// ```
pub fn spawn<M, F, T, E>(function: &'static Function, make: M) -> PyResult<Py<PyAny>>
where
    M: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<T, E>> + 'static,
    T: for<'a> IntoPyObject<'a> + 'static,
    PyErr: From<E>,
{
    Python::attach(|py| create_task(&coroutine(py, function, make)?).map(Bound::unbind))
}

/// Runs `make`, and the future that it returns, as a task that goes on when the caller is
/// cancelled: `asyncio.shield`. See [`coroutine`] for the arguments.
///
/// # Errors
///
/// What the future returns. `CancelledError` if the task itself is cancelled.
///
/// # Cancellation
///
/// Whoever waits is cancelled, the task is not. The loop's end cancels it, as any task.
pub async fn shield<M, F, T, E>(function: &'static Function, make: M) -> PyResult<Py<PyAny>>
where
    M: FnOnce() -> F + Send + 'static,
    F: Future<Output = Result<T, E>> + 'static,
    T: for<'a> IntoPyObject<'a> + 'static,
    PyErr: From<E>,
{
    let task = spawn(function, make)?;
    let outer = Python::attach(|py| elsewhere::shield(task.bind(py)).map(Bound::unbind))?;
    await_python(outer).await
}

/// Runs `body`, and then the future of `clean_up`, whether `body` has ended or was dropped: a
/// `finally` clause that waits.
///
/// ```
/// # use pyo3::prelude::*;
/// # async fn work() -> PyResult<()> { Ok(()) }
/// # async fn log_out() -> PyResult<()> { Ok(()) }
/// # async fn example() -> PyResult<()> {
/// use aioxide_pyo3::{finally, function};
///
/// finally(work(), function!("example.log_out"), || log_out()).await?
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
/// begun goes on. `asyncio.run` cancels it if it is left when the program ends.
pub fn finally<B, M, F>(body: B, function: &'static Function, clean_up: M) -> Finally<B, M>
where
    B: Future,
    M: FnOnce() -> F + Send + 'static,
    F: Future<Output = PyResult<()>> + 'static,
{
    Finally {
        body: Some(Box::pin(body)),
        function,
        clean_up: Some(clean_up),
        output: None,
        wait: None,
    }
}

/// See [`finally`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Finally<B: Future, M: CleanUp> {
    /// Until it has ended.
    body: Option<Pin<Box<B>>>,
    function: &'static Function,
    clean_up: Option<M>,
    output: Option<B::Output>,
    /// The clean-up, which goes on if this is dropped.
    wait: Option<AwaitPython>,
}

/// A clean-up that can be made a task.
#[doc(hidden)]
pub trait CleanUp {
    /// Makes it one.
    fn start(self, function: &'static Function) -> PyResult<Py<PyAny>>;
}

impl<M, F> CleanUp for M
where
    M: FnOnce() -> F + Send + 'static,
    F: Future<Output = PyResult<()>> + 'static,
{
    fn start(self, function: &'static Function) -> PyResult<Py<PyAny>> {
        spawn(function, self)
    }
}

impl<B: Future, M: CleanUp> Unpin for Finally<B, M> {}

impl<B: Future, M: CleanUp> Future for Finally<B, M> {
    type Output = PyResult<B::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(body) = &mut this.body {
            this.output = Some(ready!(body.as_mut().poll(context)));
            this.body = None;
        }
        if let Some(clean_up) = this.clean_up.take() {
            let begun = clean_up.start(this.function).and_then(|task| {
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

impl<B: Future, M: CleanUp> Drop for Finally<B, M> {
    fn drop(&mut self) {
        self.body = None;
        // One that was never polled has nothing to clean up after: its coroutine never began.
        let has_begun = turn::try_with(|_, turn| {
            turn.is_some_and(|turn| !matches!(turn.world, World::Nowhere))
        });
        if let Some(clean_up) = self.clean_up.take()
            && has_begun
            && let Err(error) = clean_up.start(self.function)
        {
            Python::attach(|py| error.write_unraisable(py, None));
        }
    }
}
