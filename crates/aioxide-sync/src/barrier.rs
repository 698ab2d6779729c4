//! A point that tasks pass together.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;

use crate::waiters::{Wait, Waiters, serve_all};

/// A point that a number of tasks pass together, again and again.
///
/// # Cancellation
///
/// A task that is dropped while it waits does not count: another has to come in its place. One
/// that is dropped after the barrier has let it pass has passed.
///
/// # Example
///
/// ```
/// use aioxide_sync::Barrier;
///
/// # futures_lite::future::block_on(async {
/// let barrier = Barrier::new(2);
/// let (first, second) = futures_lite::future::zip(barrier.wait(), barrier.wait()).await;
/// assert_eq!((first, second), (Ok(0), Ok(1)));
/// # });
/// ```
pub struct Barrier {
    parties: usize,
    is_broken: Cell<bool>,
    waiters: RefCell<Waiters<(), Result<usize, BrokenBarrier>>>,
}

/// The barrier was reset or aborted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BrokenBarrier;

impl Barrier {
    /// A barrier that `parties` tasks pass together.
    ///
    /// # Panics
    ///
    /// If `parties` is 0.
    #[track_caller]
    pub fn new(parties: usize) -> Self {
        assert!(parties > 0, "a barrier needs at least one party");
        Self { parties, is_broken: Cell::new(false), waiters: RefCell::default() }
    }

    /// Waits until as many tasks wait as the barrier has parties. Gives this task's place among
    /// them, from 0 in the order in which they came; the last one does not wait.
    ///
    /// # Errors
    ///
    /// [`BrokenBarrier`] if the barrier is reset or aborted while the task waits, or has been
    /// aborted before.
    pub async fn wait(&self) -> Result<usize, BrokenBarrier> {
        if self.is_broken() {
            return Err(BrokenBarrier);
        }
        let before = self.waiting();
        if before + 1 == self.parties {
            serve_all(&self.waiters, Ok);
            return Ok(before);
        }
        Wait::new(&self.waiters, ()).await
    }

    /// Makes the tasks that wait fail, and the barrier whole again.
    pub fn reset(&self) {
        self.is_broken.set(false);
        serve_all(&self.waiters, |_| Err(BrokenBarrier));
    }

    /// Makes the tasks that wait fail, and all that come until [`Barrier::reset`].
    pub fn abort(&self) {
        self.is_broken.set(true);
        serve_all(&self.waiters, |_| Err(BrokenBarrier));
    }

    /// How many tasks pass together.
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// How many tasks wait.
    pub fn waiting(&self) -> usize {
        self.waiters.borrow().len()
    }

    /// Whether it was aborted.
    pub fn is_broken(&self) -> bool {
        self.is_broken.get()
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Barrier")
            .field("parties", &self.parties)
            .field("waiting", &self.waiting())
            .field("is_broken", &self.is_broken())
            .finish()
    }
}

impl fmt::Display for BrokenBarrier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the barrier was reset or aborted")
    }
}

impl Error for BrokenBarrier {}
