//! A future that drops others before its end, and awaits their clean-up.

use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{CleaningUp, drop_and_collect};

pin_project! {
    /// Gives the result of `future` when what that leaves behind is cleaned up: it may have been
    /// waiting for something else at the same time.
    #[project = TidyProjection]
    pub(crate) enum Tidy<F: Future> {
        Running { #[pin] future: F },
        Cleaning { clean_up: CleaningUp, result: Option<F::Output> },
    }
}

impl<F: Future> Tidy<F> {
    pub(crate) fn new(future: F) -> Self {
        Self::Running { future }
    }

    /// The future, until it has ended.
    pub(crate) fn running(self: Pin<&mut Self>) -> Option<Pin<&mut F>> {
        match self.project() {
            TidyProjection::Running { future } => Some(future),
            TidyProjection::Cleaning { .. } => None,
        }
    }

    /// Drops the future; `result` comes after its clean-up.
    pub(crate) fn end(mut self: Pin<&mut Self>, result: F::Output) {
        let nothing = Self::Cleaning { clean_up: CleaningUp::default(), result: None };
        let (left, panic) = drop_and_collect(|| self.set(nothing));
        if let Some(payload) = panic {
            drop(left); // Hands it on.
            resume_unwind(payload);
        }
        if let TidyProjection::Cleaning { clean_up, result: place } = self.project() {
            *clean_up = left;
            *place = Some(result);
        }
    }

    /// Goes on with the clean-up.
    pub(crate) fn poll_clean_up(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<F::Output> {
        match self.project() {
            TidyProjection::Running { .. } => Poll::Pending,
            TidyProjection::Cleaning { clean_up, result } => match Pin::new(clean_up).poll(context)
            {
                Poll::Pending => Poll::Pending,
                Poll::Ready(()) => Poll::Ready(result.take().expect("polled after it was ready")),
            },
        }
    }
}

impl<F: Future> Future for Tidy<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        if let Some(future) = self.as_mut().running() {
            match future.poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(result) => self.as_mut().end(result),
            }
        }
        self.poll_clean_up(context)
    }
}
