//! A place in the pool, before a request is sent.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::error::{Error, Timeout};
use super::exchange::Exchange;
use super::link::ClosedBy;
use super::pool::Place;
use super::request::RequestHead;
use super::timing::{Alarm, Deadline, Timeouts};
use super::{Pool, Runtime};

/// A place in the pool: a connection that was idle, or the right to [make
/// one](Self::connect).
///
/// Dropping it gives the place back. A connection that was not used becomes idle again.
#[must_use = "dropping a lease gives it back"]
pub struct Lease<R: Runtime> {
    place: Option<Place<R>>,
}

impl<R: Runtime> Lease<R> {
    pub(super) fn new(place: Place<R>) -> Self {
        Self { place: Some(place) }
    }

    /// Whether there is a connection, and it is open.
    pub fn is_connected(&self) -> bool {
        self.stream().is_some()
    }

    /// Whether the connection was idle in the pool before.
    pub fn is_reused(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.is_reused)
    }

    /// The connection, if there is one, and it is open.
    pub fn stream(&self) -> Option<&R::Stream> {
        let link = self.place.as_ref()?.link()?;
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
        let Some(place) = &mut self.place else { return Err(Error::Ended) };
        if place.link().is_some_and(|link| !link.is_closed()) {
            return Ok(());
        }
        let pool = place.pool.clone();
        let sleep = pin!(None);
        let mut alarm = Alarm::new(pool.runtime(), sleep);
        connect(place, &mut alarm, Deadline::at(deadline, Timeout::Connect)).await
    }

    /// Sends the head of a request.
    ///
    /// Of the `timeouts`, those for reading, writing and the whole are used. That the head
    /// cannot be sent is not an error yet: see [`Exchange::response`].
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if there is no connection.
    pub fn open(
        mut self,
        head: RequestHead,
        timeouts: Timeouts,
    ) -> Result<Exchange<R>, Error<R::Error>> {
        match self.place.take() {
            Some(place) => Exchange::open(place, head, timeouts),
            None => Err(Error::Ended),
        }
    }

    /// Closes the connection and gives the place back.
    pub fn close(mut self) {
        drop(self.place.take());
    }

    /// Gives the place back: the same as dropping the lease.
    pub fn release(self) {}
}

impl<R: Runtime> Drop for Lease<R> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            place.put_back();
        }
    }
}

/// Makes a connection for a place that has none.
pub(super) async fn connect<R: Runtime>(
    place: &mut Place<R>,
    alarm: &mut Alarm<'_, R>,
    deadline: Option<Deadline>,
) -> Result<(), Error<R::Error>> {
    let pool: Pool<R> = place.pool.clone();
    if pool.is_closed() {
        return Err(Error::PoolClosed);
    }
    let mut connecting = pin!(pool.runtime().connect(place.origin()));
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
    .await?;
    place.attach(stream);
    match place.link() {
        Some(link) if link.closed_by() == Some(ClosedBy::Pool) => Err(Error::PoolClosed),
        _ => Ok(()),
    }
}
