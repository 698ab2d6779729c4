//! A flag that tasks wait for.

use std::cell::{Cell, RefCell};
use std::fmt;

use crate::waiters::{Wait, Waiters, serve_all};

/// A flag that is set and cleared, and that any number of tasks wait for.
///
/// For a single value that arrives once, a [`oneshot`](crate::oneshot) channel says more; for a
/// value that changes, [`watch`](crate::watch) does.
///
/// # Cancellation
///
/// A task that is dropped while it waits is no longer waiting. Nothing is lost by that, since an
/// event wakes all.
///
/// # Example
///
/// ```
/// use aioxide_sync::Event;
///
/// # futures_lite::future::block_on(async {
/// let ready = Event::new();
/// ready.set();
/// ready.wait().await;
/// assert!(ready.is_set());
/// # });
/// ```
#[derive(Default)]
pub struct Event {
    is_set: Cell<bool>,
    waiters: RefCell<Waiters<(), ()>>,
}

impl Event {
    /// An event that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.is_set.get()
    }

    /// Sets it, and wakes the tasks that wait, in the order in which they came. They return even
    /// if it is cleared before they run.
    pub fn set(&self) {
        self.is_set.set(true);
        serve_all(&self.waiters, |_| ());
    }

    /// Clears it: tasks that call [`Event::wait`] from now on wait.
    pub fn clear(&self) {
        self.is_set.set(false);
    }

    /// Returns when the event is set; at once if it is.
    pub async fn wait(&self) {
        if !self.is_set() {
            Wait::new(&self.waiters, ()).await;
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Event")
            .field("is_set", &self.is_set())
            .field("waiting", &self.waiters.borrow().len())
            .finish()
    }
}
