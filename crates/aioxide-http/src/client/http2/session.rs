//! One connection of HTTP/2: its driver, and who has a stream of it.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};

use super::wire::{Outgoing, Wire};
use super::{CONNECTION_WINDOW, MAX_STREAMS, PIECE, STREAM_WINDOW};
use crate::client::link::{ClosedBy, Link, Who};
use crate::client::pool::Place;
use crate::client::{Pool, Runtime};

/// One connection, and its place in the pool.
pub(in crate::client) struct Session<R: Runtime> {
    origin: u32,
    pub(super) link: Rc<Link<R>>,
    send: RefCell<SendRequest<Bytes>>,
    /// While there is a stream. It refers to the pool, so an idle session has none.
    place: RefCell<Option<Place<R>>>,
    streams: Cell<usize>,
    /// Whether it has had a stream.
    was_used: Cell<bool>,
    /// The driver has ended.
    is_over: Cell<bool>,
    /// Whoever waits has been told that it takes no more streams.
    is_given_up: Cell<bool>,
}

impl<R: Runtime> Session<R> {
    /// Begins to speak HTTP/2 on a new connection. `place` has it, and is in use by what is
    /// returned. None: the connection is closed already.
    pub fn begin(place: Place<R>) -> Option<Slot<R>> {
        let pool = place.pool.clone();
        let link = place.link()?.clone();
        let limits = pool.config().limits;
        let (wire, outgoing) = Wire::new(link.clone());
        let mut builder = Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(limits.head_size)
            .max_send_buffer_size(2 * PIECE)
            // One request need not wait for the server's settings.
            .initial_max_send_streams(1);
        // It only writes, and a wire takes as much at once.
        let handshake = pin!(builder.handshake::<_, Bytes>(wire));
        let Poll::Ready(Ok((send, connection))) =
            handshake.poll(&mut Context::from_waker(Waker::noop()))
        else {
            return None;
        };
        let session = Rc::new(Self {
            origin: place.origin(),
            link: link.clone(),
            send: RefCell::new(send),
            place: RefCell::new(None),
            streams: Cell::new(0),
            was_used: Cell::new(false),
            is_over: Cell::new(false),
            is_given_up: Cell::new(false),
        });
        link.shared_by(&session);
        let slot = session.resume(place);
        let driver = Driver { connection: Some(connection), outgoing, session };
        pool.runtime().spawn(Box::pin(driver));
        Some(slot)
    }

    /// The session was idle, and `place` is that of its connection.
    pub fn resume(self: &Rc<Self>, place: Place<R>) -> Slot<R> {
        self.place.replace(Some(place));
        self.slot()
    }

    fn slot(self: &Rc<Self>) -> Slot<R> {
        self.streams.set(self.streams.get() + 1);
        Slot { session: self.clone(), is_reused: self.was_used.replace(true) }
    }

    /// One more stream, if its place is in use and the server allows another.
    pub fn another(self: &Rc<Self>) -> Option<Slot<R>> {
        (!self.is_idle() && self.streams.get() < self.max_streams()).then(|| self.slot())
    }

    pub fn is_idle(&self) -> bool {
        self.place.borrow().is_none()
    }

    fn max_streams(&self) -> usize {
        self.send.borrow().current_max_send_streams().min(MAX_STREAMS)
    }

    /// Whether it takes new streams: it is connected, the server has not sent GOAWAY, and there
    /// are numbers left.
    pub fn is_open(&self) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        !self.is_over.get()
            && !self.link.is_closed()
            && !matches!(self.send.borrow_mut().poll_ready(&mut context), Poll::Ready(Err(_)))
    }

    /// A handle by which one request is sent.
    pub(super) fn sender(&self) -> SendRequest<Bytes> {
        self.send.borrow().clone()
    }

    fn pool(&self) -> Option<Pool<R>> {
        self.place.borrow().as_ref().map(|place| place.pool.clone())
    }

    /// Something may have changed: the server's limit, or whether there are to be new streams.
    fn look_around(&self) {
        let Some(pool) = self.pool() else { return };
        if self.is_open() {
            super::sharing::serve(&pool, self.origin);
        } else if !self.is_given_up.replace(true) {
            super::sharing::wake_all(&pool, self.origin);
        }
    }

    /// A stream has ended.
    fn leave(&self) {
        self.streams.set(self.streams.get() - 1);
        self.look_around();
        if self.streams.get() == 0 {
            let place = self.place.take();
            place.into_iter().for_each(Place::put_back);
        }
    }

    /// The driver has ended: nothing more is sent or received.
    fn end(&self) {
        self.is_over.set(true);
        self.look_around();
        if self.is_idle() {
            self.link.close(ClosedBy::Caller);
        }
    }
}

/// The right to one stream, and the stream's share in the connection.
pub(in crate::client) struct Slot<R: Runtime> {
    pub(super) session: Rc<Session<R>>,
    /// Whether the connection had a stream before.
    pub is_reused: bool,
}

impl<R: Runtime> Slot<R> {
    pub fn link(&self) -> &Rc<Link<R>> {
        &self.session.link
    }

    pub fn is_open(&self) -> bool {
        self.session.is_open()
    }

    pub fn pool(&self) -> Option<Pool<R>> {
        self.session.pool()
    }

    /// The server answers over HTTP/1.1 only: later requests to the origin are sent so.
    pub fn fall_back(&self) {
        if let Some(pool) = self.pool() {
            super::sharing::fall_back(&pool, self.session.origin);
        }
    }
}

impl<R: Runtime> Drop for Slot<R> {
    fn drop(&mut self) {
        self.session.leave();
    }
}

/// The task that moves the frames of all streams, until the connection ends.
struct Driver<R: Runtime> {
    connection: Option<Connection<Wire<R>, Bytes>>,
    outgoing: Rc<Outgoing>,
    session: Rc<Session<R>>,
}

impl<R: Runtime> Future for Driver<R> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(connection) = &mut this.connection else { return Poll::Ready(()) };
        let link = &this.session.link;
        this.outgoing.look_for_room(link, cx);
        loop {
            link.register(Who::Receiver, cx); // for its end by the pool
            let is_over = Pin::new(&mut *connection).poll(cx).is_ready();
            let is_writing = this.outgoing.flush(link, cx);
            this.session.look_around();
            if is_over || link.is_closed() {
                return Poll::Ready(());
            }
            if !is_writing {
                return Poll::Pending;
            }
        }
    }
}

impl<R: Runtime> Drop for Driver<R> {
    fn drop(&mut self) {
        // First, since it tells the streams.
        drop(self.connection.take());
        self.session.end();
    }
}
