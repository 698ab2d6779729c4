//! Waiting until what a lock protects has changed.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use crate::LockGuard;
use crate::waiters::{Left, Wait, Waiters, serve_some};

/// Tasks that have a [`Lock`](crate::Lock) release it here, wait for a notice, and take the lock
/// again.
///
/// Several conditions may belong to one lock. Where nothing is awaited while the lock is held,
/// neither is needed: an [`Event`](crate::Event) or a [`Queue`](crate::Queue) is simpler.
///
/// As in asyncio, a notified task takes the lock when it runs, in line with those that ask for it.
/// Unlike there, [`Condition::notify`] does not require the lock, and a wait never ends without a
/// notice. Another task may still have the lock first: check again what was waited for, or let
/// [`Condition::wait_for`] do it.
///
/// # Cancellation
///
/// A task that is dropped while it waits has no lock any more: its guard went into the wait, and
/// goes with it. A notice that it had been given and did not come to use goes to the next task.
///
/// # Example
///
/// ```
/// use aioxide_sync::{Condition, Lock};
///
/// # futures_lite::future::block_on(async {
/// let (free, changed) = (Lock::new(0), Condition::new());
/// let consumer = async {
///     let mut free = changed.wait_for(free.acquire().await, |free| *free >= 2).await;
///     *free -= 2;
/// };
/// let producer = async {
///     for _ in 0..2 {
///         *free.acquire().await += 1;
///         changed.notify(1);
///     }
/// };
/// # futures_lite::future::zip(consumer, producer).await;
/// assert_eq!(*free.acquire().await, 0);
/// # });
/// ```
#[derive(Default)]
pub struct Condition {
    waiters: RefCell<Waiters<(), ()>>,
}

impl Condition {
    /// A condition that nobody waits for.
    pub fn new() -> Self {
        Self::default()
    }

    /// Releases the lock, waits for a notice, and takes the lock again.
    ///
    /// # Cancellation
    ///
    /// Dropped, the guard is gone, and a notice goes to the next task.
    pub async fn wait<'a, T>(&self, guard: LockGuard<'a, T>) -> LockGuard<'a, T> {
        let lock = LockGuard::lock(&guard);
        let mut notice = Notice { condition: self, wait: Wait::new(&self.waiters, ()), has: false };
        let mut guard = Some(guard);
        poll_fn(|context| {
            let polled = notice.poll(context);
            // Only now, in the line: no notice can come between the two.
            drop(guard.take());
            polled
        })
        .await;
        let guard = lock.acquire().await;
        notice.has = false;
        guard
    }

    /// Waits for notices until `predicate` is true of the value; not at all if it is true now.
    pub async fn wait_for<'a, T>(
        &self,
        mut guard: LockGuard<'a, T>,
        mut predicate: impl FnMut(&mut T) -> bool,
    ) -> LockGuard<'a, T> {
        while !predicate(&mut guard) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// Gives a notice to the `count` tasks that have waited longest, or to all if there are fewer.
    /// A task that begins to wait afterwards does not see it.
    pub fn notify(&self, count: usize) {
        serve_some(&self.waiters, count, &mut |_| ());
    }

    /// Gives a notice to all tasks that wait.
    pub fn notify_all(&self) {
        self.notify(usize::MAX);
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Condition").field("waiting", &self.waiters.borrow().len()).finish()
    }
}

/// Waits for a notice, and passes it on if it is dropped with it.
struct Notice<'a> {
    condition: &'a Condition,
    wait: Wait<'a, (), ()>,
    /// It has one that was not used yet.
    has: bool,
}

impl Notice<'_> {
    fn poll(&mut self, context: &mut std::task::Context<'_>) -> Poll<()> {
        let polled = Pin::new(&mut self.wait).poll(context);
        self.has = polled.is_ready();
        polled
    }
}

impl Drop for Notice<'_> {
    fn drop(&mut self) {
        if matches!(self.wait.leave(), Some(Left::Served(()))) || self.has {
            self.condition.notify(1);
        }
    }
}
