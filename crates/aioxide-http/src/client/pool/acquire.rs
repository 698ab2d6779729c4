//! Waiting for a place.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::places::Grant;
use super::{Place, Pool, Seat};
use crate::client::error::Error;
use crate::client::http2::{Look, Queued, Slot};
use crate::client::{Lease, Runtime};

/// One caller in the queue.
pub(super) struct Waiter<L> {
    state: Cell<State<L>>,
}

enum State<L> {
    Waiting(Option<Waker>),
    Granted(Grant<L>),
    Refused,
    /// Its grant was taken.
    Done,
}

impl<L> Waiter<L> {
    fn new(waker: Waker) -> Self {
        Self { state: Cell::new(State::Waiting(Some(waker))) }
    }

    /// Hands over a place. Returns whom to wake.
    pub fn grant(&self, grant: Grant<L>) -> Option<Waker> {
        waker_of(self.state.replace(State::Granted(grant)))
    }

    /// The pool is closed. Returns whom to wake.
    pub fn refuse(&self) -> Option<Waker> {
        waker_of(self.state.replace(State::Refused))
    }
}

fn waker_of<L>(state: State<L>) -> Option<Waker> {
    match state {
        State::Waiting(waker) => waker,
        _ => None,
    }
}

/// A place for one request, in the order in which callers came: what [`Pool::acquire`] returns.
///
/// Dropping it leaves the queue. A place that was already given goes to the next.
#[must_use = "the queue is joined when this is polled"]
pub struct Acquire<R: Runtime> {
    pool: Pool<R>,
    origin: u32,
    /// The ticket, once this is in the queue.
    queued: Option<(u64, Rc<Waiter<super::LinkOf<R>>>)>,
    /// The same in the queue for a stream of a connection of HTTP/2.
    stream: Option<Queued<R>>,
}

impl<R: Runtime> Acquire<R> {
    pub(super) fn new(pool: Pool<R>, origin: u32) -> Self {
        Self { pool, origin, queued: None, stream: None }
    }

    pub(in crate::client) fn poll_seat(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Seat<R>, Error<R::Error>>> {
        if !self.pool.shared.config.http2 {
            return self.poll_place(cx).map(|place| place.map(Seat::Connection));
        }
        if self.pool.is_closed() {
            return Poll::Ready(Err(Error::PoolClosed));
        }
        // The stream that it was given may be of a connection that takes no more of them.
        let given = self.stream.as_ref().and_then(Queued::take);
        if let Some(slot) = given.filter(Slot::is_open) {
            self.stream = None;
            self.leave();
            return Poll::Ready(Ok(Seat::Stream(slot)));
        }
        match self.pool.look(self.origin) {
            Look::Stream(slot) => {
                self.stream = None;
                self.leave();
                return Poll::Ready(Ok(Seat::Stream(slot)));
            }
            Look::Wait => self.leave(),
            Look::Free => {
                if let Poll::Ready(place) = self.poll_place(cx) {
                    let seat = place.map(|place| self.pool.seat(place));
                    self.stream = None;
                    return Poll::Ready(seat);
                }
            }
        }
        let (pool, origin) = (&self.pool, self.origin);
        let queued = self.stream.get_or_insert_with(|| Queued::join(pool, origin));
        queued.wait(cx, self.queued.is_some());
        Poll::Pending
    }

    fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<Result<Place<R>, Error<R::Error>>> {
        let Some((_, waiter)) = &self.queued else {
            if let Some(place) = self.pool.try_place(self.origin) {
                return Poll::Ready(Ok(place));
            }
            if self.pool.is_closed() {
                return Poll::Ready(Err(Error::PoolClosed));
            }
            let waiter = Rc::new(Waiter::new(cx.waker().clone()));
            let ticket = self
                .pool
                .change(|places, after| places.enqueue(self.origin, waiter.clone(), after));
            self.queued = Some((ticket, waiter));
            return Poll::Pending;
        };
        match waiter.state.replace(State::Done) {
            State::Granted(grant) => {
                self.queued = None;
                let mut place = Place::new(self.pool.clone(), self.origin, grant);
                // It was fit when it was given; that may be some time ago.
                if place.link().is_some_and(|link| !link.is_usable()) {
                    place.discard_link();
                }
                Poll::Ready(Ok(place))
            }
            State::Refused => {
                self.queued = None;
                Poll::Ready(Err(Error::PoolClosed))
            }
            State::Waiting(waker) => {
                let waker = waker.filter(|waker| waker.will_wake(cx.waker()));
                let waker = waker.unwrap_or_else(|| cx.waker().clone());
                waiter.state.set(State::Waiting(Some(waker)));
                Poll::Pending
            }
            State::Done => Poll::Pending,
        }
    }
}

impl<R: Runtime> Future for Acquire<R> {
    type Output = Result<Lease<R>, Error<R::Error>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_seat(cx).map(|seat| seat.map(Lease::new))
    }
}

impl<R: Runtime> Drop for Acquire<R> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<R: Runtime> Acquire<R> {
    /// Leaves the queue for a place. One that was given already goes to the next.
    fn leave(&mut self) {
        let Some((ticket, waiter)) = self.queued.take() else { return };
        if let State::Granted(grant) = waiter.state.replace(State::Done) {
            Place::new(self.pool.clone(), self.origin, grant).put_back();
        } else {
            let removed = self.pool.shared.places.borrow_mut().remove_waiter(self.origin, ticket);
            drop(removed);
        }
    }
}
