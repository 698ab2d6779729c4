//! The results of several futures, in the order of the futures.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::{JoinAll, TryFuture, TryJoinAll, join_all, try_join_all};
use pin_project_lite::pin_project;

use crate::cancellation::Tidy;

/// Awaits all futures at once, and gives their results in the order of the futures: asyncio's
/// `gather(…, return_exceptions=True)`. For futures of different types, see
/// [`gather!`](crate::gather!).
///
/// They are parts of the task that awaits them, so they may borrow, and end with it. Futures that
/// are to be tasks are [spawned](crate::spawn); their handles can be gathered.
///
/// ```
/// aioxide::run(async {
///     let double = async |number| number * 2;
///     assert_eq!(aioxide::gather([1, 2, 3].map(double)).await, [2, 4, 6]);
/// });
/// ```
///
/// # Cancellation
///
/// Dropped, it drops the futures; their clean-up is handed on.
pub fn gather<I>(futures: I) -> Gather<I::Item>
where
    I: IntoIterator,
    I::Item: Future,
{
    Gather { all: join_all(futures) }
}

/// Awaits all futures at once until one fails: asyncio's `gather`, but for the others, which are
/// dropped then. For futures of different types, see [`try_gather!`](crate::try_gather!).
///
/// ```
/// aioxide::run(async {
///     let parse = async |text: &str| text.parse::<u32>();
///     assert_eq!(aioxide::try_gather(["1", "2"].map(parse)).await, Ok(vec![1, 2]));
///     assert!(aioxide::try_gather(["1", "two"].map(parse)).await.is_err());
/// });
/// ```
///
/// # Errors
///
/// The first failure. The other futures have been dropped, and their clean-up
/// ([`finally`](crate::finally)) has been awaited.
///
/// # Cancellation
///
/// Dropped, it drops the futures; their clean-up is handed on.
pub fn try_gather<I, T, E>(futures: I) -> TryGather<I::Item>
where
    I: IntoIterator,
    I::Item: Future<Output = Result<T, E>>,
{
    TryGather { tidy: Tidy::new(try_join_all(futures)) }
}

pin_project! {
    /// See [`gather()`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Gather<F: Future> {
        #[pin]
        all: JoinAll<F>,
    }
}

pin_project! {
    /// See [`try_gather()`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct TryGather<F: TryFuture> {
        #[pin]
        tidy: Tidy<TryJoinAll<F>>,
    }
}

impl<F: Future> Future for Gather<F> {
    type Output = Vec<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().all.poll(context)
    }
}

impl<F: TryFuture> Future for TryGather<F> {
    type Output = Result<Vec<F::Ok>, F::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().tidy.poll(context)
    }
}

impl<F: Future> fmt::Debug for Gather<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gather").finish_non_exhaustive()
    }
}

impl<F: TryFuture> fmt::Debug for TryGather<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TryGather").finish_non_exhaustive()
    }
}
