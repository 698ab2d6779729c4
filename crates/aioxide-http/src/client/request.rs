//! A whole request in one call.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::error::{Error, Timeout};
use super::http2::{self, Failure};
use super::lease::connect;
use super::link::{Link, Waiting, Who};
use super::pool::{Place, Seat};
use super::response::{Arrived, Response};
use super::timing::{Alarm, Deadline, ReadDeadline, Timeouts};
use super::{Pool, Runtime, Stream};
use crate::{Connection, HeaderBlock, Limits, RequestLine, Target};

/// A body up to this size is sent by one write together with the head.
const SMALL: usize = 64 * 1024;

/// Seconds to wait for 100 before the body is sent all the same, as curl has it (RFC 9110
/// §10.1.1).
const CONTINUE: f64 = 1.0;

/// The head of a request, ready to be sent on any connection.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The state of a connection once `bytes` have been sent.
    pub(super) connection: Connection,
    pub(super) bytes: Vec<u8>,
}

impl RequestHead {
    /// Checks and writes a request head, header by header, in the order and case in which
    /// they are given. Nothing is added: `Host`, and `Content-Length` or `Transfer-Encoding`
    /// if there is a body, have to be among them.
    ///
    /// `limits` bound the response.
    ///
    /// # Errors
    ///
    /// What cannot be sent. See [`RequestWriter`](crate::RequestWriter).
    pub fn new<'a>(
        method: &[u8],
        target: Target<'_>,
        headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        limits: Limits,
    ) -> Result<Self, crate::Error> {
        let mut connection = Connection::new(limits);
        let mut bytes = Vec::new();
        let mut head = connection.start_request(&RequestLine::new(method, target), &mut bytes)?;
        for (name, value) in headers {
            head.header(name, value)?;
        }
        head.finish()?;
        Ok(Self { connection, bytes })
    }

    /// The same with headers that have been checked and written before.
    ///
    /// # Errors
    ///
    /// What cannot be sent. See [`RequestWriter`](crate::RequestWriter).
    pub fn with_block(
        method: &[u8],
        target: Target<'_>,
        headers: &HeaderBlock,
        limits: Limits,
    ) -> Result<Self, crate::Error> {
        let mut connection = Connection::new(limits);
        let mut bytes = Vec::new();
        let mut head = connection.start_request(&RequestLine::new(method, target), &mut bytes)?;
        head.block(headers);
        head.finish()?;
        Ok(Self { connection, bytes })
    }
}

/// A request with all that it needs. `B` is its body.
#[derive(Clone, Debug)]
pub struct Request<B> {
    /// Where to send it: what [`Runtime::connect`] is called with.
    pub origin: u32,
    /// Method, target and headers.
    pub head: RequestHead,
    /// The body, as long as the headers say.
    pub body: Option<B>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// If a connection that was idle turns out to be closed before anything of a response has
    /// arrived, the request is sent once more, on a new connection. Only for requests that
    /// may be repeated (RFC 9110 §9.2.2).
    pub may_retry: bool,
    /// If the headers have `Expect: 100-continue`, wait for the answer before the body is sent;
    /// for one second at most.
    pub expect_continue: bool,
}

/// Sends a request and waits for the head of its response: takes a place in the pool, connects
/// if need be, sends, receives.
///
/// Dropping the future closes the connection.
///
/// # Errors
///
/// All of [`Error`] but [`Error::IncompleteBody`]. What cannot be sent is found out before
/// anything else happens.
pub async fn request<R: Runtime, B: AsRef<[u8]>>(
    pool: Pool<R>,
    request: Request<B>,
) -> Result<Response<R>, Error<R::Error>> {
    let timeouts = request.timeouts;
    let may_retry = request.may_retry;
    let origin = request.origin;
    let message = Message::new(request).map_err(Error::Request)?;
    let sleep = pin!(None);
    let mut alarm = Alarm::new(pool.runtime(), sleep);
    let mut attempts = Attempts { may_retry, left: ATTEMPTS };
    let mut acquire = None;
    let mut seat = None;
    loop {
        if seat.is_none() {
            seat = pool.try_seat(origin);
        }
        let Some(taken) = seat.take() else {
            acquire = Deadline::after(pool.runtime(), timeouts.acquire, Timeout::Acquire);
            seat = Some(wait_for_seat(&pool, origin, &timeouts, acquire, &mut alarm).await?);
            continue;
        };
        match taken {
            Seat::Connection(mut place) => {
                let Some(link) = place.link().cloned() else {
                    let limit = connect_deadline(&pool, &timeouts, acquire);
                    seat = Some(Seat::Connection(place));
                    connect(&mut seat, &mut alarm, limit).await?;
                    continue;
                };
                match message.exchange(&place, &link, &pool, &timeouts, &mut alarm).await {
                    Ok(arrived) => return Ok(Response::new(place, link, arrived, timeouts)),
                    Err(error) if place.is_reused && attempts.may_repeat(&error, &link) => {
                        place.discard_link();
                        seat = Some(Seat::Connection(place));
                    }
                    Err(error) => return Err(error),
                }
            }
            Seat::Stream(slot) => {
                let (head, body) = message.whole();
                let is_reused = slot.is_reused;
                let sent = http2::exchange(&pool, slot, head, body, &timeouts, &mut alarm).await;
                match sent.and_then(|stream| Ok((stream.take_head()?, stream))) {
                    Ok((taken, stream)) => {
                        return Ok(Response::of_stream(&pool, &stream, taken, timeouts));
                    }
                    Err(failure) if attempts.may_repeat_stream(&failure, is_reused) => {}
                    Err(failure) => return Err(failure.error),
                }
            }
        }
    }
}

/// How often a request is sent, at most.
const ATTEMPTS: u32 = 3;

/// Whether a request that has failed is sent once more.
struct Attempts {
    may_retry: bool,
    left: u32,
}

impl Attempts {
    /// For a connection that had been idle, and was closed meanwhile. The next one is new.
    fn may_repeat<R: Runtime>(&self, error: &Error<R::Error>, link: &Link<R>) -> bool {
        self.may_retry
            && !link.has_begun()
            && matches!(error, Error::Disconnected { .. } | Error::Read(_))
    }

    /// The same for a stream; and whatever the server has not processed.
    fn may_repeat_stream<E>(&mut self, failure: &Failure<E>, is_reused: bool) -> bool {
        self.left -= 1;
        let is_stale = self.may_retry
            && is_reused
            && matches!(failure.error, Error::Disconnected { .. } | Error::Read(_));
        self.left > 0 && (failure.is_unprocessed || is_stale)
    }
}

fn connect_deadline<R: Runtime>(
    pool: &Pool<R>,
    timeouts: &Timeouts,
    acquire: Option<Deadline>,
) -> Option<Deadline> {
    let runtime = pool.runtime();
    let acquire = acquire.or_else(|| Deadline::after(runtime, timeouts.acquire, Timeout::Acquire));
    let own = Deadline::after(runtime, timeouts.connect, Timeout::Connect);
    let total = Deadline::at(timeouts.deadline, Timeout::Total);
    Deadline::earliest(Deadline::earliest(own, acquire), total)
}

async fn wait_for_seat<R: Runtime>(
    pool: &Pool<R>,
    origin: u32,
    timeouts: &Timeouts,
    acquire: Option<Deadline>,
    alarm: &mut Alarm<'_, R>,
) -> Result<Seat<R>, Error<R::Error>> {
    let own = Deadline::after(pool.runtime(), timeouts.pool, Timeout::Pool);
    let total = Deadline::at(timeouts.deadline, Timeout::Total);
    let deadline = Deadline::earliest(Deadline::earliest(own, acquire), total);
    let mut waiting = pool.acquire(origin);
    poll_fn(|cx| match waiting.poll_seat(cx) {
        Poll::Ready(seat) => Poll::Ready(seat),
        Poll::Pending => alarm.poll(cx, deadline).map(|timeout| Err(timeout.into())),
    })
    .await
}

/// A request as it is sent.
struct Message<B> {
    /// The state of the connection once `bytes` have been sent.
    http: Connection,
    /// The head, and the body if it is small.
    bytes: Vec<u8>,
    /// How much of that is the head.
    head: usize,
    body: Option<B>,
    /// The body is sent by a write of its own.
    is_apart: bool,
    /// What follows it.
    tail: Vec<u8>,
    /// The body is sent when the server has answered to `Expect`.
    is_awaited: bool,
}

impl<B: AsRef<[u8]>> Message<B> {
    fn new(request: Request<B>) -> Result<Self, crate::Error> {
        let RequestHead { connection: mut http, mut bytes } = request.head;
        let body = request.body.filter(|body| !body.as_ref().is_empty());
        let head = bytes.len();
        let is_awaited = request.expect_continue && http.awaits_continue();
        if is_awaited {
            // Whether the body can be sent is to be known now.
            end_with(&mut http.clone(), body.as_ref(), &mut Vec::new(), &mut Vec::new())?;
            return Ok(Self {
                http,
                bytes,
                head,
                body,
                is_apart: false,
                tail: Vec::new(),
                is_awaited,
            });
        }
        let mut tail = Vec::new();
        let is_apart = end_with(&mut http, body.as_ref(), &mut bytes, &mut tail)?;
        Ok(Self { http, bytes, head, body, is_apart, tail, is_awaited })
    }

    /// Head and body, for HTTP/2, which has frames of its own. An expectation is not waited for
    /// there: the server can refuse the body at any time.
    fn whole(&self) -> (&[u8], Option<&[u8]>) {
        (&self.bytes[..self.head], self.body.as_ref().map(AsRef::as_ref))
    }

    /// Sends the request on this connection, and waits for the head of the response.
    async fn exchange<R: Runtime>(
        &self,
        place: &Place<R>,
        link: &Rc<Link<R>>,
        pool: &Pool<R>,
        timeouts: &Timeouts,
        alarm: &mut Alarm<'_, R>,
    ) -> Result<Arrived, Error<R::Error>> {
        let runtime = pool.runtime();
        link.begin(self.http.clone(), &self.bytes, place.is_reused);
        let _waiting = Waiting::new(link, Who::Receiver)?;
        let mut is_drained = true;
        if self.is_awaited {
            is_drained = !self.wait_continue(link, runtime, timeouts, alarm).await?;
        } else if let Some(body) = self.body.as_ref().filter(|_| self.is_apart) {
            link.write_or_note(body.as_ref());
            link.write_or_note(&self.tail);
            is_drained = false;
        }
        let mut write_limit = None;
        let mut read_limit = ReadDeadline::new(timeouts);
        poll_fn(|cx| {
            if link.poll_head(cx, Who::Receiver).is_ready() {
                return Poll::Ready(link.take_head());
            }
            if !is_drained {
                match link.stream.poll_writable(cx) {
                    Poll::Ready(Ok(())) => is_drained = true,
                    Poll::Ready(Err(error)) => {
                        link.note_sending_failure(error);
                        is_drained = true;
                    }
                    Poll::Pending => {}
                }
            }
            let limit = if is_drained {
                read_limit.of_link(runtime, link)
            } else {
                *write_limit.get_or_insert_with(|| {
                    Deadline::earliest(
                        Deadline::after(runtime, timeouts.write, Timeout::Write),
                        Deadline::at(timeouts.deadline, Timeout::Total),
                    )
                })
            };
            alarm.poll(cx, limit).map(|timeout| Err(timeout.into()))
        })
        .await
    }

    /// Waits for the answer to `Expect`, and sends the body unless that is a final response.
    /// Returns whether it was sent.
    async fn wait_continue<R: Runtime>(
        &self,
        link: &Link<R>,
        runtime: &R,
        timeouts: &Timeouts,
        alarm: &mut Alarm<'_, R>,
    ) -> Result<bool, Error<R::Error>> {
        let patience = Deadline::after(runtime, Some(CONTINUE), Timeout::Read);
        let total = Deadline::at(timeouts.deadline, Timeout::Total);
        let limit = Deadline::earliest(patience, total);
        let timeout = poll_fn(|cx| {
            if link.poll_head(cx, Who::Receiver).is_ready() || !link.http.borrow().awaits_continue()
            {
                return Poll::Ready(None);
            }
            alarm.poll(cx, limit).map(Some)
        })
        .await;
        if timeout == Some(Timeout::Total) {
            return Err(Timeout::Total.into());
        }
        if link.answered().is_some() || link.is_closed() {
            link.end_sending();
            return Ok(false);
        }
        let (mut bytes, mut tail) = (Vec::new(), Vec::new());
        let ended =
            end_with(&mut link.http.borrow_mut(), self.body.as_ref(), &mut bytes, &mut tail);
        let is_apart = ended.map_err(Error::Request)?;
        link.write_or_note(&bytes);
        if let Some(body) = self.body.as_ref().filter(|_| is_apart) {
            link.write_or_note(body.as_ref());
            link.write_or_note(&tail);
        }
        link.end_sending();
        Ok(is_apart)
    }
}

/// Ends a request with this body. Into `out` goes all of it if it is small; otherwise what is
/// before the body, and what is behind it into `tail`. Returns whether that is so.
fn end_with<B: AsRef<[u8]>>(
    http: &mut Connection,
    body: Option<&B>,
    out: &mut Vec<u8>,
    tail: &mut Vec<u8>,
) -> Result<bool, crate::Error> {
    let mut is_apart = false;
    if let Some(body) = body.map(AsRef::as_ref) {
        is_apart = body.len() > SMALL;
        if is_apart {
            let frame = http.frame_data(body.len())?;
            out.extend_from_slice(frame.before());
            tail.extend_from_slice(frame.after());
        } else {
            http.send_data(body, out)?;
        }
    }
    if http.awaits_end() {
        http.end_request(&[], if is_apart { tail } else { out })?;
    }
    Ok(is_apart)
}
