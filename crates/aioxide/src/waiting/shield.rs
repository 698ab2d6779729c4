//! Work that a cancellation around it does not end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::task::{JoinError, Task, spawn};

/// Makes a task of `future`, which goes on when the one who awaits it is cancelled: asyncio's
/// `shield`. The end of the loop cancels it like every task.
///
/// Unlike [`spawn`], it is meant to be awaited where it is called. For clean-up that has to be
/// awaited by whoever cancels, use [`finally`](crate::finally).
///
/// ```
/// use std::time::Duration;
///
/// aioxide::Runner::new().virtual_time().run(async {
///     let (sender, receiver) = aioxide::oneshot::channel();
///     let save = async move {
///         aioxide::sleep(Duration::from_secs(2)).await;
///         sender.send("saved").unwrap();
///     };
///     let result = aioxide::timeout(Duration::from_secs(1), aioxide::shield(save)).await;
///     assert!(result.is_err());
///     assert_eq!(receiver.await, Ok("saved"));
/// });
/// ```
///
/// # Errors
///
/// [`JoinError`] if the task is cancelled by the end of the loop, or panics.
///
/// # Panics
///
/// If no loop runs on this thread.
#[track_caller]
pub fn shield<F>(future: F) -> Shield<F::Output>
where
    F: Future + 'static,
{
    Shield { task: spawn(future) }
}

/// See [`shield`].
#[derive(Debug)]
#[must_use = "await it, or spawn the future if nobody waits for it"]
pub struct Shield<T> {
    task: Task<T>,
}

impl<T> Future for Shield<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(context)
    }
}
