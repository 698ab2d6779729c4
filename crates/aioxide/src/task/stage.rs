//! A future from its first poll to its outcome: run, clean up, done.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::error::{Cancelled, JoinError, Outcome, Panicked};
use super::header::Header;
use crate::cancellation::{CleaningUp, drop_and_collect};

pin_project! {
    /// What is left of a task's future.
    #[project = StageProjection]
    pub(crate) enum Stage<F: Future> {
        Running { #[pin] future: F },
        /// In a box: it is rare, and every task has room for the largest variant.
        Cleaning { cleaning: Box<Cleaning<F::Output>> },
        Done { outcome: Option<Outcome<F::Output>> },
    }
}

/// The clean-up of a future that is gone, and what comes after it.
pub(crate) struct Cleaning<T> {
    clean_up: CleaningUp,
    outcome: Outcome<T>,
}

impl<F: Future> Stage<F> {
    pub(crate) fn new(future: F) -> Self {
        Self::Running { future }
    }

    /// Polls it once. True if the outcome is there; the caller calls [`Header::end`].
    pub(crate) fn step(
        mut self: Pin<&mut Self>,
        header: &Header,
        context: &mut Context<'_>,
    ) -> bool {
        if let StageProjection::Running { future } = self.as_mut().project() {
            let outcome = if header.must_cancel() {
                Err(JoinError::Cancelled(Cancelled))
            } else {
                match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
                    Ok(Poll::Pending) => return false,
                    // As in asyncio, a request to cancel wins over a result of the same turn.
                    Ok(Poll::Ready(result)) if header.must_cancel() => {
                        match catch_unwind(AssertUnwindSafe(|| drop(result))) {
                            Ok(()) => Err(JoinError::Cancelled(Cancelled)),
                            Err(payload) => Err(JoinError::Panicked(Panicked::new(payload))),
                        }
                    }
                    Ok(Poll::Ready(result)) => Ok(result),
                    Err(payload) => Err(JoinError::Panicked(Panicked::new(payload))),
                }
            };
            if self.as_mut().leave_running(header, outcome) {
                return true;
            }
        }
        self.as_mut().clean_up(context)
    }

    /// Drops the future. True if there is nothing to clean up.
    fn leave_running(
        mut self: Pin<&mut Self>,
        header: &Header,
        mut outcome: Outcome<F::Output>,
    ) -> bool {
        let (clean_up, panic) = drop_and_collect(|| self.set(Self::Done { outcome: None }));
        if let Some(payload) = panic {
            outcome = Err(JoinError::Panicked(Panicked::new(payload)));
        }
        if clean_up.is_empty() {
            self.set(Self::Done { outcome: Some(outcome) });
            return true;
        }
        header.begin_cleaning();
        self.set(Self::Cleaning { cleaning: Box::new(Cleaning { clean_up, outcome }) });
        false
    }

    fn clean_up(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> bool {
        let StageProjection::Cleaning { cleaning } = self.as_mut().project() else { return true };
        let clean_up = Pin::new(&mut cleaning.clean_up);
        match catch_unwind(AssertUnwindSafe(|| clean_up.poll(context))) {
            Ok(Poll::Pending) => return false,
            Ok(Poll::Ready(())) => {}
            // The next part of the clean-up is polled all the same.
            Err(payload) => {
                cleaning.outcome = Err(JoinError::Panicked(Panicked::new(payload)));
                cleaning.clean_up.skip_first();
                if !cleaning.clean_up.is_empty() {
                    context.waker().wake_by_ref();
                    return false;
                }
            }
        }
        let done = Self::Done { outcome: None };
        let StageProjection::Cleaning { cleaning } = self.as_mut().project() else { return true };
        let outcome =
            std::mem::replace(&mut cleaning.outcome, Err(JoinError::Cancelled(Cancelled)));
        self.set(done);
        self.set(Self::Done { outcome: Some(outcome) });
        true
    }

    /// The outcome, once.
    pub(crate) fn take_outcome(self: Pin<&mut Self>) -> Option<Outcome<F::Output>> {
        match self.project() {
            StageProjection::Done { outcome } => outcome.take(),
            _ => None,
        }
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome<F::Output>> {
        match self {
            Self::Done { outcome } => outcome.as_ref(),
            _ => None,
        }
    }

    /// Drops what there is, without clean-up.
    pub(crate) fn abandon(mut self: Pin<&mut Self>) {
        let (clean_up, panic) = drop_and_collect(|| self.set(Self::Done { outcome: None }));
        clean_up.abandon();
        let outcome = match panic {
            Some(payload) => JoinError::Panicked(Panicked::new(payload)),
            None => JoinError::Cancelled(Cancelled),
        };
        self.set(Self::Done { outcome: Some(Err(outcome)) });
    }
}
