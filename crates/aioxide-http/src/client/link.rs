//! One connection: its stream, its state, and who waits for it.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use super::error::Error;
use super::http2::Session;
use super::response::Arrived;
use super::{Runtime, Stream};
use crate::{ClientState, Connection, Event, Limits};

/// One connection of the pool, over all its requests.
pub(super) struct Link<R: Runtime> {
    pub stream: R::Stream,
    pub http: RefCell<Connection>,
    /// If it is one of HTTP/2: what its streams share. The rest below is for HTTP/1.1 then.
    session: OnceCell<Weak<Session<R>>>,
    /// Which request this is: handles of an earlier one have no effect.
    cycle: Cell<u32>,
    closed: Cell<Option<ClosedBy>>,
    head: RefCell<Head<R::Error>>,
    /// The status of the final head of this request; 0 before.
    answered: Cell<u16>,
    /// Whether a byte of the response has arrived.
    has_begun: Cell<bool>,
    is_reused: Cell<bool>,
    /// Rises with each arrival of bytes.
    progress: Cell<u32>,
    /// Nothing more will be sent of this request, be it complete or not.
    is_sending_over: Cell<bool>,
    /// Why sending has failed, as long as nobody has been told.
    sending_failure: RefCell<Option<R::Error>>,
    waiting: RefCell<[Option<Waker>; 2]>,
    /// Which of them there is now.
    is_waiting: [Cell<bool>; 2],
}

/// Why a connection was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ClosedBy {
    Caller,
    Pool,
}

/// Who waits for something to be received. The stream keeps one waker only, so each wakes
/// the other one when it has taken something or waits no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Who {
    /// Waits for the response.
    Receiver,
    /// Sends the request, and has to know if the server answers before its end.
    Sender,
}

/// The final head of the response: found by whoever looks first, taken by the receiver.
enum Head<E> {
    Awaited,
    Arrived(Arrived),
    Failed(Error<E>),
    Taken,
}

impl<R: Runtime> Link<R> {
    pub fn new(stream: R::Stream) -> Self {
        Self {
            stream,
            http: RefCell::new(Connection::new(Limits::default())),
            session: OnceCell::new(),
            cycle: Cell::new(0),
            closed: Cell::new(None),
            head: RefCell::new(Head::Taken),
            answered: Cell::new(0),
            has_begun: Cell::new(false),
            is_reused: Cell::new(false),
            progress: Cell::new(0),
            is_sending_over: Cell::new(false),
            sending_failure: RefCell::new(None),
            waiting: RefCell::default(),
            is_waiting: Default::default(),
        }
    }

    // ---- its life ----

    pub fn is_closed(&self) -> bool {
        self.closed.get().is_some()
    }

    pub fn closed_by(&self) -> Option<ClosedBy> {
        self.closed.get()
    }

    /// Whether it can carry a request.
    pub fn is_usable(&self) -> bool {
        if self.is_closed() {
            return false;
        }
        match self.session.get() {
            Some(session) => session.upgrade().is_some_and(|session| session.is_open()),
            None => self.stream.is_usable(),
        }
    }

    /// From now on it speaks HTTP/2.
    pub fn shared_by(&self, session: &Rc<Session<R>>) {
        let _ = self.session.set(Rc::downgrade(session));
    }

    pub fn is_http2(&self) -> bool {
        self.session.get().is_some()
    }

    /// What its streams share. None: it speaks HTTP/1.1, or has ended.
    pub fn session(&self) -> Option<Rc<Session<R>>> {
        self.session.get()?.upgrade()
    }

    /// Whether it can be idle: nothing was sent, or all of a request and its response.
    pub fn is_fit(&self) -> bool {
        let is_between = {
            let http = self.http.borrow();
            http.is_reusable() || http.client_state() == ClientState::Idle
        };
        is_between && self.is_usable()
    }

    /// Closes it, and tells who waits.
    pub fn close(&self, by: ClosedBy) {
        if self.is_closed() {
            return;
        }
        self.closed.set(Some(by));
        self.stream.close();
        let waiting = self.waiting.take();
        waiting.into_iter().flatten().for_each(Waker::wake);
    }

    /// What whoever still waits for a closed connection is told.
    pub fn why_closed(&self) -> Error<R::Error> {
        match self.closed.get() {
            Some(ClosedBy::Pool) => Error::PoolClosed,
            _ => Error::Ended,
        }
    }

    /// Keeps nothing of the request that is over.
    pub fn begin_rest(&self) {
        self.begin_cycle();
        let head = self.head.replace(Head::Taken);
        let failure = self.sending_failure.take();
        drop((head, failure));
        let waiting = self.waiting.take();
        waiting.into_iter().flatten().for_each(Waker::wake);
    }

    /// Begins a request: sends the bytes after which `http` is the state of the connection.
    pub fn begin(&self, http: Connection, bytes: &[u8], is_reused: bool) {
        self.begin_cycle();
        let has_body =
            matches!(http.client_state(), ClientState::SendBody | ClientState::AwaitContinue);
        self.is_sending_over.set(!has_body);
        self.http.replace(http);
        self.head.replace(Head::Awaited);
        self.answered.set(0);
        self.has_begun.set(false);
        self.is_reused.set(is_reused);
        self.write_or_note(bytes);
    }

    fn begin_cycle(&self) {
        self.cycle.set(self.cycle.get().wrapping_add(1));
        self.is_waiting.iter().for_each(|is_waiting| is_waiting.set(false));
    }

    pub fn cycle(&self) -> u32 {
        self.cycle.get()
    }

    // ---- sending ----

    /// Sends; a failure is kept for whoever finds out that there is no response either.
    pub fn write_or_note(&self, data: &[u8]) {
        if let Err(error) = self.stream.write(data) {
            self.note_sending_failure(error);
        }
    }

    pub fn note_sending_failure(&self, error: R::Error) {
        self.sending_failure.replace(Some(error));
        self.end_sending();
    }

    pub fn take_sending_failure(&self) -> Option<R::Error> {
        self.sending_failure.take()
    }

    pub fn is_sending_over(&self) -> bool {
        self.is_sending_over.get()
    }

    /// From now on the server has to answer: its time runs.
    pub fn end_sending(&self) {
        if !self.is_sending_over.replace(true) {
            self.wake(Who::Receiver);
        }
    }

    // ---- receiving the head ----

    /// The status of the final head, if it has arrived.
    pub fn answered(&self) -> Option<u16> {
        Some(self.answered.get()).filter(|&status| status != 0)
    }

    pub fn has_begun(&self) -> bool {
        self.has_begun.get()
    }

    pub fn progress(&self) -> u32 {
        self.progress.get()
    }

    pub fn note_progress(&self) {
        self.progress.set(self.progress.get().wrapping_add(1));
    }

    /// What [`poll_head`](Self::poll_head) has found.
    pub fn take_head(&self) -> Result<Arrived, Error<R::Error>> {
        match self.head.replace(Head::Taken) {
            Head::Arrived(arrived) => Ok(arrived),
            Head::Failed(error) => Err(error),
            Head::Awaited | Head::Taken => Err(self.why_closed()),
        }
    }

    /// Ready when the final head has arrived, or receiving has failed.
    pub fn poll_head(&self, cx: &mut Context<'_>, who: Who) -> Poll<()> {
        loop {
            if !matches!(*self.head.borrow(), Head::Awaited) {
                return Poll::Ready(());
            }
            if self.is_closed() {
                self.found(Head::Failed(self.why_closed()), who);
                return Poll::Ready(());
            }
            if self.look_for_head(who) {
                return Poll::Ready(());
            }
            if self.is_closed() {
                continue; // by foreign code that the stream has run
            }
            match self.stream.poll_received(cx) {
                Poll::Ready(Ok(())) if !self.has_news() => {
                    // Not to be expected of a stream; it must not hold up the other tasks.
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => self.found(Head::Failed(Error::Read(error)), who),
                Poll::Pending if self.is_closed() => {}
                Poll::Pending => {
                    self.register(who, cx);
                    return Poll::Pending;
                }
            }
        }
    }

    /// Whether there is something to look at.
    pub fn has_news(&self) -> bool {
        self.stream.is_at_end() || self.stream.received(|input| !input.is_empty())
    }

    /// Reads what has arrived. Whether that was the end of the wait.
    fn look_for_head(&self, who: Who) -> bool {
        let before = self.progress();
        let arrived = self.stream.received(|input| {
            if input.is_empty() {
                return Ok(None);
            }
            self.has_begun.set(true);
            self.note_progress();
            let mut http = self.http.borrow_mut();
            loop {
                match http.receive(input)? {
                    Event::Head { head, framing } => {
                        return Ok(Some(Arrived::new(head, framing, &mut http, input)));
                    }
                    Event::Upgrade(head) => return Ok(Some(Arrived::upgrade(head))),
                    Event::Informational(_) => {}
                    _ => return Ok(None),
                }
            }
        });
        match arrived {
            Ok(Some(arrived)) => {
                self.answered.set(arrived.head.status());
                self.found(Head::Arrived(arrived), who);
                true
            }
            Err(error) => {
                self.found(Head::Failed(Error::Response(error)), who);
                true
            }
            Ok(None) if self.stream.is_at_end() && !self.is_closed() => {
                let error = Error::Disconnected {
                    is_reused: self.is_reused.get(),
                    has_begun: self.has_begun.get(),
                    sending: self.sending_failure.take(),
                };
                self.found(Head::Failed(error), who);
                true
            }
            Ok(None) => {
                if self.progress() != before {
                    self.wake_other(who); // it may have been for 100
                }
                false
            }
        }
    }

    fn found(&self, head: Head<R::Error>, who: Who) {
        self.head.replace(head);
        self.wake_other(who);
    }

    // ---- who waits ----

    /// Notes whom to wake when the other one has found something.
    pub fn register(&self, who: Who, cx: &mut Context<'_>) {
        let slot = &mut self.waiting.borrow_mut()[who as usize];
        if !slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *slot = Some(cx.waker().clone());
        }
    }

    /// Waits no longer. The other one has to give its waker to the stream again.
    pub fn leave(&self, who: Who) {
        let own = self.waiting.borrow_mut()[who as usize].take();
        if own.is_some() {
            self.wake_other(who);
        }
    }

    fn wake_other(&self, who: Who) {
        self.wake(match who {
            Who::Receiver => Who::Sender,
            Who::Sender => Who::Receiver,
        });
    }

    fn wake(&self, who: Who) {
        let waker = self.waiting.borrow_mut()[who as usize].take();
        waker.into_iter().for_each(Waker::wake);
    }
}

/// Leaves when the wait is over or is dropped.
pub(super) struct Waiting<'a, R: Runtime> {
    link: &'a Link<R>,
    who: Who,
    cycle: u32,
}

impl<'a, R: Runtime> Waiting<'a, R> {
    /// Fails if somebody waits for the same already: one of the two would not be woken.
    pub fn new(link: &'a Link<R>, who: Who) -> Result<Self, Error<R::Error>> {
        if link.is_waiting[who as usize].replace(true) {
            return Err(Error::Busy);
        }
        Ok(Self { link, who, cycle: link.cycle() })
    }
}

impl<R: Runtime> Drop for Waiting<'_, R> {
    fn drop(&mut self) {
        if self.link.cycle() == self.cycle {
            self.link.is_waiting[self.who as usize].set(false);
            self.link.leave(self.who);
        }
    }
}
