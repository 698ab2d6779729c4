//! What the client needs from the program around it: streams, connecting, time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// One connection to a server, as the client uses it: bytes that were received, bytes to be
/// sent.
///
/// All methods take `&self`, because one task may send while another one receives. Any of them
/// may run code that uses the pool, an exchange or a response again; only what
/// [`received`](Self::received) is given to call must find the stream as it is.
pub trait Stream: 'static {
    /// Why receiving or sending failed.
    type Error: 'static;

    /// Ready when there are bytes to look at, or the end of them.
    ///
    /// One waker is kept: that of the last call. Bytes that arrived before a failure are
    /// delivered before it.
    ///
    /// # Errors
    ///
    /// When nothing more can be received for another reason than that the peer has closed.
    fn poll_received(&self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>>;

    /// Lends the received bytes, which may be none. `look` takes what it uses off the front;
    /// the rest is lent again next time.
    fn received<T>(&self, look: impl FnOnce(&mut &[u8]) -> T) -> T;

    /// Whether the peer has closed its side and all bytes have been taken.
    fn is_at_end(&self) -> bool;

    /// Sends or queues all of `data`. Never waits.
    ///
    /// # Errors
    ///
    /// When the connection is broken. What the server sent before may still be received; then
    /// receiving fails or ends too.
    fn write(&self, data: &[u8]) -> Result<(), Self::Error>;

    /// Ready while what is queued is below the mark at which writers should pause.
    ///
    /// One waker is kept: that of the last call.
    ///
    /// # Errors
    ///
    /// When the connection is broken.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>>;

    /// Whether another request may use the connection: it is open, nothing is waiting to be
    /// received or sent, and the peer has not closed.
    fn is_usable(&self) -> bool;

    /// Closes the connection at once, both ways. What is queued is lost.
    fn close(&self);

    /// Whether both sides have agreed to speak HTTP/2 (ALPN `h2`, RFC 9113 §3.2).
    fn is_http2(&self) -> bool {
        false
    }
}

/// Makes connections and tells the time.
pub trait Runtime: 'static {
    /// What [`connect`](Self::connect) makes.
    type Stream: Stream<Error = Self::Error>;
    /// Why connecting, receiving or sending failed.
    type Error: 'static;
    /// A connection that is being made. Dropping it abandons the attempt.
    type Connecting: Future<Output = Result<Self::Stream, Self::Error>>;
    /// Ends at a point in time. Dropping it frees its timer.
    type Sleep: Future<Output = ()>;

    /// Begins to connect to what the program calls by this number. `http2`: the connection may speak
    /// HTTP/2; else it is not to be offered.
    fn connect(&self, origin: u32, http2: bool) -> Self::Connecting;

    /// Ends when [`now`](Self::now) reaches `deadline`.
    fn sleep_until(&self, deadline: f64) -> Self::Sleep;

    /// Seconds of a clock that never goes back.
    fn now(&self) -> f64;

    /// Polls a future until it ends, whatever becomes of who has called this: it moves the frames
    /// of a connection of HTTP/2. It ends when the connection does. Dropping it ends the
    /// connection. Needed only if there are such connections.
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()>>>) {
        drop(future);
    }

    /// A connection has become idle and expires at `deadline`: the program should call
    /// [`Pool::close_expired`](super::Pool::close_expired) then. One call is outstanding at a
    /// time. A program that does nothing here keeps such connections until the pool looks at
    /// them, which is before they would be used.
    fn expire_at(&self, deadline: f64) {
        let _ = deadline;
    }
}
