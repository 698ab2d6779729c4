//! A place in the pool, before a request is sent.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::error::{Error, Timeout};
use super::exchange::Exchange;
use super::link::ClosedBy;
use super::pool::{Place, Seat};
use super::request::RequestHead;
use super::timing::{Alarm, Deadline, Timeouts};
use super::{Pool, Runtime};

/// A place in the pool: a connection that was idle, or the right to [make
/// one](Self::connect).
///
/// Dropping it gives the place back. A connection that was not used becomes idle again.
#[must_use = "dropping a lease gives it back"]
pub struct Lease<R: Runtime> {
    seat: Option<Seat<R>>,
}

impl<R: Runtime> Lease<R> {
    pub(super) fn new(seat: Seat<R>) -> Self {
        Self { seat: Some(seat) }
    }

    /// Whether there is a connection, and it is open.
    pub fn is_connected(&self) -> bool {
        self.stream().is_some()
    }

    /// Whether the connection was used before.
    pub fn is_reused(&self) -> bool {
        self.seat.as_ref().is_some_and(Seat::is_reused)
    }

    /// The connection, if there is one, and it is open.
    pub fn stream(&self) -> Option<&R::Stream> {
        let link = self.seat.as_ref()?.link()?;
        (!link.is_closed()).then_some(&link.stream)
    }

    /// Makes a connection, unless there is one. Dropping the future abandons the attempt and
    /// keeps the place.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`], [`Error::PoolClosed`], and [`Timeout::Connect`] at `deadline`, which
    /// is a time of [`Runtime::now`].
    pub async fn connect(&mut self, deadline: Option<f64>) -> Result<(), Error<R::Error>> {
        let pool = match &self.seat {
            None => return Err(Error::Ended),
            Some(Seat::Stream(_)) => return Ok(()),
            Some(Seat::Connection(_)) if self.is_connected() => return Ok(()),
            Some(Seat::Connection(place)) => place.pool.clone(),
        };
        let sleep = pin!(None);
        let mut alarm = Alarm::new(pool.runtime(), sleep);
        connect(&mut self.seat, &mut alarm, Deadline::at(deadline, Timeout::Connect)).await
    }

    /// Sends the head of a request.
    ///
    /// Of the `timeouts`, those for reading, writing and the whole are used. That the head
    /// cannot be sent is not an error yet: see [`Exchange::response`].
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if there is no connection. [`Error::Request`] for what HTTP/2 cannot send,
    /// if that is what the connection speaks.
    pub fn open(
        mut self,
        head: RequestHead,
        timeouts: Timeouts,
    ) -> Result<Exchange<R>, Error<R::Error>> {
        match self.seat.take() {
            Some(Seat::Connection(place)) => Exchange::open(place, head, timeouts),
            Some(Seat::Stream(slot)) => {
                let pool = slot.pool().ok_or(Error::Ended)?;
                Exchange::open_stream(&pool, slot, head, timeouts)
            }
            None => Err(Error::Ended),
        }
    }

    /// Closes the connection and gives the place back. One that others share stays open.
    pub fn close(mut self) {
        drop(self.seat.take());
    }

    /// Gives the place back: the same as dropping the lease.
    pub fn release(self) {}
}

impl<R: Runtime> Drop for Lease<R> {
    fn drop(&mut self) {
        if let Some(Seat::Connection(place)) = self.seat.take() {
            place.put_back();
        }
    }
}

/// Makes a connection for a seat that has none. If it speaks HTTP/2, the seat is one stream of it
/// afterwards.
pub(super) async fn connect<R: Runtime>(
    seat: &mut Option<Seat<R>>,
    alarm: &mut Alarm<'_, R>,
    deadline: Option<Deadline>,
) -> Result<(), Error<R::Error>> {
    let Some(Seat::Connection(place)) = seat else { return Ok(()) };
    attach(place, alarm, deadline).await?;
    let Some(Seat::Connection(place)) = seat.take() else { return Ok(()) };
    *seat = place.connected();
    match seat {
        Some(_) => Ok(()),
        None => Err(Error::Disconnected { is_reused: false, has_begun: false, sending: None }),
    }
}

/// Makes a connection for a place that has none.
async fn attach<R: Runtime>(
    place: &mut Place<R>,
    alarm: &mut Alarm<'_, R>,
    deadline: Option<Deadline>,
) -> Result<(), Error<R::Error>> {
    let pool: Pool<R> = place.pool.clone();
    if pool.is_closed() {
        return Err(Error::PoolClosed);
    }
    let http2 = pool.offers_http2(place.origin());
    let mut connecting = pin!(pool.runtime().connect(place.origin(), http2));
    let watch = pool.watch_close();
    let stream = poll_fn(|cx| {
        if watch.poll(cx) {
            return Poll::Ready(Err(Error::PoolClosed));
        }
        match connecting.as_mut().poll(cx) {
            Poll::Ready(stream) => Poll::Ready(stream.map_err(Error::Connect)),
            Poll::Pending => alarm.poll(cx, deadline).map(|timeout| Err(timeout.into())),
        }
    })
    .await;
    match stream {
        Ok(stream) => place.attach(stream),
        Err(error) => {
            place.not_connected();
            return Err(error);
        }
    }
    match place.link() {
        Some(link) if link.closed_by() == Some(ClosedBy::Pool) => Err(Error::PoolClosed),
        _ => Ok(()),
    }
}
