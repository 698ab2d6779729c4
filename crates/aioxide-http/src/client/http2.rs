//! HTTP/2 (RFC 9113): one connection that the requests to an origin share.
//!
//! The frames, HPACK and the windows are the crate h2's. What is here is what HTTP/1.1 has in
//! its own files too, in the same hands:
//!
//! | file | answers |
//! |---|---|
//! | `wire` | how h2 reads and writes a [`Stream`](super::Stream) |
//! | `session` | one connection: its driver, its streams, when it takes no more of them |
//! | `sharing` | which connection an origin's requests share, and who waits for a stream of it |
//! | `head` | how heads are written and read: pseudo-headers, what HTTP/2 has no place for |
//! | `stream` | one request on its stream: sending it, and waiting for the response |
//! | `body` | the body of the response, window by window |
//! | `failure` | which of the client's errors a failure is, and whether the server has seen the request |
//!
//! A session has one place in the pool, however many streams it has: the place is in use while
//! there is a stream, and idle otherwise. Who gives a stream up resets that stream only.

mod body;
mod failure;
mod head;
mod session;
mod sharing;
mod stream;
mod wire;

pub(super) use body::{Body, Leaving};
pub(super) use failure::Failure;
pub(super) use session::{Session, Slot};
pub(super) use sharing::{Look, Negotiation, Queued, Sessions, share};
pub(super) use stream::{Http2Stream, exchange};

/// Bytes of one response that may arrive before anybody reads them: as many as a connection of
/// HTTP/1.1 takes.
const STREAM_WINDOW: u32 = 256 * 1024;

/// Streams at a time on one connection, if the server allows more: as httpcore has it.
const MAX_STREAMS: usize = 100;

/// As much as all streams together, so that responses which nobody reads hold up no other.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * MAX_STREAMS as u32;

/// A request's body is sent in pieces of this size at most; the time limit for writing is for
/// each of them.
pub(super) const PIECE: usize = 64 * 1024;
