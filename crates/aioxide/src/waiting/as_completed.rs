//! Results in the order in which they come.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::stream::{FuturesUnordered, StreamExt};

/// Awaits all futures at once, and gives their results in the order in which they come: asyncio's
/// `as_completed`.
///
/// ```
/// use std::time::Duration;
///
/// aioxide::Runner::new().virtual_time().run(async {
///     let after = async |seconds| {
///         aioxide::sleep(Duration::from_secs(seconds)).await;
///         seconds
///     };
///     let mut results = aioxide::as_completed([3, 1, 2].map(after));
///     let mut order = Vec::new();
///     while let Some(seconds) = results.next().await {
///         order.push(seconds);
///     }
///     assert_eq!(order, [1, 2, 3]);
/// });
/// ```
pub fn as_completed<I>(futures: I) -> AsCompleted<I::Item>
where
    I: IntoIterator,
    I::Item: Future,
{
    AsCompleted { futures: futures.into_iter().collect() }
}

/// See [`as_completed`]. It is a [`Stream`] too.
///
/// # Cancellation
///
/// Dropped, it drops the futures that are left; their clean-up is handed on. A `next` that is
/// dropped loses no result.
#[must_use = "futures do nothing unless they are awaited"]
pub struct AsCompleted<F> {
    futures: FuturesUnordered<F>,
}

impl<F: Future> AsCompleted<F> {
    /// The next result. None when all have been given.
    pub async fn next(&mut self) -> Option<F::Output> {
        self.futures.next().await
    }

    /// How many have not been given.
    pub fn len(&self) -> usize {
        self.futures.len()
    }

    /// Whether all have been given.
    pub fn is_empty(&self) -> bool {
        self.futures.is_empty()
    }
}

impl<F: Future> Stream for AsCompleted<F> {
    type Item = F::Output;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        Pin::new(&mut self.futures).poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<F: Future> fmt::Debug for AsCompleted<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AsCompleted").field("left", &self.len()).finish_non_exhaustive()
    }
}
