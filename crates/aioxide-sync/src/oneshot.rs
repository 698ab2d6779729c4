//! A value that one task sends to another, once.
//!
//! # Cancellation
//!
//! A [`Receiver`] that is dropped tells the sender, which gets its value back or sees it by
//! [`Sender::closed`]. A value that was sent and not received is dropped with the receiver. To wait
//! in several places, `await` a `&mut` of the receiver: dropping that loses nothing.
//!
//! # Example
//!
//! ```
//! use aioxide_sync::oneshot;
//!
//! # futures_lite::future::block_on(async {
//! let (sender, receiver) = oneshot::channel();
//! let answer = async { sender.send(42).unwrap() };
//! let ask = async { receiver.await.unwrap() };
//! assert_eq!(futures_lite::future::zip(ask, answer).await.0, 42);
//! # });
//! ```

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::waker_slot::WakerSlot;

/// Makes a channel for one value.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared {
        value: Cell::new(None),
        is_sent: Cell::new(false),
        has_sender: Cell::new(true),
        is_closed: Cell::new(false),
        receiver: WakerSlot::default(),
        sender: WakerSlot::default(),
    });
    (Sender { shared: Rc::clone(&shared) }, Receiver { shared })
}

struct Shared<T> {
    value: Cell<Option<T>>,
    /// Whether the value was ever there.
    is_sent: Cell<bool>,
    has_sender: Cell<bool>,
    /// The receiver takes no value any more.
    is_closed: Cell<bool>,
    receiver: WakerSlot,
    sender: WakerSlot,
}

/// Sends the value. Dropped without one, it tells the receiver.
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

/// The value, as a future.
///
/// # Panics
///
/// If it is polled after it was ready.
#[must_use = "dropped at once, it refuses the value"]
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
}

/// The sender was dropped without sending, or the value was received before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecvError;

/// Why [`Receiver::try_recv`] has no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TryRecvError {
    /// It was not sent yet.
    Empty,
    /// It will not be sent, or was received before.
    Closed,
}

impl<T> Sender<T> {
    /// Sends the value; never waits.
    ///
    /// # Errors
    ///
    /// The value, if the receiver was dropped or closed.
    pub fn send(self, value: T) -> Result<(), T> {
        if self.is_closed() {
            return Err(value);
        }
        self.shared.is_sent.set(true);
        self.shared.value.set(Some(value));
        Ok(()) // Dropping the sender wakes the receiver.
    }

    /// Whether the receiver was dropped or closed.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed.get()
    }

    /// Returns when the receiver is dropped or closed: nobody needs the value any more.
    pub async fn closed(&mut self) {
        poll_fn(|context| {
            if self.is_closed() {
                return Poll::Ready(());
            }
            self.shared.sender.register(context.waker());
            Poll::Pending
        })
        .await;
    }
}

impl<T> Receiver<T> {
    /// The value, if it was sent.
    ///
    /// # Errors
    ///
    /// If it was not, or will not be.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.shared.value.take() {
            Some(value) => Ok(value),
            None if self.shared.has_sender.get() && !self.shared.is_closed.get() => {
                Err(TryRecvError::Empty)
            }
            None => Err(TryRecvError::Closed),
        }
    }

    /// Takes no value any more, except one that was sent before.
    pub fn close(&mut self) {
        self.shared.is_closed.set(true);
        self.shared.sender.wake();
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.try_recv() {
            Ok(value) => Poll::Ready(Ok(value)),
            Err(TryRecvError::Closed) => {
                assert!(!self.shared.is_sent.get(), "polled after it was ready");
                Poll::Ready(Err(RecvError))
            }
            Err(TryRecvError::Empty) => {
                self.shared.receiver.register(context.waker());
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.has_sender.set(false);
        self.shared.receiver.wake();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sender").field("is_closed", &self.is_closed()).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Receiver").field("is_sent", &self.shared.is_sent.get()).finish()
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the sender is gone")
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "nothing was sent yet",
            Self::Closed => "the sender is gone",
        })
    }
}

impl Error for RecvError {}
impl Error for TryRecvError {}
