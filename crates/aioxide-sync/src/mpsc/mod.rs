//! Values that any number of tasks send to one, in order.
//!
//! [`channel`] is bounded: senders wait for a slot, in the order in which they came.
//! [`unbounded_channel`] is not, and its senders never wait. Where several tasks receive, or the
//! work on each value is waited for, use a [`Queue`](crate::Queue).
//!
//! # Cancellation
//!
//! A [`Receiver::recv`] that is dropped has taken nothing. A [`Sender::send`] that is dropped
//! before it has returned has sent nothing, and its value is dropped with it: to keep the value,
//! take the slot first, by [`Sender::reserve`].
//!
//! # Example
//!
//! ```
//! use aioxide_sync::mpsc;
//!
//! # futures_lite::future::block_on(async {
//! let (sender, mut receiver) = mpsc::channel(1);
//! let send = async move {
//!     for number in 0..3 {
//!         sender.send(number).await.unwrap();
//!     }
//! };
//! let receive = async {
//!     let mut received = Vec::new();
//!     while let Some(number) = receiver.recv().await {
//!         received.push(number);
//!     }
//!     received
//! };
//! assert_eq!(futures_lite::future::zip(send, receive).await.1, [0, 1, 2]);
//! # });
//! ```

mod error;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

pub use error::{SendError, TryRecvError, TrySendError};

use crate::Event;
use crate::permits::Permits;
use crate::waker_slot::WakerSlot;

/// Makes a channel that holds at most `capacity` values.
///
/// # Panics
///
/// If `capacity` is 0.
#[track_caller]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel needs room for at least one value");
    let shared = Shared::new(Some(Permits::new(capacity)));
    (Sender { shared: Rc::clone(&shared) }, Receiver { shared })
}

/// Makes a channel without a bound.
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, Receiver<T>) {
    let shared = Shared::new(None);
    (UnboundedSender { shared: Rc::clone(&shared) }, Receiver { shared })
}

struct Shared<T> {
    values: RefCell<VecDeque<T>>,
    /// A permit for each slot that is free and not reserved. None if unbounded.
    slots: Option<Permits>,
    receiver: WakerSlot,
    senders: Cell<usize>,
    /// Set when the receiver takes no more values than those that are there.
    closed: Event,
}

impl<T> Shared<T> {
    /// With one sender.
    fn new(slots: Option<Permits>) -> Rc<Self> {
        Rc::new(Self {
            values: RefCell::default(),
            slots,
            receiver: WakerSlot::default(),
            senders: Cell::new(1),
            closed: Event::new(),
        })
    }

    /// Puts a value into a slot that was acquired.
    fn push(&self, value: T) {
        self.values.borrow_mut().push_back(value);
        self.receiver.wake();
    }

    fn pop(&self) -> Option<T> {
        let value = self.values.borrow_mut().pop_front()?;
        self.release_slot();
        Some(value)
    }

    fn release_slot(&self) {
        if let Some(slots) = &self.slots {
            slots.release(1);
        }
    }

    fn close(&self) {
        if let Some(slots) = &self.slots {
            slots.close();
        }
        self.closed.set();
    }

    fn is_closed(&self) -> bool {
        self.closed.is_set()
    }

    fn add_sender(self: &Rc<Self>) -> Rc<Self> {
        self.senders.set(self.senders.get() + 1);
        Rc::clone(self)
    }

    fn remove_sender(&self) {
        self.senders.set(self.senders.get() - 1);
        if self.senders.get() == 0 {
            self.receiver.wake();
        }
    }
}

/// Sends into a bounded channel. It is cloned for each task that sends.
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

/// Sends into a channel without a bound. It is cloned for each task that sends.
pub struct UnboundedSender<T> {
    shared: Rc<Shared<T>>,
}

/// Receives what the senders send.
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
}

/// A slot of a bounded channel, for one value. Dropped without one, it is free again.
#[must_use = "dropped at once, the slot is free again at once"]
pub struct Permit<'a, T> {
    shared: &'a Shared<T>,
    is_used: bool,
}

impl<T> Sender<T> {
    /// Sends a value, waiting for a slot.
    ///
    /// # Errors
    ///
    /// The value, if the receiver is dropped or closed, also while it waits.
    ///
    /// # Cancellation
    ///
    /// Dropped, it has sent nothing, and the value is dropped.
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.reserve().await {
            Ok(permit) => permit.send(value),
            Err(SendError(())) => Err(SendError(value)),
        }
    }

    /// Waits for a slot.
    ///
    /// # Errors
    ///
    /// If the receiver is dropped or closed, also while it waits.
    ///
    /// # Cancellation
    ///
    /// Dropped, the task loses its place in the line; nothing else.
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        if let Some(slots) = &self.shared.slots
            && !self.is_closed()
            && slots.acquire(1).await.is_ok()
        {
            let permit = Permit { shared: &self.shared, is_used: false };
            if !self.is_closed() {
                return Ok(permit);
            }
        }
        Err(SendError(()))
    }

    /// Sends a value if there is a slot.
    ///
    /// # Errors
    ///
    /// With the value, if the channel is full, if senders wait, or if it is closed.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        if self.is_closed() {
            return Err(TrySendError::Closed(value));
        }
        match &self.shared.slots {
            Some(slots) if slots.try_acquire(1).is_err() => Err(TrySendError::Full(value)),
            _ => {
                self.shared.push(value);
                Ok(())
            }
        }
    }

    /// How many values can be sent without waiting.
    pub fn capacity(&self) -> usize {
        self.shared.slots.as_ref().map_or(0, Permits::available)
    }
}

impl<T> UnboundedSender<T> {
    /// Sends a value.
    ///
    /// # Errors
    ///
    /// The value, if the receiver was dropped or closed.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        self.shared.push(value);
        Ok(())
    }
}

impl<T> Permit<'_, T> {
    /// Sends a value into the slot.
    ///
    /// # Errors
    ///
    /// The value, if the receiver was dropped or closed meanwhile.
    pub fn send(mut self, value: T) -> Result<(), SendError<T>> {
        if self.shared.is_closed() {
            return Err(SendError(value));
        }
        self.is_used = true;
        self.shared.push(value);
        Ok(())
    }
}

impl<T> Receiver<T> {
    /// Takes the next value, waiting for one. None when all senders are gone or the receiver was
    /// closed, and no value is left.
    ///
    /// # Cancellation
    ///
    /// Dropped, it has taken nothing.
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    /// The same for code that polls: a `Stream`'s `poll_next` is this.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        match self.try_recv() {
            Ok(value) => Poll::Ready(Some(value)),
            Err(TryRecvError::Closed) => Poll::Ready(None),
            Err(TryRecvError::Empty) => {
                self.shared.receiver.register(context.waker());
                Poll::Pending
            }
        }
    }

    /// Takes the next value, if there is one.
    ///
    /// # Errors
    ///
    /// If there is none now, or there will be none.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.shared.pop() {
            Some(value) => Ok(value),
            None if self.shared.is_closed() || self.shared.senders.get() == 0 => {
                Err(TryRecvError::Closed)
            }
            None => Err(TryRecvError::Empty),
        }
    }

    /// Takes no more values than those that are there.
    pub fn close(&mut self) {
        self.shared.close();
    }

    /// How many values are there.
    pub fn len(&self) -> usize {
        self.shared.values.borrow().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

macro_rules! is_sender {
    ($($name:literal: $sender:ident),*) => {$(
        impl<T> $sender<T> {
            /// Whether the receiver was dropped or closed.
            pub fn is_closed(&self) -> bool {
                self.shared.is_closed()
            }

            /// Returns when the receiver is dropped or closed.
            pub async fn closed(&self) {
                self.shared.closed.wait().await;
            }
        }

        impl<T> Clone for $sender<T> {
            fn clone(&self) -> Self {
                Self { shared: self.shared.add_sender() }
            }
        }

        impl<T> Drop for $sender<T> {
            fn drop(&mut self) {
                self.shared.remove_sender();
            }
        }

        impl<T> fmt::Debug for $sender<T> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.debug_struct($name).field("is_closed", &self.is_closed()).finish()
            }
        }
    )*};
}

is_sender!("Sender": Sender, "UnboundedSender": UnboundedSender);

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        if !self.is_used {
            self.shared.release_slot();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.close();
        // Values may be of any kind, and send when they are dropped.
        let values = self.shared.values.take();
        drop(values);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Receiver")
            .field("len", &self.len())
            .field("senders", &self.shared.senders.get())
            .finish()
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Permit").finish_non_exhaustive()
    }
}
