//! A bound on how many tasks do something at once.

use std::fmt;
use std::rc::Rc;

use crate::permits::{Permits, Refused};

/// A number of permits that tasks take and give back.
///
/// Tasks get permits in the order in which they have asked. A task that asks for many holds up
/// those behind it until it has them, so that it is not kept waiting for ever.
///
/// [`Semaphore::bounded`] is asyncio's `BoundedSemaphore`.
///
/// # Cancellation
///
/// A task that is dropped while it waits leaves the line; permits that were its own already go
/// to the next. A permit that is dropped, by cancellation or by a panic, is given back.
///
/// # Example
///
/// ```
/// use aioxide_sync::Semaphore;
///
/// # futures_lite::future::block_on(async {
/// let connections = Semaphore::new(5);
/// let permit = connections.acquire().await;
/// assert_eq!(connections.available(), 4);
/// drop(permit);
/// let all = connections.acquire_many(5).await;
/// assert!(connections.try_acquire().is_none());
/// # drop(all); });
/// ```
#[doc(alias = "BoundedSemaphore")]
pub struct Semaphore {
    permits: Permits,
    /// There may never be more permits than this, unless it is `usize::MAX`.
    bound: usize,
}

impl Semaphore {
    /// A semaphore with `permits` permits.
    pub fn new(permits: usize) -> Self {
        Self { permits: Permits::new(permits), bound: usize::MAX }
    }

    /// The same; more permits than these are never released.
    pub fn bounded(permits: usize) -> Self {
        Self { bound: permits, ..Self::new(permits) }
    }

    /// Waits for a permit.
    ///
    /// # Cancellation
    ///
    /// Dropped, the task loses its place in the line; nothing else.
    pub async fn acquire(&self) -> SemaphorePermit<'_> {
        self.acquire_many(1).await
    }

    /// Waits for `count` permits at once. Where there will never be so many, it and all tasks
    /// behind it wait until it is dropped.
    pub async fn acquire_many(&self, count: usize) -> SemaphorePermit<'_> {
        self.granted(count).await;
        SemaphorePermit { semaphore: self, count }
    }

    /// The same as [`Semaphore::acquire`] with a permit that borrows nothing.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use aioxide_sync::Semaphore;
    ///
    /// # futures_lite::future::block_on(async {
    /// let semaphore = Rc::new(Semaphore::new(2));
    /// let permit = Rc::clone(&semaphore).acquire_owned().await;
    /// let task = async move {
    ///     // … uses the connection …
    ///     drop(permit);
    /// };
    /// # task.await; });
    /// ```
    pub async fn acquire_owned(self: Rc<Self>) -> OwnedSemaphorePermit {
        self.acquire_many_owned(1).await
    }

    /// The same as [`Semaphore::acquire_many`] with permits that borrow nothing.
    pub async fn acquire_many_owned(self: Rc<Self>, count: usize) -> OwnedSemaphorePermit {
        self.granted(count).await;
        OwnedSemaphorePermit { semaphore: self, count }
    }

    /// A permit, unless there is none or tasks wait for it.
    pub fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.try_acquire_many(1)
    }

    /// `count` permits, unless they are not there or tasks wait.
    pub fn try_acquire_many(&self, count: usize) -> Option<SemaphorePermit<'_>> {
        let acquired = self.permits.try_acquire(count).is_ok();
        acquired.then(|| SemaphorePermit { semaphore: self, count })
    }

    /// The same as [`Semaphore::try_acquire`] with a permit that borrows nothing.
    pub fn try_acquire_owned(self: Rc<Self>) -> Option<OwnedSemaphorePermit> {
        self.try_acquire_many_owned(1)
    }

    /// The same as [`Semaphore::try_acquire_many`] with permits that borrow nothing.
    pub fn try_acquire_many_owned(self: Rc<Self>, count: usize) -> Option<OwnedSemaphorePermit> {
        let acquired = self.permits.try_acquire(count).is_ok();
        acquired.then(|| OwnedSemaphorePermit { semaphore: self, count })
    }

    /// Adds `count` permits: those that were forgotten ([`SemaphorePermit::forget`]), or new ones.
    ///
    /// # Panics
    ///
    /// If the semaphore is bounded and there would be more than it was made with.
    #[track_caller]
    pub fn release(&self, count: usize) {
        let room = self.bound - self.permits.available().min(self.bound);
        assert!(count <= room, "the semaphore was released too many times");
        self.permits.release(count);
    }

    /// How many permits are left.
    pub fn available(&self) -> usize {
        self.permits.available()
    }

    /// Whether a task that asks for a permit would have to wait.
    pub fn is_locked(&self) -> bool {
        !self.permits.is_any_free()
    }

    async fn granted(&self, count: usize) {
        let granted = self.permits.acquire(count).await;
        debug_assert_ne!(granted, Err(Refused::Closed), "a semaphore is not closed");
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Semaphore")
            .field("available", &self.available())
            .field("waiting", &self.permits.waiting())
            .finish_non_exhaustive()
    }
}

/// Permits of a [`Semaphore`], which are given back when it is dropped.
#[must_use = "dropped at once, the permits are given back at once"]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    count: usize,
}

/// Permits of a [`Semaphore`], of which it shares the ownership.
#[must_use = "dropped at once, the permits are given back at once"]
pub struct OwnedSemaphorePermit {
    semaphore: Rc<Semaphore>,
    count: usize,
}

macro_rules! is_permit {
    ($($name:literal: $permit:ty),*) => {$(
        impl $permit {
            /// How many permits these are.
            pub fn count(&self) -> usize {
                self.count
            }

            /// Keeps them for good: they are not given back.
            pub fn forget(mut self) {
                self.count = 0;
            }

            /// Takes `count` of them out. None if there are fewer.
            #[must_use = "dropped at once, the permits are given back at once"]
            pub fn split(&mut self, count: usize) -> Option<Self> {
                self.count = self.count.checked_sub(count)?;
                Some(Self { semaphore: Clone::clone(&self.semaphore), count })
            }
        }

        impl Drop for $permit {
            fn drop(&mut self) {
                self.semaphore.permits.release(self.count);
            }
        }

        impl fmt::Debug for $permit {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.debug_struct($name).field("count", &self.count).finish_non_exhaustive()
            }
        }
    )*};
}

is_permit!("SemaphorePermit": SemaphorePermit<'_>, "OwnedSemaphorePermit": OwnedSemaphorePermit);
