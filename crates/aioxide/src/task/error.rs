//! Why a task has no result.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// What a task has ended with.
pub(crate) type Outcome<T> = Result<T, JoinError>;

/// Why a task has no result.
#[derive(Debug)]
pub enum JoinError {
    /// It was cancelled.
    Cancelled(Cancelled),
    /// It has panicked.
    Panicked(Panicked),
}

/// The task, or the scope, was cancelled: asyncio's `CancelledError`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cancelled;

/// The task has panicked. The panic hook has reported it when that happened.
pub struct Panicked {
    /// In a box: every task has room for its outcome.
    report: Box<Report>,
}

struct Report {
    /// What it said, if that was text.
    message: Option<Box<str>>,
    /// In a lock that is never locked: an error has to be `Sync`, to be made one of many kinds.
    payload: Mutex<Box<dyn Any + Send>>,
}

impl JoinError {
    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// Whether it has panicked.
    pub fn is_panicked(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }
}

impl Panicked {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        let text = payload.downcast_ref::<&'static str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = text.map(Box::from);
        Self { report: Box::new(Report { message, payload: Mutex::new(payload) }) }
    }

    /// What the panic said, if that was text.
    pub fn message(&self) -> Option<&str> {
        self.report.message.as_deref()
    }

    /// What the panic carried, for [`resume_unwind`](std::panic::resume_unwind).
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        self.report.payload.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Panicked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Panicked").field(&self.message()).finish()
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("it was cancelled")
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.message() {
            Some(message) => write!(formatter, "it panicked: {message}"),
            None => formatter.write_str("it panicked"),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled(cancelled) => cancelled.fmt(formatter),
            Self::Panicked(panicked) => panicked.fmt(formatter),
        }
    }
}

impl From<JoinError> for std::io::Error {
    fn from(error: JoinError) -> Self {
        Self::other(error)
    }
}

impl Error for Cancelled {}
impl Error for Panicked {}
impl Error for JoinError {}
