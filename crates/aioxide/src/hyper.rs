//! hyper's traits for what it does not do itself: sockets, timers, tasks. With the feature `hyper`.
//!
//! [`TcpStream`] and [`UnixStream`] are hyper's `Read` and `Write`; [`Timer`] and [`Executor`] are
//! its timers and its tasks.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use aioxide::hyper::Timer;
//! use aioxide::net::{TcpListener, TcpStream};
//! use http_body_util::{BodyExt, Empty, Full};
//! use hyper::body::Bytes;
//! use hyper::service::service_fn;
//! use hyper::{Request, Response};
//!
//! aioxide::run(async {
//!     let listener = TcpListener::bind("127.0.0.1", 0).await.unwrap();
//!     let port = listener.local_addr().unwrap().port();
//!     aioxide::spawn(async move {
//!         let (stream, _) = listener.accept().await.unwrap();
//!         let answer = async |_| Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello")));
//!         hyper::server::conn::http1::Builder::new()
//!             .timer(Timer)
//!             .serve_connection(stream, service_fn(answer))
//!             .await
//!     })
//!     .detach();
//!
//!     let stream = TcpStream::connect("127.0.0.1", port).await.unwrap();
//!     let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
//!     aioxide::spawn(connection).detach();
//!     let request = Request::get("/").header("host", "localhost").body(Empty::<Bytes>::new());
//!     let response = sender.send_request(request.unwrap()).await.unwrap();
//!     assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
//! });
//! ```

use std::future::Future;
use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_io::AsyncWrite;
use hyper::rt::{ReadBufCursor, Sleep, Write};
use rustix::net::RecvFlags;

use crate::net::{Descriptor, TcpStream, UnixStream};
use crate::spawn;

/// Spawns hyper's futures on this thread's loop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Executor;

impl<F: Future + 'static> hyper::rt::Executor<F> for Executor {
    /// # Panics
    ///
    /// If no loop runs on this thread.
    fn execute(&self, future: F) {
        spawn(future).detach();
    }
}

/// hyper's timers, on this thread's loop.
///
/// hyper reads the time from the system. On a virtual clock a timeout of hyper is as long as it
/// says, counted from the moment when hyper sets it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timer;

impl hyper::rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Sleeping { sleep: crate::sleep(duration) })
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}

/// A sleep of hyper's kind. hyper may send it to another thread, where it cannot be polled.
struct Sleeping {
    sleep: crate::Sleep,
}

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.sleep).poll(context)
    }
}

impl Sleep for Sleeping {}

/// Reads into the part of hyper's buffer that is not filled.
#[expect(unsafe_code, reason = "hyper's buffer need not be initialised")]
fn read<T: AsFd>(
    descriptor: &Descriptor<T>,
    short_reads_empty: bool,
    context: &mut Context<'_>,
    mut cursor: ReadBufCursor<'_>,
) -> Poll<io::Result<()>> {
    // No read is shorter than 0 bytes.
    let room = if short_reads_empty { cursor.remaining() } else { 0 };
    let received = descriptor.poll_read_stream(context, room, |socket| {
        // SAFETY: `recv` only writes to the buffer, so no byte becomes uninitialised.
        let buffer = unsafe { cursor.as_mut() };
        let ((filled, _), _) = rustix::net::recv(socket, buffer, RecvFlags::empty())?;
        Ok(filled.len())
    });
    let count = ready!(received)?;
    // SAFETY: the kernel has filled the first `count` bytes of what `as_mut` gave.
    unsafe { cursor.advance(count) };
    Poll::Ready(Ok(()))
}

macro_rules! for_hyper {
    ($stream:ident, short_reads_empty: $short_reads_empty:literal) => {
        impl hyper::rt::Read for $stream {
            fn poll_read(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                cursor: ReadBufCursor<'_>,
            ) -> Poll<io::Result<()>> {
                read(self.descriptor(), $short_reads_empty, context, cursor)
            }
        }

        impl Write for $stream {
            fn poll_write(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                data: &[u8],
            ) -> Poll<io::Result<usize>> {
                AsyncWrite::poll_write(self, context, data)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                data: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                AsyncWrite::poll_write_vectored(self, context, data)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                AsyncWrite::poll_flush(self, context)
            }

            fn poll_shutdown(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                AsyncWrite::poll_close(self, context)
            }
        }
    };
}

for_hyper!(TcpStream, short_reads_empty: true);
for_hyper!(UnixStream, short_reads_empty: false);
