//! The queue by which other threads send to a loop.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, PoisonError, TryLockError};

use crate::primitives::{AtomicBool, Mutex, MutexGuard, Ordering};
use crate::{AdaptiveSpin, Waker};

#[cfg(all(test, not(loom)))]
mod tests;

/// A queue with many producers on any thread and one consumer, the loop.
///
/// Items come out in the order in which they arrived, so the items of one
/// producer keep their order. The poller is woken once however many items wait:
/// by the push that finds the inbox empty.
///
/// ```
/// use std::collections::VecDeque;
/// use aioxide_engine::{Inbox, Poller};
///
/// let poller = Poller::new()?;
/// let inbox = Inbox::new(poller.waker());
/// std::thread::scope(|scope| {
///     scope.spawn(|| inbox.push("done elsewhere"));
/// });
///
/// let mut ready = VecDeque::new();
/// inbox.drain_into(&mut ready);
/// assert_eq!(ready, ["done elsewhere"]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Inbox<T> {
    /// Held for a few instructions only, and never while foreign code runs.
    state: Mutex<State<T>>,
    /// Whether `state.items` holds something, so that the loop need not lock in
    /// each iteration. Written under the lock. A reader that sees a stale `false`
    /// misses nothing, because the wake-up of that push ends its next poll.
    has_items: AtomicBool,
}

struct State<T> {
    items: VecDeque<T>,
    /// None once the inbox is closed: its descriptor is closed with the loop,
    /// even if another thread still holds the inbox.
    waker: Option<Waker>,
    /// Whether the loop spins and will see a new item without a wake-up. Changed
    /// under the lock, so that a push is either seen or wakes the loop.
    consumer_spins: bool,
}

impl<T> Inbox<T> {
    /// An empty inbox that wakes the poller of `waker`.
    pub fn new(waker: Waker) -> Self {
        Self {
            state: Mutex::new(State {
                items: VecDeque::new(),
                waker: Some(waker),
                consumer_spins: false,
            }),
            has_items: AtomicBool::new(false),
        }
    }

    /// Appends `item`. Wakes the loop if the inbox was empty and the loop does
    /// not [spin](Self::spin).
    ///
    /// Never waits for the consumer, only for other pushes in progress.
    ///
    /// # Errors
    ///
    /// When the inbox is closed; the error is the item.
    pub fn push(&self, item: T) -> Result<(), T> {
        let mut state = self.lock();
        if state.waker.is_none() {
            return Err(item);
        }
        state.items.push_back(item);
        if state.items.len() > 1 {
            return Ok(());
        }
        self.has_items.store(true, Ordering::Release);
        if state.consumer_spins {
            return Ok(());
        }
        let waker = state.waker.clone();
        // If it were woken under the lock, the loop would block on the lock at once.
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// For the loop, before it waits: spins until an item arrives, for a moment
    /// at most. A push meanwhile makes no wake-up call. Returns whether there is
    /// an item.
    pub fn spin(&self, spin: &mut AdaptiveSpin) -> bool {
        self.lock().consumer_spins = true;
        spin.spin(|| !self.is_empty());
        let mut state = self.lock();
        state.consumer_spins = false;
        !state.items.is_empty()
    }

    /// Moves everything that has arrived to the end of `out`.
    #[inline]
    pub fn drain_into(&self, out: &mut VecDeque<T>) {
        if !self.is_empty() {
            self.drain_locked(out);
        }
    }

    /// Whether the inbox is empty. One atomic load: the answer may be out of date
    /// at once.
    #[inline]
    pub fn is_empty(&self) -> bool {
        !self.has_items.load(Ordering::Acquire)
    }

    /// Calls `visit` for each item that has arrived, under the lock: it must not
    /// push, wait, or drop anything.
    ///
    /// # Errors
    ///
    /// The first error of `visit`, which ends the iteration.
    pub fn try_for_each<E>(&self, mut visit: impl FnMut(&T) -> Result<(), E>) -> Result<(), E> {
        if self.is_empty() {
            return Ok(());
        }
        self.lock().items.iter().try_for_each(&mut visit)
    }

    /// Closes the inbox: refuses every later push, drops the waker and returns
    /// the items that had arrived, oldest first.
    pub fn close(&self) -> Vec<T> {
        let mut state = self.lock();
        self.has_items.store(false, Ordering::Release);
        Self::empty(&mut state)
    }

    /// In the child of a `fork`: the items that had arrived before it, oldest
    /// first. The inbox must not be used any more: it wakes the parent.
    ///
    /// If another thread was pushing during the fork, that thread does not exist
    /// in the child and never unlocks. The items are lost then, and their memory
    /// leaks.
    pub(crate) fn inherited(this: Arc<Self>) -> Vec<T> {
        match this.state.try_lock() {
            Ok(mut state) => Self::empty(&mut state),
            Err(TryLockError::Poisoned(error)) => Self::empty(&mut error.into_inner()),
            Err(TryLockError::WouldBlock) => {
                mem::forget(Arc::clone(&this));
                Vec::new()
            }
        }
    }

    fn empty(state: &mut State<T>) -> Vec<T> {
        state.waker = None;
        mem::take(&mut state.items).into()
    }

    fn drain_locked(&self, out: &mut VecDeque<T>) {
        let mut state = self.lock();
        self.has_items.store(false, Ordering::Release);
        if out.is_empty() {
            // The two buffers alternate: nothing is copied or allocated.
            mem::swap(out, &mut state.items);
        } else {
            out.append(&mut state.items);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No code under the lock leaves the state half changed, so a poisoned
        // lock (after a panic of the allocator, for example) is safe to use.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
