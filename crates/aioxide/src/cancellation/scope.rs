//! A part of a task that can be cancelled without the rest.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::Tidy;
use crate::task::Cancelled;

/// Cancels what runs in it: futures that are parts of tasks. Clones are the same scope.
///
/// asyncio has no such class; `task.cancel()` and `task.uncancel()` around a block are what comes
/// near to it. To cancel a whole task, use [`Task::cancel`](crate::Task::cancel).
///
/// ```
/// use std::time::Duration;
///
/// aioxide::run(async {
///     let scope = aioxide::CancelScope::new();
///     let stop = scope.clone();
///     aioxide::spawn(async move { stop.cancel() }).detach();
///     let slept = scope.run(aioxide::sleep(Duration::from_secs(3600))).await;
///     assert_eq!(slept, Err(aioxide::Cancelled));
/// });
/// ```
#[derive(Clone, Default)]
pub struct CancelScope {
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    is_cancelled: Cell<bool>,
    /// Those that run in the scope, each with a number of its own.
    running: RefCell<Vec<(u64, Waker)>>,
    last: Cell<u64>,
}

impl CancelScope {
    /// A scope that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends everything that runs in the scope, now and later.
    pub fn cancel(&self) {
        self.state.is_cancelled.set(true);
        let running = self.state.running.take();
        running.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.state.is_cancelled.get()
    }

    /// Awaits `future` in the scope.
    ///
    /// # Errors
    ///
    /// [`Cancelled`] if the scope is cancelled first. The future is dropped then, and its clean-up
    /// ([`finally`](crate::finally)) has been awaited.
    ///
    /// # Cancellation
    ///
    /// Dropped, it drops the future; its clean-up is handed on.
    pub fn run<F: Future>(&self, future: F) -> ScopeRun<F> {
        let number = self.state.last.get() + 1;
        self.state.last.set(number);
        ScopeRun {
            place: Place { state: Rc::clone(&self.state), number },
            tidy: Tidy::new(Catching { future }),
        }
    }
}

impl fmt::Debug for CancelScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CancelScope")
            .field("is_cancelled", &self.is_cancelled())
            .field("running", &self.state.running.borrow().len())
            .finish()
    }
}

pin_project! {
    /// See [`CancelScope::run`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct ScopeRun<F: Future> {
        place: Place,
        #[pin]
        tidy: Tidy<Catching<F>>,
    }
}

pin_project! {
    /// The future, whose result may be that it was cancelled.
    struct Catching<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Catching<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(context).map(Ok)
    }
}

/// A place among those that run in a scope.
struct Place {
    state: Rc<State>,
    number: u64,
}

impl Place {
    fn register(&self, waker: &Waker) {
        let is_kept = {
            let running = self.state.running.borrow();
            running.iter().any(|(number, it)| *number == self.number && it.will_wake(waker))
        };
        if !is_kept {
            self.leave();
            let waker = waker.clone();
            self.state.running.borrow_mut().push((self.number, waker));
        }
    }

    fn leave(&self) {
        let mut running = self.state.running.borrow_mut();
        let found = running.iter().position(|(number, _)| *number == self.number);
        let left = found.map(|index| running.swap_remove(index));
        drop(running);
        drop(left);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<F: Future> Future for ScopeRun<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.tidy.as_mut().running().is_some() {
            if this.place.state.is_cancelled.get() {
                this.tidy.as_mut().end(Err(Cancelled));
            } else {
                this.place.register(context.waker());
            }
        }
        this.tidy.poll(context)
    }
}

impl<F: Future> fmt::Debug for ScopeRun<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ScopeRun").finish_non_exhaustive()
    }
}
