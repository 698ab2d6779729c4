//! One request on its stream: sending it, and waiting for the response.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};

use super::{Body, Failure, PIECE, Slot, failure, head};
use crate::client::error::{Error, Timeout};
use crate::client::exchange::REFUSAL;
use crate::client::link::{Link, Who};
use crate::client::timing::{Alarm, Deadline, ReadDeadline, Timeouts};
use crate::client::{Pool, Runtime};
use crate::{Limits, ResponseHead};

/// A request whose head was sent, as its exchange and its response have it together.
///
/// The stream is reset when both are gone before it is complete, and when either is closed. The
/// connection goes on.
pub(in crate::client) struct Http2Stream<R: Runtime> {
    /// Until nothing more is sent or received.
    slot: RefCell<Option<Slot<R>>>,
    pub is_reused: bool,
    link: Rc<Link<R>>,
    limits: Limits,
    send: RefCell<Option<SendStream<Bytes>>>,
    head: RefCell<Head>,
    /// The status of the final head; 0 before.
    answered: Cell<u16>,
    /// Nothing more will be sent, be the request complete or not.
    is_sending_over: Cell<bool>,
    is_receiving_over: Cell<bool>,
    /// Rises with each arrival of something for this stream.
    progress: Cell<u32>,
    is_waiting: [Cell<bool>; 2],
    /// To be woken when the receiver has found the head.
    sender: Cell<Option<Waker>>,
}

/// The final head of the response, found by whoever looks first.
enum Head {
    Awaited(ResponseFuture),
    Arrived(http::Response<RecvStream>),
    Failed(h2::Error),
    /// The connection took no more streams.
    Unsent(h2::Error),
    Taken,
}

impl<R: Runtime> Http2Stream<R> {
    /// Sends a head that was written for HTTP/1.1.
    ///
    /// # Errors
    ///
    /// What HTTP/2 cannot send. That the connection has ended is found out later, as in HTTP/1.1.
    pub fn open(
        slot: Slot<R>,
        head: &[u8],
        has_body: bool,
        limits: Limits,
    ) -> Result<Rc<Self>, crate::Error> {
        let request = head::request(head)?;
        let (send, head) = match slot.session.sender().send_request(request, !has_body) {
            Ok((response, send)) => (Some(send), Head::Awaited(response)),
            Err(error) => (None, Head::Unsent(error)),
        };
        Ok(Rc::new(Self {
            is_reused: slot.is_reused,
            link: slot.link().clone(),
            slot: RefCell::new(Some(slot)),
            limits,
            is_sending_over: Cell::new(!has_body || send.is_none()),
            send: RefCell::new(send),
            head: RefCell::new(head),
            answered: Cell::new(0),
            is_receiving_over: Cell::new(false),
            progress: Cell::new(0),
            is_waiting: Default::default(),
            sender: Cell::new(None),
        }))
    }

    pub fn link(&self) -> &Rc<Link<R>> {
        &self.link
    }

    // ---- its life ----

    /// Whether nothing more is sent or received.
    pub fn is_over(&self) -> bool {
        self.slot.borrow().is_none()
    }

    /// Resets the stream, whoever uses it.
    pub fn close(&self) {
        if let Some(send) = &mut *self.send.borrow_mut()
            && !self.is_over()
        {
            send.send_reset(Reason::CANCEL);
        }
        self.is_sending_over.set(true);
        self.is_receiving_over.set(true);
        self.wake_sender();
        self.leave_if_over();
    }

    /// The response is complete, or nobody wants it.
    pub fn end_receiving(&self) {
        self.is_receiving_over.set(true);
        self.leave_if_over();
    }

    pub fn is_sending_over(&self) -> bool {
        self.is_sending_over.get()
    }

    /// The rest of the request does not come. If the response was not taken either, the stream is
    /// reset; else at the response's end.
    pub fn abandon_sending(&self) {
        if !self.is_sending_over() && matches!(*self.head.borrow(), Head::Taken) {
            self.end_sending();
        } else if !matches!(*self.head.borrow(), Head::Taken) {
            self.close();
        }
    }

    /// From now on the server has to answer: its time runs.
    pub fn end_sending(&self) {
        self.is_sending_over.set(true);
        self.leave_if_over();
    }

    fn leave_if_over(&self) {
        if self.is_sending_over.get() && self.is_receiving_over.get() {
            let handles = (self.send.take(), self.head.replace(Head::Taken));
            drop(handles);
            let slot = self.slot.take();
            drop(slot);
        }
    }

    pub fn progress(&self) -> u32 {
        self.progress.get()
    }

    pub fn note_progress(&self) {
        self.progress.set(self.progress.get().wrapping_add(1));
    }

    /// What a failure of h2 is to the request. To be asked before the stream is given up, which may
    /// close the connection.
    pub fn fail(&self, error: &h2::Error) -> Failure<R::Error> {
        self.noted(failure::of(error, &self.link, self.is_reused))
    }

    fn noted(&self, failure: Failure<R::Error>) -> Failure<R::Error> {
        if failure.needs_http1
            && let Some(slot) = &*self.slot.borrow()
        {
            slot.fall_back();
        }
        failure
    }

    // ---- sending ----

    /// Whether sending more is pointless.
    fn is_refused(&self) -> bool {
        self.is_over() || self.is_sending_over() || self.answered.get() >= REFUSAL
    }

    /// Has a piece of the body sent as the windows allow. False: it need not be, or cannot be; the
    /// response tells why.
    pub fn send(&self, data: &[u8], is_last: bool) -> bool {
        if self.is_refused() {
            return false;
        }
        let mut send = self.send.borrow_mut();
        let Some(send) = &mut *send else { return false };
        send.send_data(Bytes::copy_from_slice(data), is_last).is_ok()
    }

    /// Ready when all of it has a place in the windows, so that more may be sent. False: as for
    /// [`send`](Self::send).
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.is_refused() {
            return Poll::Ready(false);
        }
        // A server may answer, and read no more.
        if !self.is_waiting[Who::Receiver as usize].get()
            && self.poll_head(cx).is_ready()
            && self.is_refused()
        {
            return Poll::Ready(false);
        }
        self.sender.set(Some(cx.waker().clone()));
        let mut send = self.send.borrow_mut();
        let Some(send) = &mut *send else { return Poll::Ready(false) };
        send.reserve_capacity(1);
        loop {
            if send.capacity() > 0 {
                return Poll::Ready(true);
            }
            match send.poll_capacity(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(false),
            }
        }
    }

    /// Ends the request. False: as for [`send`](Self::send).
    pub fn end(&self, trailers: &[(&[u8], &[u8])]) -> Result<bool, crate::Error> {
        if trailers.is_empty() {
            return Ok(self.send(&[], true));
        }
        let trailers = head::trailers(trailers)?;
        let mut send = self.send.borrow_mut();
        Ok(send.as_mut().is_some_and(|send| send.send_trailers(trailers).is_ok()))
    }

    fn wake_sender(&self) {
        if let Some(waker) = self.sender.take() {
            waker.wake();
        }
    }

    // ---- receiving the head ----

    /// Ready when the final head has arrived, or receiving has failed.
    pub fn poll_head(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut head = self.head.borrow_mut();
        let Head::Awaited(response) = &mut *head else { return Poll::Ready(()) };
        *head = match Pin::new(response).poll(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(response)) => {
                self.answered.set(response.status().as_u16());
                Head::Arrived(response)
            }
            Poll::Ready(Err(error)) => Head::Failed(error),
        };
        self.note_progress();
        self.wake_sender();
        Poll::Ready(())
    }

    /// Ready when the server has answered to `Expect`: true at 100, false at the final head.
    pub fn poll_continue(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut head = self.head.borrow_mut();
        let Head::Awaited(response) = &mut *head else { return Poll::Ready(false) };
        match response.poll_informational(cx) {
            Poll::Ready(Some(Ok(response))) if response.status() == 100 => Poll::Ready(true),
            Poll::Ready(Some(Ok(_))) => {
                cx.waker().wake_by_ref(); // another one may be behind it
                Poll::Pending
            }
            Poll::Ready(Some(Err(_)) | None) => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    }

    /// What [`poll_head`](Self::poll_head) has found. Once.
    pub fn take_head(self: &Rc<Self>) -> Result<(ResponseHead, Body<R>), Failure<R::Error>> {
        match self.head.replace(Head::Taken) {
            Head::Arrived(response) => {
                let (parts, received) = response.into_parts();
                let response = http::Response::from_parts(parts, ());
                match head::response(&response, &self.limits) {
                    Ok(head) => {
                        let body = Body::new(self.clone(), received, &head, self.limits);
                        Ok((head, body))
                    }
                    Err(error) => {
                        self.close();
                        Err(Error::Response(error).into())
                    }
                }
            }
            Head::Failed(error) => {
                let failure = self.fail(&error);
                self.close();
                Err(failure)
            }
            Head::Unsent(error) => {
                let failure = self.noted(failure::of_unsent(&error, &self.link, self.is_reused));
                self.close();
                Err(failure)
            }
            Head::Awaited(_) | Head::Taken => Err(self.link.why_closed().into()),
        }
    }

    /// For whoever begins to wait. None: somebody waits for the same already.
    pub fn waiting(self: &Rc<Self>, who: Who) -> Option<StreamWaiting<R>> {
        let is_busy = self.is_waiting[who as usize].replace(true);
        (!is_busy).then(|| StreamWaiting { stream: self.clone(), who })
    }

    pub fn is_awaited(&self, who: Who) -> bool {
        self.is_waiting[who as usize].get()
    }
}

impl<R: Runtime> Drop for Http2Stream<R> {
    fn drop(&mut self) {
        // h2 resets what is not complete when all handles are gone; the slot goes after them.
        self.is_sending_over.set(true);
        self.is_receiving_over.set(true);
        self.leave_if_over();
    }
}

/// Waits, until it is dropped.
pub(in crate::client) struct StreamWaiting<R: Runtime> {
    stream: Rc<Http2Stream<R>>,
    who: Who,
}

impl<R: Runtime> Drop for StreamWaiting<R> {
    fn drop(&mut self) {
        self.stream.is_waiting[self.who as usize].set(false);
        if self.who == Who::Receiver {
            self.stream.wake_sender(); // which has to look for the head by itself again
        }
    }
}

/// Sends a whole request and waits for its response.
pub(in crate::client) async fn exchange<R: Runtime>(
    pool: &Pool<R>,
    slot: Slot<R>,
    head: &[u8],
    body: Option<&[u8]>,
    timeouts: &Timeouts,
    alarm: &mut Alarm<'_, R>,
) -> Result<Rc<Http2Stream<R>>, Failure<R::Error>> {
    let limits = pool.config().limits;
    let stream = Http2Stream::open(slot, head, body.is_some(), limits).map_err(Error::Request)?;
    let mut rest = body.unwrap_or_default();
    let runtime = pool.runtime();
    let write_deadline = || {
        Deadline::earliest(
            Deadline::after(runtime, timeouts.write, Timeout::Write),
            Deadline::at(timeouts.deadline, Timeout::Total),
        )
    };
    let mut write_limit = None;
    let mut read_limit = ReadDeadline::new(timeouts);
    let waited = poll_fn(|cx| {
        if stream.poll_head(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        while !stream.is_sending_over() {
            let piece = &rest[..rest.len().min(PIECE)];
            let is_last = piece.len() == rest.len();
            match stream.poll_writable(cx) {
                Poll::Ready(true) if stream.send(piece, is_last) => {
                    rest = &rest[piece.len()..];
                    write_limit = None;
                    if is_last {
                        stream.end_sending();
                    }
                }
                Poll::Ready(_) => stream.end_sending(),
                Poll::Pending => break,
            }
        }
        let limit = if stream.is_sending_over() {
            read_limit.get(runtime, true, stream.progress())
        } else {
            *write_limit.get_or_insert_with(write_deadline)
        };
        alarm.poll(cx, limit).map(Err)
    })
    .await;
    match waited {
        Ok(()) => Ok(stream),
        Err(timeout) => {
            stream.close();
            Err(Error::Timeout(timeout).into())
        }
    }
}
