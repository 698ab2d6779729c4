//! What a failure of h2 is to the client.

use std::task::{Context, Poll, Waker};

use crate::client::error::Error;
use crate::client::link::{ClosedBy, Link};
use crate::client::{Runtime, Stream};

/// Why a request has failed.
pub(in crate::client) struct Failure<E> {
    pub error: Error<E>,
    /// The server has said that it did nothing for the request, or it was never sent: it may be
    /// sent again, whatever it is (RFC 9113 §8.7).
    pub is_unprocessed: bool,
    /// The server answers this request over HTTP/1.1 only (RFC 9113 §7, HTTP_1_1_REQUIRED).
    pub needs_http1: bool,
}

impl<E> From<Error<E>> for Failure<E> {
    fn from(error: Error<E>) -> Self {
        Self { error, is_unprocessed: false, needs_http1: false }
    }
}

/// What an error of h2 is. `is_reused` is of the connection.
pub(super) fn of<R: Runtime>(
    error: &h2::Error,
    link: &Link<R>,
    is_reused: bool,
) -> Failure<R::Error> {
    if link.closed_by() == Some(ClosedBy::Pool) {
        return Error::PoolClosed.into();
    }
    let reason = error.reason().map_or(0, u32::from);
    if error.is_io() {
        return why_broken(link, is_reused).into();
    }
    let needs_http1 = error.reason() == Some(h2::Reason::HTTP_1_1_REQUIRED);
    if error.is_go_away() && error.is_remote() {
        // h2 gives it to the streams above the last one that the server has seen.
        let error = Error::Response(crate::Error::GoAway { reason });
        return Failure { error, is_unprocessed: true, needs_http1 };
    }
    if error.is_reset() && error.is_remote() {
        // Who asks for another protocol has not done what was asked for.
        let is_unprocessed = needs_http1 || error.reason() == Some(h2::Reason::REFUSED_STREAM);
        let error = Error::Response(crate::Error::StreamReset { reason });
        return Failure { error, is_unprocessed, needs_http1 };
    }
    if error.is_library() {
        return Error::Response(crate::Error::InvalidHttp2 { reason }).into();
    }
    // Reset or closed by this side.
    Error::Ended.into()
}

/// What it is if it was met when the request was to be sent: the connection takes no more of them.
pub(super) fn of_unsent<R: Runtime>(
    error: &h2::Error,
    link: &Link<R>,
    is_reused: bool,
) -> Failure<R::Error> {
    let Failure { error, needs_http1, .. } = of(error, link, is_reused);
    let error = match error {
        Error::PoolClosed => return Error::PoolClosed.into(),
        Error::Ended => Error::Disconnected { is_reused, has_begun: false, sending: None },
        error => error,
    };
    Failure { error, is_unprocessed: true, needs_http1 }
}

/// The stream keeps its error, so each request can ask for it.
fn why_broken<R: Runtime>(link: &Link<R>, is_reused: bool) -> Error<R::Error> {
    if link.is_closed() {
        return link.why_closed();
    }
    match link.stream.poll_received(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => Error::Read(error),
        _ => Error::Disconnected {
            is_reused,
            has_begun: false,
            sending: link.take_sending_failure(),
        },
    }
}
