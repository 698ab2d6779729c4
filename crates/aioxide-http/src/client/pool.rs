//! Which connections there are, who has one, and who waits.

mod acquire;
mod idle;
mod places;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Waker};

pub use acquire::Acquire;
use places::{After, Bounds, Grant, Places};

use super::http2::{Look, Negotiation, Session, Sessions, Slot, share};
use super::link::{ClosedBy, Link};
use super::{Lease, Runtime, Stream};
use crate::Limits;

/// How a pool behaves. None: no bound.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Config {
    /// Connections at a time, in use and idle. 100, as aiohttp and httpx have it.
    pub limit: Option<usize>,
    /// The same for one origin.
    pub limit_per_host: Option<usize>,
    /// Idle connections. Beyond that, those that have been idle for the longest time are closed.
    pub max_idle: Option<usize>,
    /// Seconds after which an idle connection is closed. 15, as aiohttp has it.
    pub keepalive_expiry: Option<f64>,
    /// What a server may send: for [`RequestHead::new`](super::RequestHead::new).
    pub limits: Limits,
    /// Whether streams may speak HTTP/2: then callers wait for one that is being made, since it
    /// may serve all of them.
    pub http2: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limit: Some(100),
            limit_per_host: None,
            max_idle: None,
            keepalive_expiry: Some(15.0),
            limits: Limits::default(),
            http2: false,
        }
    }
}

/// The connections of a client. A cheap handle: clones are the same pool.
///
/// - A caller gets the idle connection of its origin that was used last; if there is none, the
///   right to make one.
/// - `limit` counts connections in use and idle ones. Where an idle connection of another
///   origin is in the way, the one that has been idle for the longest time is closed.
/// - Who cannot be served waits in the order of arrival. A caller whose origin has reached
///   `limit_per_host` does not hold up those behind it that want another origin.
/// - An idle connection is looked at before it is used, and dropped if it has expired, if the
///   server has closed it, or if the server has sent something.
/// - A connection becomes idle by itself when the response is complete, the request was sent
///   completely, and both sides want to keep it. In every other case it is closed.
pub struct Pool<R: Runtime> {
    shared: Rc<Shared<R>>,
}

pub(super) type LinkOf<R> = Rc<Link<R>>;

struct Shared<R: Runtime> {
    runtime: R,
    config: Config,
    places: RefCell<Places<LinkOf<R>>>,
    /// Which connections of HTTP/2 are shared.
    sessions: RefCell<Sessions<R>>,
    /// Whether [`Runtime::expire_at`] was called and has not been answered.
    has_alarm: Cell<bool>,
    /// Whom to wake when the pool is closed: those that are connecting.
    connecting: RefCell<BTreeMap<u64, Waker>>,
    next_watch: Cell<u64>,
}

impl<R: Runtime> Clone for Pool<R> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<R: Runtime> Pool<R> {
    /// A pool without connections. A limit of zero counts as one.
    pub fn new(runtime: R, config: Config) -> Self {
        let bounds = Bounds {
            all: config.limit.unwrap_or(usize::MAX).max(1),
            per_origin: config.limit_per_host.unwrap_or(usize::MAX).max(1),
            idle: config.max_idle.unwrap_or(usize::MAX),
            expiry: config.keepalive_expiry.unwrap_or(f64::INFINITY),
        };
        let places = RefCell::new(Places::new(bounds));
        Self {
            shared: Rc::new(Shared {
                runtime,
                config,
                places,
                sessions: RefCell::default(),
                has_alarm: Cell::new(false),
                connecting: RefCell::default(),
                next_watch: Cell::new(0),
            }),
        }
    }

    /// What the pool was made with.
    pub fn runtime(&self) -> &R {
        &self.shared.runtime
    }

    /// What the pool was made with.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// An idle connection, or the right to make one. None: the caller has to
    /// [wait](Self::acquire), or the pool is closed.
    pub fn try_acquire(&self, origin: u32) -> Option<Lease<R>> {
        self.try_seat(origin).map(Lease::new)
    }

    /// The same, as soon as it is possible: first come, first served.
    pub fn acquire(&self, origin: u32) -> Acquire<R> {
        Acquire::new(self.clone(), origin)
    }

    /// The same: a connection alone, or a stream of one.
    pub(super) fn try_seat(&self, origin: u32) -> Option<Seat<R>> {
        match self.look(origin) {
            Look::Stream(slot) => Some(Seat::Stream(slot)),
            Look::Wait => None,
            Look::Free => self.try_place(origin).map(|place| self.seat(place)),
        }
    }

    /// Whether there is a connection that the requests to an origin share.
    fn look(&self, origin: u32) -> Look<R> {
        if !self.shared.config.http2 || self.is_closed() {
            return Look::Free;
        }
        let has_places = || self.shared.places.borrow().uses(origin);
        self.shared.sessions.borrow_mut().look(origin, has_places)
    }

    /// What a place is good for: if its connection speaks HTTP/2, one stream of it. If it has
    /// none yet, others wait for what comes of it.
    fn seat(&self, mut place: Place<R>) -> Seat<R> {
        if !self.shared.config.http2 {
            return Seat::Connection(place);
        }
        match place.link() {
            Some(link) if link.is_http2() => {
                let session = link.session().filter(|session| session.is_open());
                if let Some(session) = session.filter(|_| self.offers_http2(place.origin())) {
                    return Seat::Stream(session.resume(place));
                }
                place.discard_link();
            }
            Some(_) => return Seat::Connection(place),
            None => {}
        }
        place.negotiation = Negotiation::begin(self, place.origin());
        Seat::Connection(place)
    }

    /// Whether a connection to the origin may speak HTTP/2.
    pub(super) fn offers_http2(&self, origin: u32) -> bool {
        self.shared.config.http2 && !self.shared.sessions.borrow().has_fallen_back(origin)
    }

    pub(super) fn sessions(&self) -> &RefCell<Sessions<R>> {
        &self.shared.sessions
    }

    pub(super) fn try_place(&self, origin: u32) -> Option<Place<R>> {
        let now = self.idle_clock();
        loop {
            let grant = self.change(|places, after| places.take(origin, now, after))?;
            let place = Place::new(self.clone(), origin, grant);
            match &place.link {
                // Its place is free again, so another turn finds room.
                Some((_, link)) if !link.is_usable() => drop(place),
                _ => return Some(place),
            }
        }
    }

    /// The time, if that matters for what is idle.
    fn idle_clock(&self) -> f64 {
        match self.shared.config.keepalive_expiry {
            Some(_) => self.shared.runtime.now(),
            None => 0.0,
        }
    }

    /// How many connections are idle.
    pub fn idle(&self) -> usize {
        self.shared.places.borrow().connections.idle()
    }

    /// How many places are in use, by connections and by callers that are connecting.
    pub fn in_use(&self) -> usize {
        self.shared.places.borrow().in_use()
    }

    /// Whether an origin has a connection, or a caller that waits for one, or something is
    /// remembered of it.
    pub fn uses(&self, origin: u32) -> bool {
        let sessions = self.shared.sessions.borrow();
        self.shared.places.borrow().uses(origin)
            || sessions.has_waiters(origin)
            || sessions.has_fallen_back(origin)
    }

    /// How many callers wait for a place, or for a stream of a connection.
    pub fn waiting(&self) -> usize {
        self.shared.places.borrow().waiting() + self.shared.sessions.borrow().waiting()
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.shared.places.borrow().is_closed
    }

    /// When the oldest idle connection expires.
    pub fn next_expiry(&self) -> Option<f64> {
        self.shared.places.borrow().next_expiry().filter(|at| *at < f64::INFINITY)
    }

    /// Closes the idle connections that have expired and those that cannot be used any more.
    /// Returns when to do so next, if one is left.
    pub fn close_expired(&self, now: f64) -> Option<f64> {
        let left: Vec<(u32, LinkOf<R>)> = self.change(|places, after| {
            places.expire(now, after);
            let connections = &places.connections;
            let with_link = |slot| Some((slot, connections.link(slot)?));
            connections.idle_slots().filter_map(with_link).collect()
        });
        // Looking at a stream may run foreign code, so the places are not borrowed meanwhile.
        for (slot, link) in left.into_iter().filter(|(_, link)| !link.is_usable()) {
            self.change(|places, after| {
                let is_same = |other: LinkOf<R>| Rc::ptr_eq(&other, &link);
                if places.connections.idle_link(slot).is_some_and(is_same) {
                    places.drop_idle(slot, after);
                }
            });
        }
        let next = self.next_expiry();
        self.shared.has_alarm.set(next.is_some());
        next
    }

    /// Closes the idle connections.
    pub fn close_idle(&self) {
        self.change(|places, after| places.close_idle(after));
    }

    /// Closes all connections, idle and in use. Whoever waits, connects, sends or receives gets
    /// [`Error::PoolClosed`](super::Error::PoolClosed), and so does whoever comes later.
    pub fn close(&self) {
        let in_use = self.change(|places, after| {
            places.close(after);
            places.connections.iter().cloned().collect::<Vec<_>>()
        });
        for link in in_use {
            link.close(ClosedBy::Pool);
        }
        for waker in self.shared.connecting.take().into_values() {
            waker.wake();
        }
        let queued = self.shared.sessions.borrow_mut().all_wakers();
        queued.into_iter().for_each(Waker::wake);
    }

    /// For somebody who wants to know when the pool is closed.
    pub(super) fn watch_close(&self) -> CloseWatch<R> {
        let id = self.shared.next_watch.get();
        self.shared.next_watch.set(id + 1);
        CloseWatch { pool: self.clone(), id }
    }

    /// Shows each stream, for programs whose streams refer to objects that are collected.
    pub fn visit_streams(&self, mut visit: impl FnMut(&R::Stream)) {
        if let Ok(places) = self.shared.places.try_borrow() {
            places.connections.iter().for_each(|link| visit(&link.stream));
        }
    }

    /// Changes the places; then, when they are not borrowed any more, does what runs foreign
    /// code.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Places<LinkOf<R>>, &mut After<LinkOf<R>>) -> T,
    ) -> T {
        let mut after = After::default();
        let result = change(&mut self.shared.places.borrow_mut(), &mut after);
        for link in after.close {
            link.close(ClosedBy::Caller);
        }
        for waker in after.wake {
            waker.wake();
        }
        result
    }
}

/// When the last handle goes and nobody uses a connection.
impl<R: Runtime> Drop for Shared<R> {
    fn drop(&mut self) {
        for link in self.places.get_mut().connections.iter() {
            link.close(ClosedBy::Pool);
        }
    }
}

/// Tells when the pool is closed.
pub(super) struct CloseWatch<R: Runtime> {
    pool: Pool<R>,
    id: u64,
}

impl<R: Runtime> CloseWatch<R> {
    /// Whether the pool is closed. If not, the waker is woken then.
    pub fn poll(&self, cx: &mut Context<'_>) -> bool {
        if self.pool.is_closed() {
            return true;
        }
        let waker = cx.waker().clone();
        let replaced = self.pool.shared.connecting.borrow_mut().insert(self.id, waker);
        drop(replaced);
        false
    }
}

impl<R: Runtime> Drop for CloseWatch<R> {
    fn drop(&mut self) {
        let removed = self.pool.shared.connecting.borrow_mut().remove(&self.id);
        drop(removed);
    }
}

/// What one request uses.
pub(super) enum Seat<R: Runtime> {
    /// A connection alone, or the right to make one.
    Connection(Place<R>),
    /// A stream of a connection of HTTP/2.
    Stream(Slot<R>),
}

impl<R: Runtime> Seat<R> {
    /// The connection, if there is one.
    pub fn link(&self) -> Option<&LinkOf<R>> {
        match self {
            Self::Connection(place) => place.link(),
            Self::Stream(slot) => Some(slot.link()),
        }
    }

    pub fn is_reused(&self) -> bool {
        match self {
            Self::Connection(place) => place.is_reused,
            Self::Stream(slot) => slot.is_reused,
        }
    }
}

/// A place that is in use. Whoever has it decides what becomes of its connection; if it is
/// dropped, the connection is closed.
pub(super) struct Place<R: Runtime> {
    pub pool: Pool<R>,
    origin: u32,
    /// With its slot.
    link: Option<(u32, LinkOf<R>)>,
    /// Whether the connection was idle before.
    pub is_reused: bool,
    is_given_back: bool,
    /// While others wait for the connection that is made for this place.
    negotiation: Option<Negotiation<R>>,
}

impl<R: Runtime> Place<R> {
    fn new(pool: Pool<R>, origin: u32, grant: Grant<LinkOf<R>>) -> Self {
        let link = match grant {
            Grant::Permit => None,
            Grant::Connection(slot, link) => Some((slot, link)),
        };
        let is_reused = link.is_some();
        Self { pool, origin, is_reused, link, is_given_back: false, negotiation: None }
    }

    pub fn origin(&self) -> u32 {
        self.origin
    }

    pub fn link(&self) -> Option<&LinkOf<R>> {
        self.link.as_ref().map(|(_, link)| link)
    }

    /// A connection was made for this place.
    pub fn attach(&mut self, stream: R::Stream) {
        self.discard_link();
        let link = Rc::new(Link::new(stream));
        let mut places = self.pool.shared.places.borrow_mut();
        let slot = places.connections.insert(self.origin, link.clone());
        let is_closed = places.is_closed;
        drop(places);
        if is_closed {
            link.close(ClosedBy::Pool);
        }
        self.link = Some((slot, link));
        self.is_reused = false;
    }

    /// What the place is good for, now that it has a connection.
    pub fn connected(mut self) -> Option<Seat<R>> {
        let negotiation = self.negotiation.take();
        if !self.link()?.stream.is_http2() {
            negotiation.into_iter().for_each(Negotiation::end_apart);
            return Some(Seat::Connection(self));
        }
        let (pool, origin) = (self.pool.clone(), self.origin);
        let slot = Session::begin(self)?;
        share(&pool, origin, &slot);
        Some(Seat::Stream(slot))
    }

    /// No connection could be made.
    pub fn not_connected(&mut self) {
        self.negotiation.take().into_iter().for_each(Negotiation::end_apart);
    }

    /// Closes the connection, and keeps the place.
    pub fn discard_link(&mut self) {
        self.is_reused = false;
        if let Some((slot, link)) = self.link.take() {
            let removed = self.pool.shared.places.borrow_mut().connections.remove(slot);
            link.close(ClosedBy::Caller);
            drop(removed);
        }
    }

    /// Gives the place back; the connection becomes idle if it is fit for that.
    pub fn put_back(mut self) {
        let shared = &self.pool.shared;
        let is_fit = |(_, link): &(u32, LinkOf<R>)| link.is_fit() && !self.pool.is_closed();
        let Some((slot, link)) = self.link.take_if(|link| is_fit(link)) else { return };
        let now = self.pool.idle_clock();
        link.begin_rest();
        // Before foreign code runs: there is nothing left to drop.
        self.is_given_back = true;
        self.pool.change(|places, after| places.rest(slot, self.origin, now, after));
        if let Some(seconds) = shared.config.keepalive_expiry
            && !shared.has_alarm.replace(true)
        {
            shared.runtime.expire_at(now + seconds);
        }
    }

    /// Gives the place back and keeps the connection, which belongs to the pool no more.
    pub fn take_out(mut self) -> Option<LinkOf<R>> {
        let (slot, link) = self.link.take()?;
        let removed = self.pool.shared.places.borrow_mut().connections.remove(slot);
        drop(removed);
        Some(link)
    }
}

impl<R: Runtime> Drop for Place<R> {
    fn drop(&mut self) {
        if !self.is_given_back {
            self.discard_link();
            self.pool.change(|places, after| places.leave(self.origin, after));
        }
    }
}
