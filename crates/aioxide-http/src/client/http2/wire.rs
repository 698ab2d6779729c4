//! A stream of the program, as h2 reads and writes it.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::client::link::Link;
use crate::client::{Runtime, Stream};

/// With this many bytes waiting to be written, h2 has to wait.
const HIGH_WATER: usize = 64 * 1024;

/// One connection's bytes.
///
/// h2 writes while it holds its own lock, and a program's stream may run foreign code when it is
/// used, which may use the same connection. So what h2 writes is gathered, and the driver writes it
/// when h2 has returned: also fewer and larger writes. h2 reads without its lock.
pub(super) struct Wire<R: Runtime> {
    link: Rc<Link<R>>,
    shared: Rc<Outgoing>,
}

/// What h2 has written and the stream has not.
#[derive(Default)]
pub(super) struct Outgoing {
    bytes: RefCell<Vec<u8>>,
    /// The stream takes no more for now.
    is_full: Cell<bool>,
    /// h2 waits until there is room.
    is_wanted: Cell<bool>,
    /// A write has failed.
    is_broken: Cell<bool>,
}

impl<R: Runtime> Wire<R> {
    pub fn new(link: Rc<Link<R>>) -> (Self, Rc<Outgoing>) {
        let shared = Rc::<Outgoing>::default();
        (Self { link, shared: shared.clone() }, shared)
    }
}

impl Outgoing {
    /// Finds out whether h2 may write. If not, the waker is woken when it may.
    pub fn look_for_room<R: Runtime>(&self, link: &Link<R>, cx: &mut Context<'_>) {
        match link.stream.poll_writable(cx) {
            Poll::Pending => self.is_full.set(true),
            Poll::Ready(Ok(())) => self.is_full.set(false),
            Poll::Ready(Err(error)) => {
                self.fail(link, error);
                self.is_full.set(false);
            }
        }
    }

    /// Writes what was gathered. Whether h2 waits for room, and there is some now.
    pub fn flush<R: Runtime>(&self, link: &Link<R>, cx: &mut Context<'_>) -> bool {
        let bytes = self.bytes.take();
        if !bytes.is_empty() && !self.is_broken.get() && !link.is_closed() {
            match link.stream.write(&bytes) {
                Ok(()) => self.keep(bytes),
                Err(error) => self.fail(link, error),
            }
        }
        self.is_wanted.take() && !link.is_closed() && {
            self.look_for_room(link, cx);
            !self.is_full.get()
        }
    }

    /// Nothing more is written. Whoever waits for a response learns of it from what is received,
    /// as in HTTP/1.1: the server may have answered before it closed.
    fn fail<R: Runtime>(&self, link: &Link<R>, error: R::Error) {
        link.note_sending_failure(error);
        self.is_broken.set(true);
    }

    /// The buffer is used again, unless foreign code has had more written meanwhile.
    fn keep(&self, mut bytes: Vec<u8>) {
        let mut current = self.bytes.borrow_mut();
        if current.is_empty() && bytes.capacity() <= 2 * HIGH_WATER {
            bytes.clear();
            *current = bytes;
        }
    }
}

impl<R: Runtime> AsyncRead for Wire<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = &self.link.stream;
        if self.link.is_closed() {
            return Poll::Ready(Ok(()));
        }
        match stream.poll_received(cx) {
            Poll::Pending => return Poll::Pending,
            // The error itself is asked for again: see `Failure`.
            Poll::Ready(Err(_)) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Poll::Ready(Ok(())) => {}
        }
        let count = stream.received(|input| {
            let count = input.len().min(buffer.remaining());
            buffer.put_slice(&input[..count]);
            *input = &input[count..];
            count
        });
        if count > 0 {
            self.link.note_progress();
        } else if !stream.is_at_end() {
            // Not to be expected of a stream; it must not hold up the other tasks.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl<R: Runtime> AsyncWrite for Wire<R> {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.shared.is_broken.get() || self.link.is_closed() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut bytes = self.shared.bytes.borrow_mut();
        if self.shared.is_full.get() || bytes.len() >= HIGH_WATER {
            self.shared.is_wanted.set(true);
            return Poll::Pending;
        }
        bytes.extend_from_slice(data);
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(())) // the session's end closes the stream
    }
}
