//! Mutual exclusion between tasks.

use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use crate::permits::Permits;

/// A value that one task at a time uses, also across its `await`s.
///
/// Tasks get the lock in the order in which they have asked. When it is released it belongs to
/// the first of them at once, before that task runs: no other can overtake it.
///
/// Not needed for what is done between two `await`s: on one thread nothing else runs meanwhile,
/// and a [`RefCell`](std::cell::RefCell) does. A value that only counts is a
/// [`Semaphore`](crate::Semaphore).
///
/// Like asyncio's `Lock`, and unlike it a lock has a value; `Lock::new(())` has none.
///
/// # Cancellation
///
/// A task that is dropped while it waits leaves the line. If the lock was its own already, the
/// next one gets it. A guard that is dropped by a panic releases the lock like any other; there is
/// no poisoning.
///
/// # Example
///
/// ```
/// use aioxide_sync::Lock;
///
/// # futures_lite::future::block_on(async {
/// let log = Lock::new(Vec::new());
/// let mut guard = log.acquire().await;
/// guard.push("connected");
/// assert!(log.try_acquire().is_none());
/// drop(guard);
/// assert_eq!(*log.acquire().await, ["connected"]);
/// # });
/// ```
pub struct Lock<T> {
    permits: Permits,
    /// Absent while it is locked: the guard has it. In a box, so that guards are small.
    value: Cell<Option<Box<T>>>,
}

impl<T> Lock<T> {
    /// A lock that nobody has.
    pub fn new(value: T) -> Self {
        Self { permits: Permits::new(1), value: Cell::new(Some(Box::new(value))) }
    }

    /// Waits until the lock is this task's.
    ///
    /// # Cancellation
    ///
    /// Dropped, the task loses its place in the line; nothing else.
    pub async fn acquire(&self) -> LockGuard<'_, T> {
        self.granted().await;
        LockGuard::new(self)
    }

    /// The same with a guard that borrows nothing, to be kept or given away.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use aioxide_sync::Lock;
    ///
    /// # futures_lite::future::block_on(async {
    /// let lock = Rc::new(Lock::new(0));
    /// let mut guard = Rc::clone(&lock).acquire_owned().await;
    /// *guard += 1;
    /// let kept: Box<dyn std::any::Any> = Box::new(guard);
    /// # drop(kept); });
    /// ```
    pub async fn acquire_owned(self: Rc<Self>) -> OwnedLockGuard<T> {
        self.granted().await;
        OwnedLockGuard::new(self)
    }

    /// The lock, unless a task has it or waits for it.
    pub fn try_acquire(&self) -> Option<LockGuard<'_, T>> {
        self.permits.try_acquire(1).is_ok().then(|| LockGuard::new(self))
    }

    /// The same with a guard that borrows nothing.
    pub fn try_acquire_owned(self: Rc<Self>) -> Option<OwnedLockGuard<T>> {
        self.permits.try_acquire(1).is_ok().then(|| OwnedLockGuard::new(self))
    }

    /// Whether a task has it. That task may have to be polled to know.
    pub fn is_locked(&self) -> bool {
        self.permits.available() == 0
    }

    /// The value, without locking: nobody else can have the lock. None if a guard was forgotten.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_deref_mut()
    }

    /// The value. None if a guard was forgotten.
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner().map(|value| *value)
    }

    async fn granted(&self) {
        let granted = self.permits.acquire(1).await;
        debug_assert!(granted.is_ok(), "a lock is not closed");
    }

    /// The value, for the guard of the one that has been given the lock.
    fn take(&self) -> Option<Box<T>> {
        self.value.take()
    }

    fn release(&self, value: Option<Box<T>>) {
        self.value.set(value);
        self.permits.release(1);
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Lock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lock")
            .field("is_locked", &self.is_locked())
            .field("waiting", &self.permits.waiting())
            .finish_non_exhaustive()
    }
}

/// Has a [`Lock`], and releases it when it is dropped.
#[must_use = "dropped at once, it releases the lock at once"]
pub struct LockGuard<'a, T> {
    lock: &'a Lock<T>,
    /// Present until it is dropped.
    value: Option<Box<T>>,
}

impl<'a, T> LockGuard<'a, T> {
    fn new(lock: &'a Lock<T>) -> Self {
        Self { lock, value: lock.take() }
    }

    /// The lock that it has.
    pub fn lock(this: &Self) -> &'a Lock<T> {
        this.lock
    }
}

/// Has a [`Lock`] like a [`LockGuard`], and shares the ownership of it.
#[must_use = "dropped at once, it releases the lock at once"]
pub struct OwnedLockGuard<T> {
    lock: Rc<Lock<T>>,
    /// Present until it is dropped.
    value: Option<Box<T>>,
}

impl<T> OwnedLockGuard<T> {
    fn new(lock: Rc<Lock<T>>) -> Self {
        let value = lock.take();
        Self { lock, value }
    }

    /// The lock that it has.
    pub fn lock(this: &Self) -> &Rc<Lock<T>> {
        &this.lock
    }
}

const HAS_VALUE: &str = "a guard has the value until it is dropped";

macro_rules! is_guard {
    ($($guard:ty),*) => {$(
        impl<T> Deref for $guard {
            type Target = T;

            fn deref(&self) -> &T {
                self.value.as_deref().expect(HAS_VALUE)
            }
        }

        impl<T> DerefMut for $guard {
            fn deref_mut(&mut self) -> &mut T {
                self.value.as_deref_mut().expect(HAS_VALUE)
            }
        }

        impl<T> Drop for $guard {
            fn drop(&mut self) {
                self.lock.release(self.value.take());
            }
        }

        impl<T: fmt::Debug> fmt::Debug for $guard {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&**self, formatter)
            }
        }
    )*};
}

is_guard!(LockGuard<'_, T>, OwnedLockGuard<T>);
