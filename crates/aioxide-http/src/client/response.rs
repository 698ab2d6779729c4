//! The response: its head, and its body as it arrives.

mod body;
mod incoming;

use std::cell::{OnceCell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use body::Body;
pub(super) use body::Step;
use incoming::Incoming;

use super::error::Error;
use super::http2::{self, Http2Stream};
use super::link::{ClosedBy, Link, Waiting, Who};
use super::pool::Place;
use super::timing::{Alarm, ReadDeadline, Timeouts};
use super::{Pool, Runtime, Stream};
use crate::{Connection, Event, Fields, Framing, ResponseHead};

/// As much of a body is taken along with the head, at most.
const ALONG: usize = 64 * 1024;

/// The final head, and what has arrived with it.
pub(super) struct Arrived {
    pub head: ResponseHead,
    /// None: an upgrade.
    framing: Option<Framing>,
    /// Some or all of the body.
    data: Vec<u8>,
    /// Where its chunks end.
    chunk_ends: Vec<u64>,
    /// With trailers: the whole response is there. An error: the body is not valid behind
    /// `data`.
    end: Option<Result<Fields, crate::Error>>,
}

impl Arrived {
    /// Takes the body from the input too, if all of it is there or if it is chunked: most
    /// responses are complete then.
    pub fn new(
        head: ResponseHead,
        framing: Framing,
        http: &mut Connection,
        input: &mut &[u8],
    ) -> Self {
        let mut this = Self {
            head,
            framing: Some(framing),
            data: Vec::new(),
            chunk_ends: Vec::new(),
            end: None,
        };
        match framing {
            Framing::None | Framing::Length(0) => this.take(http, input),
            Framing::Length(length) if length <= input.len() as u64 => this.take(http, input),
            Framing::Chunked => this.take(http, input),
            _ => {}
        }
        this
    }

    pub fn upgrade(head: ResponseHead) -> Self {
        Self { head, framing: None, data: Vec::new(), chunk_ends: Vec::new(), end: None }
    }

    fn take(&mut self, http: &mut Connection, input: &mut &[u8]) {
        while self.data.len() < ALONG || !matches!(self.framing, Some(Framing::Chunked)) {
            match http.receive(input) {
                Ok(Event::Data(data)) => {
                    self.data.extend_from_slice(data);
                    if http.is_behind_chunk() {
                        self.chunk_ends.push(self.data.len() as u64);
                    }
                }
                Ok(Event::End { trailers }) => return self.end = Some(Ok(trailers)),
                Ok(_) => return,
                Err(error) => return self.end = Some(Err(error)),
            }
        }
    }
}

/// The final response to a request.
///
/// The connection goes back to the pool by itself when the last byte of the body has been
/// taken from the stream, which may be the case from the beginning: [`is_complete`]. Dropping
/// the response before that closes the connection. Dropping one of its futures loses nothing.
///
/// [`is_complete`]: Self::is_complete
pub struct Response<R: Runtime> {
    head: ResponseHead,
    pool: Pool<R>,
    link: Rc<Link<R>>,
    reading: RefCell<Reading<R>>,
    timeouts: Timeouts,
    is_reused: bool,
    is_upgrade: bool,
    length: Option<u64>,
    /// Once the body is complete, if there are any.
    trailers: OnceCell<Fields>,
}

/// The body, as far as it has not been handed out.
struct Reading<R: Runtime> {
    /// What was taken along with the head, or by a read that was given up.
    held: Vec<u8>,
    /// How much of it has been handed out.
    handed_out: usize,
    body: Incoming<R>,
}

impl<R: Runtime> Response<R> {
    pub(super) fn new(
        place: Place<R>,
        link: Rc<Link<R>>,
        arrived: Arrived,
        timeouts: Timeouts,
    ) -> Self {
        let Arrived { head, framing, data, chunk_ends, end } = arrived;
        let (is_reused, pool) = (place.is_reused, place.pool.clone());
        let body = Body::new(place, link.clone(), framing, data.len() as u64, chunk_ends, end);
        let body = Incoming::Http1(body);
        let reading = RefCell::new(Reading { held: data, handed_out: 0, body });
        let is_upgrade = framing.is_none();
        let length = reading.borrow().body.expected();
        let this = Self {
            head,
            pool,
            link,
            reading,
            timeouts,
            is_reused,
            is_upgrade,
            length,
            trailers: OnceCell::new(),
        };
        this.read(|_| ()); // the place may have to be given back
        this
    }

    /// The response on a stream of HTTP/2. What has arrived of a body is taken along, so most
    /// responses are complete then.
    pub(super) fn of_stream(
        pool: &Pool<R>,
        stream: &Rc<Http2Stream<R>>,
        (head, body): (ResponseHead, http2::Body<R>),
        timeouts: Timeouts,
    ) -> Self {
        let body = Incoming::Http2(body);
        let mut reading = Reading { held: Vec::new(), handed_out: 0, body };
        while reading.held.len() < ALONG {
            let (body, mut sink) = reading.keeping();
            // A failure is told to whoever reads.
            match body.step(ALONG, &mut sink) {
                Ok(Step::Taken) => {}
                Ok(Step::Nothing | Step::Over) => break,
                Err(error) => {
                    body.fail(error);
                    break;
                }
            }
        }
        let this = Self {
            head,
            pool: pool.clone(),
            link: stream.link().clone(),
            length: reading.body.expected(),
            reading: RefCell::new(reading),
            timeouts,
            is_reused: stream.is_reused,
            is_upgrade: false,
            trailers: OnceCell::new(),
        };
        this.read(|_| ()); // the stream may have to be given up
        this
    }

    /// Status line and headers.
    pub fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// The length of the body, if the head tells it.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether the whole body has arrived, and the connection is back in the pool or closed.
    /// Some of the body may still have to be read.
    pub fn is_complete(&self) -> bool {
        self.reading.try_borrow().is_ok_and(|reading| reading.body.is_complete())
    }

    /// What a chunked body was followed by; empty before it is complete.
    pub fn trailers(&self) -> &Fields {
        static NONE: Fields = Fields::EMPTY;
        self.trailers.get().unwrap_or(&NONE)
    }

    /// Whether the connection was idle in the pool before the request.
    pub fn is_reused(&self) -> bool {
        self.is_reused
    }

    /// Whether the connection speaks another protocol now: 101, or 2xx to `CONNECT`.
    pub fn is_upgrade(&self) -> bool {
        self.is_upgrade
    }

    /// The connection, while it belongs to the response, or a stream of it does.
    pub fn stream(&self) -> Option<&R::Stream> {
        // Whoever borrows it is reading, so the connection still belongs to the response.
        let owns_link = self.reading.try_borrow().map_or(true, |reading| reading.body.owns_link());
        owns_link.then_some(&self.link.stream)
    }

    /// The connection that the response came over, for looking at it only: it may be closed or
    /// serve another request.
    pub fn origin_stream(&self) -> &R::Stream {
        &self.link.stream
    }

    /// Waits for the next bytes of the body, at most `limit`, and lends them to `take`. No
    /// bytes: the body is over. They are lent from where they were received if that is
    /// possible. `take` must not use the stream.
    ///
    /// # Errors
    ///
    /// [`Error::IncompleteBody`], [`Error::Response`], [`Error::Read`], and the time limits;
    /// the connection is closed then. [`Error::Ended`] after any of these, and after
    /// [`close`](Self::close). [`Error::PoolClosed`]. [`Error::Busy`] while another task reads.
    pub async fn read_some<T>(
        &self,
        limit: usize,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Error<R::Error>> {
        let mut take = Some(take);
        let mut taken = None;
        let mut sink = |data: &[u8]| taken = take.take().map(|take| take(data));
        let has_held = self.read(|reading| reading.hand_out_next(limit, &mut sink));
        if !has_held.ok_or(Error::Busy)? {
            self.wait(|reading, cx| reading.body.poll_step(cx, limit, &mut sink)).await?;
        }
        match (taken, take) {
            (Some(taken), _) => Ok(taken),
            (None, Some(take)) => Ok(take(&[])),
            (None, None) => Err(Error::Ended),
        }
    }

    /// The same without waiting. None: nothing has arrived; `take` was not called.
    ///
    /// # Errors
    ///
    /// Those of [`read_some`](Self::read_some).
    pub fn try_read_some<T>(
        &self,
        limit: usize,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Option<Result<T, Error<R::Error>>> {
        let mut take = Some(take);
        let mut taken = None;
        let mut sink = |data: &[u8]| taken = take.take().map(|take| take(data));
        let step = self.read(|reading| {
            if reading.hand_out_next(limit, &mut sink) {
                return Ok(Step::Taken);
            }
            reading.body.step(limit, &mut sink)
        });
        match step.unwrap_or(Err(Error::Busy)) {
            Ok(Step::Nothing) => None,
            Ok(Step::Taken | Step::Over) => taken.or_else(|| take.map(|take| take(&[]))).map(Ok),
            Err(error) => Some(Err(error)),
        }
    }

    /// Waits for the rest of the body.
    ///
    /// # Errors
    ///
    /// Those of [`read_some`](Self::read_some).
    pub async fn read_all(&self) -> Result<Vec<u8>, Error<R::Error>> {
        while !self.is_complete() {
            self.wait(|reading, cx| {
                let (body, mut sink) = reading.keeping();
                body.poll_step(cx, usize::MAX, &mut sink)
            })
            .await?;
            if self.is_upgrade {
                break;
            }
        }
        self.read(Reading::take_held).ok_or(Error::Busy)
    }

    /// The rest of the body, if all of it has been received. None: [`read_all`] has to wait.
    ///
    /// # Errors
    ///
    /// Those of [`read_some`](Self::read_some).
    ///
    /// [`read_all`]: Self::read_all
    pub fn try_read_all(&self) -> Option<Result<Vec<u8>, Error<R::Error>>> {
        let read = self.read(|reading| {
            loop {
                let step = {
                    let (body, mut sink) = reading.keeping();
                    body.step(usize::MAX, &mut sink)
                };
                match step {
                    Ok(Step::Taken) => {}
                    Ok(Step::Over) => return Some(Ok(reading.take_held())),
                    Ok(Step::Nothing) => return None,
                    Err(error) => return Some(Err(error)),
                }
            }
        });
        read.unwrap_or(Some(Err(Error::Busy)))
    }

    /// Where the chunks end that the body was sent in, counted in bytes from its begin, as far as
    /// it has been handed out or has arrived since. Each end is told once, and those that the
    /// caller does not ask for before it reads on are forgotten. [`read_all`](Self::read_all)
    /// forgets them all.
    pub fn take_chunk_ends(&self) -> Vec<u64> {
        let reading = self.reading.try_borrow_mut();
        reading.map_or_else(|_| Vec::new(), |mut it| it.body.take_chunk_ends())
    }

    /// Takes the connection out of the pool, with what was received behind the head. None
    /// unless this [is an upgrade](Self::is_upgrade), and the second time.
    pub fn upgrade(&self) -> Option<(Upgraded<R>, Vec<u8>)> {
        let place = self.read(|reading| reading.body.upgrade())??;
        let link = place.take_out()?;
        let rest = link.stream.received(|input| std::mem::take(input).to_vec());
        Some((Upgraded { link }, rest))
    }

    /// Closes the connection if it still belongs to the response: the same as dropping it.
    pub fn release(self) {}

    /// Closes the connection if it still belongs to the response. What is left of the body
    /// cannot be read any more.
    pub fn close(&self) {
        let closed = self.read(|reading| {
            if !reading.body.is_complete() || !reading.held.is_empty() {
                reading.held = Vec::new();
                reading.handed_out = 0;
                reading.body.close();
            }
        });
        if closed.is_none() {
            // Called by the stream, within a read: that will see it.
            self.link.close(ClosedBy::Caller);
        }
    }

    /// Reads without waiting. When nothing is borrowed any more, the place is given back if it
    /// is not needed. None: this is called by the stream, within another read.
    fn read<T>(&self, read: impl FnOnce(&mut Reading<R>) -> T) -> Option<T> {
        let mut reading = self.reading.try_borrow_mut().ok()?;
        let result = read(&mut reading);
        let leaving = reading.body.leaving();
        drop(reading);
        if let Some(leaving) = leaving {
            let trailers = leaving.leave();
            if !trailers.is_empty() {
                self.trailers.get_or_init(|| trailers);
            }
        }
        Some(result)
    }

    /// Waits until `poll` is ready, or a time limit has passed.
    async fn wait(
        &self,
        mut poll: impl FnMut(&mut Reading<R>, &mut Context<'_>) -> Poll<Result<(), Error<R::Error>>>,
    ) -> Result<(), Error<R::Error>> {
        let runtime = self.pool.runtime();
        let sleep = pin!(None);
        let mut alarm = Alarm::new(runtime, sleep);
        let mut deadline = ReadDeadline::new(&self.timeouts);
        // A link that serves another request is none of ours.
        let is_ours = self.stream().is_some();
        let stream = match self.reading.try_borrow() {
            Ok(reading) => reading.body.http2_stream(),
            Err(_) => return Err(Error::Busy),
        };
        let _waiting = match &stream {
            None if is_ours => (Some(Waiting::new(&*self.link, Who::Receiver)?), None),
            None => (None, None),
            Some(stream) => (None, Some(stream.waiting(Who::Receiver).ok_or(Error::Busy)?)),
        };
        poll_fn(|cx| {
            let polled = self.read(|reading| poll(reading, cx));
            if let Poll::Ready(result) = polled.unwrap_or(Poll::Ready(Err(Error::Busy))) {
                return Poll::Ready(result);
            }
            let limit = match &stream {
                None => deadline.of_link(runtime, &self.link),
                Some(stream) => deadline.get(runtime, stream.is_sending_over(), stream.progress()),
            };
            let timeout = alarm.poll(cx, limit);
            timeout.map(|timeout| {
                self.read(|reading| reading.body.close());
                Err(timeout.into())
            })
        })
        .await
    }
}

impl<R: Runtime> Reading<R> {
    /// Forgets where chunks end of what was handed out, and hands out what is held. False:
    /// nothing is.
    fn hand_out_next(&mut self, limit: usize, sink: &mut dyn FnMut(&[u8])) -> bool {
        let held = self.held.len() - self.handed_out;
        self.body.forget_chunk_ends(held as u64);
        self.hand_out(limit, sink)
    }

    /// Hands out what is held. False: nothing is.
    fn hand_out(&mut self, limit: usize, sink: &mut dyn FnMut(&[u8])) -> bool {
        let held = &self.held[self.handed_out..];
        let data = &held[..limit.min(held.len())];
        if data.is_empty() {
            return limit == 0;
        }
        sink(data);
        self.handed_out += data.len();
        if self.handed_out == self.held.len() {
            self.held = Vec::new();
            self.handed_out = 0;
        }
        true
    }

    /// The body, and a sink that holds what comes of it.
    fn keeping(&mut self) -> (&mut Incoming<R>, impl FnMut(&[u8])) {
        let expected = self.body.expected_rest();
        drop(self.body.take_chunk_ends());
        let held = &mut self.held;
        (&mut self.body, move |data: &[u8]| append(held, data, expected))
    }

    fn take_held(&mut self) -> Vec<u8> {
        drop(self.body.take_chunk_ends());
        let mut held = std::mem::take(&mut self.held);
        held.drain(..std::mem::take(&mut self.handed_out));
        held
    }
}

/// Appends to a body of which so many bytes are still to come, if that is known. The memory
/// is never more than twice of what has arrived, whatever the head announces.
fn append(held: &mut Vec<u8>, data: &[u8], expected: Option<u64>) {
    if held.capacity() - held.len() < data.len() {
        let needed = held.len() + data.len();
        let all = expected.map_or(usize::MAX, |rest| {
            usize::try_from(rest).map_or(usize::MAX, |rest| held.len().saturating_add(rest))
        });
        let capacity = (2 * needed).min(all).max(needed);
        held.reserve_exact(capacity - held.len());
    }
    held.extend_from_slice(data);
}

/// A connection that speaks another protocol now and does not belong to the pool any more.
/// Dropping it does not close it.
pub struct Upgraded<R: Runtime> {
    link: Rc<Link<R>>,
}

impl<R: Runtime> Upgraded<R> {
    /// The connection.
    pub fn stream(&self) -> &R::Stream {
        &self.link.stream
    }
}
