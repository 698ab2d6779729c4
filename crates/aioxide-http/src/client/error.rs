//! What can go wrong with a request.

use std::fmt;

/// Why a request has failed. `E` is the error of the program's own streams.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error<E> {
    /// The pool was closed before or meanwhile.
    PoolClosed,
    /// A time limit has passed.
    Timeout(Timeout),
    /// No connection could be made.
    Connect(E),
    /// What the caller passed cannot be sent. Nothing was sent.
    Request(crate::Error),
    /// What the server sent is not a valid response.
    Response(crate::Error),
    /// The server closed the connection before the whole head of the response.
    Disconnected {
        /// Whether the connection had been idle in the pool before: then the server may have
        /// closed it before it saw the request.
        is_reused: bool,
        /// Whether some of the response had arrived.
        has_begun: bool,
        /// Why sending had failed before, if it had, and nobody has been told.
        sending: Option<E>,
    },
    /// The server closed the connection within the body of the response.
    IncompleteBody {
        /// How many bytes of the body arrived.
        received: u64,
        /// How many the head has announced; None if the body is chunked.
        expected: Option<u64>,
    },
    /// Receiving has failed.
    Read(E),
    /// Sending has failed. A response may still be there: servers answer and close before they
    /// have read all of a request.
    Write(E),
    /// Another task already waits for the same of the same exchange or response.
    Busy,
    /// The exchange is over: it was closed, or has failed before, or its response was taken.
    Ended,
}

/// Which time limit has passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timeout {
    /// [`Timeouts::pool`](super::Timeouts::pool)
    Pool,
    /// [`Timeouts::connect`](super::Timeouts::connect)
    Connect,
    /// [`Timeouts::acquire`](super::Timeouts::acquire)
    Acquire,
    /// [`Timeouts::read`](super::Timeouts::read)
    Read,
    /// [`Timeouts::write`](super::Timeouts::write)
    Write,
    /// [`Timeouts::deadline`](super::Timeouts::deadline)
    Total,
}

impl<E> From<Timeout> for Error<E> {
    fn from(timeout: Timeout) -> Self {
        Self::Timeout(timeout)
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PoolClosed => f.write_str("the pool is closed"),
            Self::Timeout(timeout) => timeout.fmt(f),
            Self::Connect(error) => write!(f, "cannot connect: {error}"),
            Self::Request(error) => write!(f, "cannot send the request: {error}"),
            Self::Response(error) => error.fmt(f),
            Self::Disconnected { has_begun: false, .. } => {
                f.write_str("the server disconnected without sending a response")
            }
            Self::Disconnected { has_begun: true, .. } => {
                f.write_str("the server disconnected within the head of the response")
            }
            Self::IncompleteBody { received, expected: Some(expected) } => {
                write!(f, "the body ended after {received} of {expected} bytes")
            }
            Self::IncompleteBody { received, expected: None } => {
                write!(f, "the chunked body ended early, after {received} bytes")
            }
            Self::Read(error) => write!(f, "cannot receive: {error}"),
            Self::Write(error) => write!(f, "cannot send: {error}"),
            Self::Busy => f.write_str("another task is waiting for the same"),
            Self::Ended => f.write_str("the exchange is over"),
        }
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pool => "no connection became free in time",
            Self::Connect => "the connection was not made in time",
            Self::Acquire => "there was no connection in time",
            Self::Read => "the server sent nothing in time",
            Self::Write => "the server did not read in time",
            Self::Total => "the request was not complete in time",
        })
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect(error) | Self::Read(error) | Self::Write(error) => Some(error),
            Self::Disconnected { sending: Some(error), .. } => Some(error),
            Self::Request(error) | Self::Response(error) => Some(error),
            _ => None,
        }
    }
}
