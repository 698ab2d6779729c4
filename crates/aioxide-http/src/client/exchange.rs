//! A request that is being sent, and the wait for its response.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use super::error::{Error, Timeout};
use super::http2::{self, Http2Stream, Slot};
use super::link::{ClosedBy, Link, Waiting, Who};
use super::pool::Place;
use super::request::RequestHead;
use super::response::Response;
use super::timing::{Alarm, Deadline, ReadDeadline, Timeouts};
use super::{Pool, Runtime, Stream};
use crate::{ClientState, Connection};

/// From this status on, a final response that comes before the request is complete ends it:
/// the server does not want the rest.
pub(super) const REFUSAL: u16 = 300;

/// Data up to this size is copied, so that a chunk is one write.
const SMALL: usize = 256 * 1024;

/// A request whose head was sent. Two tasks may use it at once: one sends the body, the other
/// waits for the [response](Self::response).
///
/// Dropping a future of an exchange loses nothing: what was sent is sent, what was received is
/// kept. Dropping the exchange before its response was taken closes the connection; dropping it
/// afterwards, with the request incomplete, closes the connection at the response's end.
pub struct Exchange<R: Runtime> {
    pool: Pool<R>,
    link: Rc<Link<R>>,
    /// Of the link: whether it is still this exchange's.
    cycle: u32,
    /// Until the response has it.
    place: Cell<Option<Place<R>>>,
    timeouts: Timeouts,
    /// If the connection is one of HTTP/2, the stream: the exchange has no place of its own then.
    http2: Option<OnStream<R>>,
}

/// What an exchange has on a connection of HTTP/2.
struct OnStream<R: Runtime> {
    stream: Rc<Http2Stream<R>>,
    /// Compares the body with its announced length, as if it were sent by HTTP/1.1.
    body: RefCell<Connection>,
}

impl<R: Runtime> Exchange<R> {
    pub(super) fn open(
        place: Place<R>,
        head: RequestHead,
        timeouts: Timeouts,
    ) -> Result<Self, Error<R::Error>> {
        let pool = place.pool.clone();
        let link = match place.link() {
            Some(link) if !link.is_closed() => link.clone(),
            Some(link) => return Err(link.why_closed()),
            None => return Err(Error::Ended),
        };
        let RequestHead { connection, bytes } = head;
        link.begin(connection, &bytes, place.is_reused);
        let (cycle, place) = (link.cycle(), Cell::new(Some(place)));
        Ok(Self { pool, cycle, link, place, timeouts, http2: None })
    }

    pub(super) fn open_stream(
        pool: &Pool<R>,
        slot: Slot<R>,
        head: RequestHead,
        timeouts: Timeouts,
    ) -> Result<Self, Error<R::Error>> {
        let RequestHead { connection, bytes } = head;
        let has_body =
            matches!(connection.client_state(), ClientState::SendBody | ClientState::AwaitContinue);
        let stream = Http2Stream::open(slot, &bytes, has_body, pool.config().limits)
            .map_err(Error::Request)?;
        let (link, place) = (stream.link().clone(), Cell::new(None));
        let (cycle, body) = (link.cycle(), RefCell::new(connection));
        let http2 = Some(OnStream { stream, body });
        Ok(Self { pool: pool.clone(), link, cycle, place, timeouts, http2 })
    }

    /// The connection, until the exchange is closed or the response is complete.
    pub fn stream(&self) -> Option<&R::Stream> {
        (!self.is_over()).then_some(&self.link.stream)
    }

    /// Sends a piece of the body, framed as the headers say, and waits until more may be
    /// sent: [`send`](Self::send) and [`writable`](Self::writable).
    ///
    /// # Errors
    ///
    /// Those of the two.
    pub async fn write(&self, data: &[u8]) -> Result<bool, Error<R::Error>> {
        if self.http2.is_none() || data.is_empty() {
            return Ok(self.send(data)? && self.writable().await?);
        }
        // Each piece has its own time limit: the windows may be small.
        for piece in data.chunks(http2::PIECE) {
            if !(self.writable().await? && self.send(piece)?) {
                return Ok(false);
            }
        }
        self.writable().await
    }

    /// Sends a piece of the body, or queues it. False: the server has refused the request by
    /// its response, or the exchange is over; nothing was sent, and the rest need not be.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if the data goes beyond the announced length. [`Error::Write`]; a
    /// [response](Self::response) may be there nevertheless.
    pub fn send(&self, data: &[u8]) -> Result<bool, Error<R::Error>> {
        if self.is_refused() {
            return Ok(false);
        }
        if let Some(OnStream { stream, body }) = &self.http2 {
            body.borrow_mut().frame_data(data.len()).map_err(Error::Request)?;
            return Ok(data.is_empty() || stream.send(data, false));
        }
        let frame = self.link.http.borrow_mut().frame_data(data.len()).map_err(Error::Request)?;
        let (before, after) = (frame.before(), frame.after());
        let stream = &self.link.stream;
        let sent = if data.is_empty() {
            Ok(())
        } else if before.is_empty() {
            stream.write(data)
        } else if data.len() <= SMALL {
            stream.write(&[before, data, after].concat())
        } else {
            stream
                .write(before)
                .and_then(|()| stream.write(data))
                .and_then(|()| stream.write(after))
        };
        sent.map_err(|error| self.fail_sending(error))?;
        Ok(true)
    }

    /// Waits until more may be sent. False: nothing more needs to be, as for
    /// [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// [`Timeout::Write`], [`Timeout::Total`], [`Error::Write`].
    pub async fn writable(&self) -> Result<bool, Error<R::Error>> {
        let runtime = self.pool.runtime();
        let sleep = pin!(None);
        let mut alarm = Alarm::new(runtime, sleep);
        let mut deadline = None;
        if let Some(OnStream { stream, .. }) = &self.http2 {
            let _waiting = stream.waiting(Who::Sender).ok_or(Error::Busy)?;
            let written = poll_fn(|cx| {
                if let Poll::Ready(is_wanted) = stream.poll_writable(cx) {
                    return Poll::Ready(Ok(is_wanted));
                }
                let limit = *deadline.get_or_insert_with(|| self.write_deadline());
                alarm.poll(cx, limit).map(Err)
            });
            return written.await.map_err(|timeout| {
                stream.close();
                timeout.into()
            });
        }
        let waiting = Waiting::new(&self.link, Who::Sender)?;
        let result = poll_fn(|cx| {
            if self.is_refused() {
                return Poll::Ready(Ok(false));
            }
            match self.link.stream.poll_writable(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ok(true)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(self.fail_sending(error))),
                Poll::Pending => {}
            }
            // A server may answer, and read no more.
            if !self.is_over() {
                let _ = self.link.poll_head(cx, Who::Sender);
            }
            if self.is_refused() {
                return Poll::Ready(Ok(false));
            }
            self.link.register(Who::Sender, cx);
            let limit = *deadline.get_or_insert_with(|| self.write_deadline());
            alarm.poll(cx, limit).map(|timeout| Err(timeout.into()))
        })
        .await;
        drop(waiting);
        if matches!(result, Err(Error::Timeout(_))) {
            self.close();
        }
        result
    }

    fn write_deadline(&self) -> Option<Deadline> {
        Deadline::earliest(
            Deadline::after(self.pool.runtime(), self.timeouts.write, Timeout::Write),
            Deadline::at(self.timeouts.deadline, Timeout::Total),
        )
    }

    /// Ends the request, with trailers if it is chunked; then waits until all of it is sent or
    /// nearly so. Nothing happens if the request has no body, or has ended. False: as for
    /// [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send) and [`writable`](Self::writable); [`Error::Request`] if
    /// the body is shorter than announced, or a trailer is not allowed: nothing has changed
    /// then.
    pub async fn end(&self, trailers: &[(&[u8], &[u8])]) -> Result<bool, Error<R::Error>> {
        if self.is_refused() {
            return Ok(false);
        }
        if trailers.is_empty() && self.link.is_sending_over() {
            return Ok(true);
        }
        let mut last = Vec::new();
        if let Some(OnStream { stream, body }) = &self.http2 {
            body.borrow_mut().end_request(trailers, &mut last).map_err(Error::Request)?;
            let ended = stream.end(trailers).map_err(Error::Request);
            stream.end_sending();
            return ended;
        }
        let ended = self.link.http.borrow_mut().end_request(trailers, &mut last);
        ended.map_err(Error::Request)?;
        let _over = SendingIsOver(self);
        if !last.is_empty() {
            self.link.stream.write(&last).map_err(|error| self.fail_sending(error))?;
        }
        self.writable().await
    }

    /// Waits for the server's answer to `Expect: 100-continue`: true at 100, false if
    /// something else came, which [`response`](Self::response) returns. To be given a limit:
    /// servers may ignore the expectation (RFC 9110 §10.1.1).
    ///
    /// # Errors
    ///
    /// [`Timeout::Total`].
    pub async fn wait_continue(&self) -> Result<bool, Error<R::Error>> {
        let sleep = pin!(None);
        let mut alarm = Alarm::new(self.pool.runtime(), sleep);
        if let Some(OnStream { stream, .. }) = &self.http2 {
            let _waiting = stream.waiting(Who::Receiver).ok_or(Error::Busy)?;
            return poll_fn(|cx| {
                if let Poll::Ready(is_continued) = stream.poll_continue(cx) {
                    return Poll::Ready(Ok(is_continued));
                }
                let deadline = Deadline::at(self.timeouts.deadline, Timeout::Total);
                alarm.poll(cx, deadline).map(|timeout| Err(timeout.into()))
            })
            .await;
        }
        let _waiting = Waiting::new(&self.link, Who::Sender)?;
        poll_fn(|cx| {
            if self.is_over() || self.link.poll_head(cx, Who::Sender).is_ready() {
                return Poll::Ready(Ok(false));
            }
            if !self.link.http.borrow().awaits_continue() {
                return Poll::Ready(Ok(true));
            }
            let deadline = Deadline::at(self.timeouts.deadline, Timeout::Total);
            alarm.poll(cx, deadline).map(|timeout| Err(timeout.into()))
        })
        .await
    }

    /// Waits for the head of the final response. Once only.
    ///
    /// The time limit for reading counts while nothing more is going to be sent: a caller that
    /// takes its time with the body is not the server's fault.
    ///
    /// # Errors
    ///
    /// [`Error::Disconnected`], [`Error::Response`], [`Error::Read`], [`Timeout::Read`],
    /// [`Timeout::Total`], [`Error::PoolClosed`]; [`Error::Ended`] the second time. The
    /// connection is closed then.
    pub async fn response(&self) -> Result<Response<R>, Error<R::Error>> {
        if self.link.cycle() != self.cycle {
            return Err(Error::Ended);
        }
        let runtime = self.pool.runtime();
        let sleep = pin!(None);
        let mut alarm = Alarm::new(runtime, sleep);
        let mut limit = ReadDeadline::new(&self.timeouts);
        if let Some(OnStream { stream, .. }) = &self.http2 {
            let waiting = stream.waiting(Who::Receiver).ok_or(Error::Busy)?;
            let waited = poll_fn(|cx| {
                if stream.poll_head(cx).is_ready() {
                    return Poll::Ready(Ok(()));
                }
                let limit = limit.get(runtime, stream.is_sending_over(), stream.progress());
                alarm.poll(cx, limit).map(Err)
            })
            .await;
            drop(waiting);
            return match waited {
                Ok(()) => match stream.take_head() {
                    Ok(taken) => Ok(Response::of_stream(&self.pool, stream, taken, self.timeouts)),
                    Err(failure) => Err(failure.error),
                },
                Err(timeout) => {
                    stream.close();
                    Err(timeout.into())
                }
            };
        }
        let waiting = Waiting::new(&self.link, Who::Receiver)?;
        let waited = poll_fn(|cx| {
            if self.link.poll_head(cx, Who::Receiver).is_ready() {
                return Poll::Ready(Ok(()));
            }
            alarm.poll(cx, limit.of_link(runtime, &self.link)).map(Err)
        })
        .await;
        drop(waiting);
        let arrived = match waited {
            Ok(()) => self.link.take_head(),
            Err(timeout) => Err(timeout.into()),
        };
        match (arrived, self.place.take()) {
            (Ok(arrived), Some(place)) => {
                Ok(Response::new(place, self.link.clone(), arrived, self.timeouts))
            }
            (Ok(_), None) => Err(Error::Ended),
            (Err(error), place) => {
                drop(place);
                Err(error)
            }
        }
    }

    /// Closes the connection, whoever uses it.
    pub fn close(&self) {
        if let Some(OnStream { stream, .. }) = &self.http2 {
            stream.close();
        } else if !self.is_over() {
            self.link.close(ClosedBy::Caller);
        }
        drop(self.place.take());
    }

    /// Whether the connection is closed or serves another request.
    fn is_over(&self) -> bool {
        if let Some(OnStream { stream, .. }) = &self.http2 {
            return stream.is_over();
        }
        self.link.is_closed() || self.link.cycle() != self.cycle
    }

    /// Whether sending more is pointless.
    fn is_refused(&self) -> bool {
        self.is_over() || self.link.answered().is_some_and(|status| status >= REFUSAL)
    }

    fn fail_sending(&self, error: R::Error) -> Error<R::Error> {
        self.link.end_sending();
        Error::Write(error)
    }
}

impl<R: Runtime> Drop for Exchange<R> {
    fn drop(&mut self) {
        if let Some(OnStream { stream, .. }) = &self.http2 {
            stream.abandon_sending();
        } else if !self.is_over() {
            self.link.end_sending();
        }
    }
}

/// However the wait for the end of sending ends.
struct SendingIsOver<'a, R: Runtime>(&'a Exchange<R>);

impl<R: Runtime> Drop for SendingIsOver<'_, R> {
    fn drop(&mut self) {
        if !self.0.is_over() {
            self.0.link.end_sending();
        }
    }
}
