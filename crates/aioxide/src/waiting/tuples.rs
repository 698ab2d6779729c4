//! `gather!` and `try_gather!`: a few futures of different types.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::{MaybeDone, TryFuture, TryMaybeDone, maybe_done, try_maybe_done};
use pin_project_lite::pin_project;

use crate::cancellation::Tidy;

/// Awaits several futures at once, and gives a tuple of their results: asyncio's
/// `gather(…, return_exceptions=True)`. Up to twelve, of any types; for more, or for a number
/// that is not known, see [`gather()`](crate::gather()).
///
/// ```
/// aioxide::run(async {
///     let (number, text) = aioxide::gather!(async { 1 }, async { "one" }).await;
///     assert_eq!((number, text), (1, "one"));
/// });
/// ```
#[macro_export]
macro_rules! gather {
    ($($future:expr),+ $(,)?) => { $crate::FutureTuple::gather(($($future,)+)) };
}

/// Awaits several futures at once until one fails: asyncio's `gather`, but for the others, which
/// are dropped then, and their clean-up awaited. Their errors are of one type. Up to twelve; see
/// [`try_gather()`](crate::try_gather()).
///
/// ```
/// aioxide::run(async {
///     let parse = async |text: &str| text.parse::<u32>();
///     let letter = async |text: &str| text.chars().next().ok_or("empty");
///     let both = aioxide::try_gather!(async { Ok(parse("7").await.unwrap()) }, letter("seven"));
///     assert_eq!(both.await, Ok((7, 's')));
/// });
/// ```
#[macro_export]
macro_rules! try_gather {
    ($($future:expr),+ $(,)?) => { $crate::TryFutureTuple::try_gather(($($future,)+)) };
}

mod sealed {
    /// Tuples alone: the traits may grow.
    pub trait Sealed {}
}

/// Tuples of futures, for [`gather!`](crate::gather!). Only this crate implements it.
pub trait FutureTuple: sealed::Sealed {
    /// The results.
    type Output;

    /// Awaits all at once.
    fn gather(self) -> impl Future<Output = Self::Output>;
}

/// Tuples of futures that may fail, for [`try_gather!`](crate::try_gather!). Only this crate
/// implements it.
pub trait TryFutureTuple: sealed::Sealed {
    /// The results.
    type Ok;
    /// The type of their errors.
    type Error;

    /// Awaits all at once until one fails.
    fn try_gather(self) -> impl Future<Output = Result<Self::Ok, Self::Error>>;
}

macro_rules! tuples {
    ($($all:ident / $until_failure:ident: $($field:ident $future:ident),+;)*) => {$(
        pin_project! {
            struct $all<$($future: Future),+> {
                $(#[pin] $field: MaybeDone<$future>,)+
            }
        }

        impl<$($future: Future),+> Future for $all<$($future),+> {
            type Output = ($($future::Output,)+);

            fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
                let mut this = self.project();
                let mut are_done = true;
                $(are_done &= this.$field.as_mut().poll(context).is_ready();)+
                if !are_done {
                    return Poll::Pending;
                }
                const TAKEN: &str = "polled after it was ready";
                Poll::Ready(($(this.$field.as_mut().take_output().expect(TAKEN),)+))
            }
        }

        impl<$($future: Future),+> sealed::Sealed for ($($future,)+) {}

        impl<$($future: Future),+> FutureTuple for ($($future,)+) {
            type Output = ($($future::Output,)+);

            fn gather(self) -> impl Future<Output = Self::Output> {
                let ($($field,)+) = self;
                $all { $($field: maybe_done($field),)+ }
            }
        }

        pin_project! {
            struct $until_failure<$($future: TryFuture),+> {
                $(#[pin] $field: TryMaybeDone<$future>,)+
            }
        }

        impl<E, $($future: TryFuture<Error = E>),+> Future for $until_failure<$($future),+> {
            type Output = Result<($($future::Ok,)+), E>;

            fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
                let mut this = self.project();
                let mut are_done = true;
                $(match this.$field.as_mut().poll(context) {
                    Poll::Pending => are_done = false,
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                })+
                if !are_done {
                    return Poll::Pending;
                }
                const TAKEN: &str = "polled after it was ready";
                Poll::Ready(Ok(($(this.$field.as_mut().take_output().expect(TAKEN),)+)))
            }
        }

        impl<E, $($future: TryFuture<Error = E>),+> TryFutureTuple for ($($future,)+) {
            type Ok = ($($future::Ok,)+);
            type Error = E;

            fn try_gather(self) -> impl Future<Output = Result<Self::Ok, E>> {
                let ($($field,)+) = self;
                Tidy::new($until_failure { $($field: try_maybe_done($field),)+ })
            }
        }
    )*};
}

tuples! {
    All1/Try1: a A;
    All2/Try2: a A, b B;
    All3/Try3: a A, b B, c C;
    All4/Try4: a A, b B, c C, d D;
    All5/Try5: a A, b B, c C, d D, e E1;
    All6/Try6: a A, b B, c C, d D, e E1, f F;
    All7/Try7: a A, b B, c C, d D, e E1, f F, g G;
    All8/Try8: a A, b B, c C, d D, e E1, f F, g G, h H;
    All9/Try9: a A, b B, c C, d D, e E1, f F, g G, h H, i I;
    All10/Try10: a A, b B, c C, d D, e E1, f F, g G, h H, i I, j J;
    All11/Try11: a A, b B, c C, d D, e E1, f F, g G, h H, i I, j J, k K;
    All12/Try12: a A, b B, c C, d D, e E1, f F, g G, h H, i I, j J, k K, l L;
}
