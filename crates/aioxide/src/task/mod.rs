//! Tasks: futures that the loop polls, and the handles of those who want their results.

mod cell;
mod error;
mod header;
mod observers;
mod stage;
mod task_ref;

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

pub use error::{Cancelled, JoinError, Panicked};
pub use task_ref::{TaskRef, all_tasks, current_task};

use cell::TaskCell;
pub(crate) use error::Outcome;
pub(crate) use header::Header;
pub(crate) use observers::Observer;
pub(crate) use stage::Stage;

use crate::runtime::expect_current;

/// What the loop sees of a task.
pub(crate) trait Runnable {
    fn header(&self) -> &Header;
    /// Polls it once, in its own context.
    fn poll(&self, context: &mut Context<'_>) -> Turn;
    /// Drops what is left of its future, without clean-up, since the loop ends.
    fn abandon(&self);
}

/// What has come of a poll.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    Pending,
    Ended,
    /// It is the main future, which whoever runs the loop polls.
    Main,
}

/// What a handle sees of a task.
trait Joinable<T>: Runnable {
    /// The outcome of a task that has ended, once.
    fn take_outcome(&self) -> Option<Outcome<T>>;
    /// Calls `look` with the outcome, if the task has ended and nobody has taken it.
    fn look_at_outcome(&self, look: &mut dyn FnMut(&Outcome<T>));
}

/// A handle of a task: asyncio's `Task`. Await it for the task's result.
///
/// # Cancellation
///
/// Dropping the handle lets the task run on, without anybody who waits for its result. To end the
/// task, call [`Task::cancel`]; to end it together with what has spawned it, spawn it in a
/// [`TaskGroup`](crate::TaskGroup). Dropping a `&mut Task` that is awaited loses nothing: it can
/// be awaited again.
///
/// A panic of a task that nobody awaits is reported by the panic hook, and by nothing else.
#[must_use = "a handle that is dropped lets the task run on; call detach() to say so"]
pub struct Task<T> {
    joinable: Rc<dyn Joinable<T>>,
}

/// Makes a task of a future: asyncio's `create_task`. It is polled for the first time in the
/// next iteration, so code that calls `spawn` is never interrupted by it.
///
/// ```
/// aioxide::run(async {
///     let task = aioxide::spawn(async { 6 * 7 });
///     assert_eq!(task.await.unwrap(), 42);
/// });
/// ```
///
/// # Panics
///
/// If no loop runs on this thread, or it has 4,194,304 tasks.
#[track_caller]
pub fn spawn<F>(future: F) -> Task<F::Output>
where
    F: Future + 'static,
{
    let running = expect_current("spawn()");
    let cell = TaskCell::new(Header::new(running.next_task()), future);
    running.insert(cell.clone());
    Task { joinable: cell }
}

/// A task that no request to cancel ends: what is left to clean up.
pub(crate) fn spawn_clean_up(future: impl Future<Output = ()> + 'static) {
    let Some(running) = crate::runtime::current() else { return };
    let header = Header::new(running.next_task());
    header.begin_cleaning();
    running.insert(TaskCell::new(header, future));
}

impl<T> Task<T> {
    /// Asks the task to end: in its next turn its future is dropped, then its clean-up runs
    /// ([`finally`](crate::finally)), and then it ends as [`Cancelled`]. False if it has ended.
    ///
    /// A task that is cleaning up is not disturbed by further requests.
    pub fn cancel(&self) -> bool {
        self.header().cancel()
    }

    /// How many requests to cancel there have been, less those that were taken back.
    pub fn cancelling(&self) -> u32 {
        self.header().cancelling()
    }

    /// Takes back one request to cancel, and gives the number that are left. If none is left and
    /// the task had no turn since, it is not cancelled.
    pub fn uncancel(&self) -> u32 {
        self.header().uncancel()
    }

    /// Whether the task has ended.
    pub fn is_done(&self) -> bool {
        self.header().is_done()
    }

    /// Its name: the one it was given, or `Task-` and its number.
    pub fn name(&self) -> String {
        self.header().name()
    }

    /// Gives it a name, which diagnostics show.
    pub fn set_name(&self, name: impl Into<String>) {
        self.header().set_name(name.into());
    }

    /// The same while a handle is being made: `spawn(…).named("reader")`.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.set_name(name);
        self
    }

    /// Lets the task run on without a handle.
    pub fn detach(self) {}

    /// The task without its result: what other code may cancel it by.
    pub fn task_ref(&self) -> TaskRef {
        TaskRef::new(Rc::clone(&self.joinable) as Rc<dyn Runnable>)
    }

    /// The result, if the task has ended. The task itself, if it has not.
    ///
    /// # Errors
    ///
    /// The handle, if there is no result to be had.
    pub fn try_result(self) -> Result<Result<T, JoinError>, Self> {
        match self.joinable.take_outcome() {
            Some(outcome) => Ok(outcome),
            None => Err(self),
        }
    }

    pub(crate) fn header(&self) -> &Header {
        self.joinable.header()
    }

    pub(crate) fn look_at_outcome(&self, look: &mut dyn FnMut(&Outcome<T>)) {
        self.joinable.look_at_outcome(look);
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, JoinError>;

    /// # Panics
    ///
    /// If it has been ready before, and if a task awaits itself.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let header = self.header();
        if header.is_done() {
            let outcome = self.joinable.take_outcome();
            return Poll::Ready(outcome.expect("the task's result was taken before"));
        }
        header.register(context.waker());
        Poll::Pending
    }
}

impl<T> std::fmt::Debug for Task<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.header().describe("Task", formatter)
    }
}
