//! A bound on how long a future may take.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use super::{Instant, Sleep, sleep, sleep_until};
use crate::cancellation::Tidy;

/// Awaits `future` for `duration` at most, from the first poll on: asyncio's `timeout` and
/// `wait_for`.
///
/// ```
/// use std::time::Duration;
///
/// aioxide::Runner::new().virtual_time().run(async {
///     let nothing = std::future::pending::<()>();
///     let result = aioxide::timeout(Duration::from_secs(10), nothing).await;
///     assert_eq!(result, Err(aioxide::TimedOut));
/// });
/// ```
///
/// # Errors
///
/// [`TimedOut`] if it takes longer. The future is dropped then, and its clean-up
/// ([`finally`](crate::finally)) has been awaited, however long that took.
///
/// # Cancellation
///
/// Dropped, it drops the future; its clean-up is handed on.
pub fn timeout<F: Future>(duration: Duration, future: F) -> Timeout<F> {
    Timeout { sleep: sleep(duration), tidy: Tidy::new(Bounded { future }) }
}

/// Awaits `future` until `deadline` at most: asyncio's `timeout_at`. See [`timeout`].
///
/// # Errors
///
/// [`TimedOut`] if it takes longer.
pub fn timeout_at<F: Future>(deadline: Instant, future: F) -> Timeout<F> {
    Timeout { sleep: sleep_until(deadline), tidy: Tidy::new(Bounded { future }) }
}

/// The time is up: asyncio's `TimeoutError`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("timed out")
    }
}

impl Error for TimedOut {}

impl From<TimedOut> for std::io::Error {
    fn from(timed_out: TimedOut) -> Self {
        Self::new(std::io::ErrorKind::TimedOut, timed_out)
    }
}

pin_project! {
    /// See [`timeout`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Timeout<F: Future> {
        #[pin]
        sleep: Sleep,
        #[pin]
        tidy: Tidy<Bounded<F>>,
    }
}

pin_project! {
    /// The future, whose result may be that the time is up.
    struct Bounded<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Bounded<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(context).map(Ok)
    }
}

impl<F: Future> Timeout<F> {
    /// Whether the time is up and the clean-up is still running.
    fn is_over(self: Pin<&mut Self>) -> bool {
        self.project().tidy.running().is_none()
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.as_mut().is_over() {
            return self.project().tidy.poll_clean_up(context);
        }
        let this = self.project();
        let mut tidy = this.tidy;
        // The result of the last moment counts.
        if let Poll::Ready(result) = tidy.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        if tidy.as_mut().running().is_some() && this.sleep.poll(context).is_ready() {
            tidy.as_mut().end(Err(TimedOut));
            return tidy.poll_clean_up(context);
        }
        Poll::Pending
    }
}

impl<F: Future> fmt::Debug for Timeout<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Timeout").field("sleep", &self.sleep).finish_non_exhaustive()
    }
}
