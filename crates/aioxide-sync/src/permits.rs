//! Permits that futures wait for in a line: what locks, semaphores and queues are made of.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::waiters::{Left, Wait, Waiters, Wakers, serve_all};

/// A number of permits, given out first come first served. A permit is given to the first in the
/// line when it is released, and not when that future is polled: so nobody can take it away in
/// between, and who drops that future gives it to the next.
pub struct Permits {
    available: Cell<usize>,
    /// No more permits will come: who would have to wait fails instead.
    closed: Cell<bool>,
    /// Each with the number of permits that it asks for.
    waiters: RefCell<Waiters<usize, Result<(), Refused>>>,
}

/// The permits are not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Now; others may be first.
    Unavailable,
    /// Nor will they be.
    Closed,
}

impl Permits {
    pub fn new(available: usize) -> Self {
        Self {
            available: Cell::new(available),
            closed: Cell::new(false),
            waiters: RefCell::default(),
        }
    }

    /// How many are left. None of them belongs to a waiter.
    pub fn available(&self) -> usize {
        self.available.get()
    }

    /// Whether [`Permits::try_acquire`] would give one.
    pub fn is_any_free(&self) -> bool {
        self.available.get() > 0 && self.waiting() == 0
    }

    /// How many futures wait.
    pub fn waiting(&self) -> usize {
        self.waiters.borrow().len()
    }

    /// Takes permits, unless they are not there or others wait already.
    pub fn try_acquire(&self, count: usize) -> Result<(), Refused> {
        match self.available.get().checked_sub(count) {
            Some(left) if self.waiters.borrow().is_empty() => {
                self.available.set(left);
                Ok(())
            }
            _ if self.closed.get() => Err(Refused::Closed),
            _ => Err(Refused::Unavailable),
        }
    }

    /// Takes permits, waiting for them. Fails when the permits are closed.
    pub fn acquire(&self, count: usize) -> Acquire<'_> {
        Acquire { permits: self, count, wait: Wait::new(&self.waiters, count) }
    }

    /// Gives permits back, or adds new ones.
    ///
    /// # Panics
    ///
    /// If there are more than fit into a `usize`.
    #[track_caller]
    pub fn release(&self, count: usize) {
        let available = self.available.get().checked_add(count);
        self.available.set(available.expect("fewer than usize::MAX permits"));
        self.serve();
    }

    /// No more permits will come.
    pub fn close(&self) {
        self.closed.set(true);
        serve_all(&self.waiters, |_| Err(Refused::Closed));
    }

    /// Serves the waiters for whom there is enough. One that asks for many holds up those behind
    /// it: they could keep it waiting for ever.
    fn serve(&self) {
        let mut wakers = Wakers::default();
        {
            let mut waiters = self.waiters.borrow_mut();
            while let Some(&wanted) = waiters.front()
                && let Some(left) = self.available.get().checked_sub(wanted)
            {
                self.available.set(left);
                if let Some(waker) = waiters.serve(Ok(())) {
                    wakers.push(waker);
                }
            }
        }
        wakers.wake();
    }
}

/// See [`Permits::acquire`].
pub struct Acquire<'a> {
    permits: &'a Permits,
    count: usize,
    wait: Wait<'a, usize, Result<(), Refused>>,
}

impl Future for Acquire<'_> {
    type Output = Result<(), Refused>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.wait.has_joined() {
            match self.permits.try_acquire(self.count) {
                Err(Refused::Unavailable) => {}
                known => return Poll::Ready(known),
            }
        }
        Pin::new(&mut self.wait).poll(context)
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        match self.wait.leave() {
            None | Some(Left::Served(Err(_))) => {}
            Some(Left::Served(Ok(()))) => self.permits.release(self.count),
            // It may have held up those behind it.
            Some(Left::Waiting(_)) => self.permits.serve(),
        }
    }
}
