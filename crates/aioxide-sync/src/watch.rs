//! A value that one task changes and others follow: each sees the newest, and may miss others.
//!
//! # Cancellation
//!
//! A [`Receiver::changed`] that is dropped has seen nothing: the next one returns at once if the
//! value has changed.
//!
//! # Example
//!
//! ```
//! use aioxide_sync::watch;
//!
//! # futures_lite::future::block_on(async {
//! let (sender, mut receiver) = watch::channel("starting");
//! sender.send("ready");
//! receiver.changed().await.unwrap();
//! assert_eq!(receiver.get(), "ready");
//! # });
//! ```

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use crate::waiters::{Wait, Waiters, serve_all};

/// Makes a channel whose value is `value` at first. The receiver has seen that one.
pub fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared {
        value: RefCell::new(Rc::new(value)),
        version: Cell::new(0),
        has_sender: Cell::new(true),
        waiters: RefCell::default(),
    });
    (Sender { shared: Rc::clone(&shared) }, Receiver { shared, seen: 0 })
}

struct Shared<T> {
    /// Shared, so that no foreign code runs under the borrow.
    value: RefCell<Rc<T>>,
    /// How often it was changed.
    version: Cell<u64>,
    has_sender: Cell<bool>,
    waiters: RefCell<Waiters<(), ()>>,
}

impl<T> Shared<T> {
    fn value(&self) -> Rc<T> {
        Rc::clone(&self.value.borrow())
    }
}

/// Changes the value.
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

/// Follows the value. Each clone does so by itself.
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
    /// The version that this receiver has seen.
    seen: u64,
}

/// The sender was dropped, and the last value has been seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WatchClosed;

impl<T> Sender<T> {
    /// Changes the value, and wakes the receivers that wait, in the order in which they came.
    pub fn send(&self, value: T) {
        let before = self.shared.value.replace(Rc::new(value));
        self.shared.version.set(self.shared.version.get() + 1);
        serve_all(&self.shared.waiters, |_| ());
        drop(before);
    }

    /// The value. It stays as it is when another is sent.
    pub fn read(&self) -> Rc<T> {
        self.shared.value()
    }

    /// A new receiver, which has seen the value that is there.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver { shared: Rc::clone(&self.shared), seen: self.shared.version.get() }
    }

    /// Whether all receivers are gone.
    pub fn is_closed(&self) -> bool {
        Rc::strong_count(&self.shared) == 1
    }
}

impl<T> Receiver<T> {
    /// Returns when there is a value that this receiver has not seen, and has seen it then.
    ///
    /// # Errors
    ///
    /// [`WatchClosed`] if there is none and the sender was dropped.
    pub async fn changed(&mut self) -> Result<(), WatchClosed> {
        if !self.has_changed() && self.shared.has_sender.get() {
            Wait::new(&self.shared.waiters, ()).await;
        }
        if !self.has_changed() {
            return Err(WatchClosed);
        }
        self.seen = self.shared.version.get();
        Ok(())
    }

    /// Whether there is a value that this receiver has not seen.
    pub fn has_changed(&self) -> bool {
        self.seen != self.shared.version.get()
    }

    /// The newest value. It stays as it is when another is sent, and counts as seen only by
    /// [`Receiver::changed`].
    pub fn read(&self) -> Rc<T> {
        self.shared.value()
    }

    /// A copy of the newest value.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        (*self.read()).clone()
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { shared: Rc::clone(&self.shared), seen: self.seen }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.has_sender.set(false);
        serve_all(&self.shared.waiters, |_| ());
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sender").field("value", &self.read()).finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Receiver")
            .field("value", &self.read())
            .field("has_changed", &self.has_changed())
            .finish()
    }
}

impl fmt::Display for WatchClosed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the sender is gone")
    }
}

impl Error for WatchClosed {}
