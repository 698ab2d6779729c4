//! Why a queue refuses.

use std::error::Error;
use std::fmt;

/// The queue was shut down. With the item that could not be put, if there is one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct QueueShutDown<T = ()>(pub T);

/// Why [`Queue::put_nowait`](super::Queue::put_nowait) refuses an item.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PutNowaitError<T> {
    /// There is no slot that nobody waits for.
    Full(T),
    /// The queue was shut down.
    ShutDown(T),
}

/// Why [`Queue::get_nowait`](super::Queue::get_nowait) has no item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GetNowaitError {
    /// There is no item that nobody waits for.
    Empty,
    /// The queue was shut down, and has no item left.
    ShutDown,
}

const SHUT_DOWN: &str = "the queue is shut down";

impl<T> PutNowaitError<T> {
    /// The item.
    pub fn into_item(self) -> T {
        match self {
            Self::Full(item) | Self::ShutDown(item) => item,
        }
    }
}

// Items need not be printable for an error to be one.

impl<T> fmt::Debug for QueueShutDown<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("QueueShutDown(..)")
    }
}

impl<T> fmt::Debug for PutNowaitError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::ShutDown(_) => "ShutDown(..)",
        })
    }
}

impl<T> fmt::Display for QueueShutDown<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(SHUT_DOWN)
    }
}

impl<T> fmt::Display for PutNowaitError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Full(_) => "the queue is full",
            Self::ShutDown(_) => SHUT_DOWN,
        })
    }
}

impl fmt::Display for GetNowaitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::ShutDown => SHUT_DOWN,
        })
    }
}

impl<T> Error for QueueShutDown<T> {}
impl<T> Error for PutNowaitError<T> {}
impl Error for GetNowaitError {}
