//! Who has a place in the pool, who waits for one, which connections are idle: the rules,
//! without connections.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::task::Waker;

use super::acquire::Waiter;
use super::idle::{Connections, Ends};

/// How many connections there may be.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub all: usize,
    pub per_origin: usize,
    pub idle: usize,
    /// Seconds for which a connection may be idle.
    pub expiry: f64,
}

/// The places of a pool. `L` is a connection, which only passes through here.
///
/// A place is *in use* (by a caller, with or without a connection) or *idle* (a connection
/// that nobody uses). The two together are bounded.
///
/// Whenever a method returns, nobody waits who could be served: a waiter that can have a place
/// gets it at the moment it becomes free. So whoever finds a free place overtakes nobody.
pub(super) struct Places<L> {
    bounds: Bounds,
    in_use: usize,
    origins: HashMap<u32, Origin, BuildHasherDefault<Scatter>>,
    pub connections: Connections<L>,
    /// By origin and ticket. Tickets rise, so each origin's are a queue.
    waiters: BTreeMap<(u32, u64), Rc<Waiter<L>>>,
    /// The first waiter of each origin that has not reached its own bound: whom a free place
    /// could serve, in the order in which they came.
    ready: BTreeSet<(u64, u32)>,
    next_ticket: u64,
    pub is_closed: bool,
}

/// What is known of an origin that has a place.
#[derive(Default)]
struct Origin {
    in_use: usize,
    idle: Ends,
}

/// What a caller gets.
pub(super) enum Grant<L> {
    /// The right to make a connection.
    Permit,
    /// A connection that was idle, with its slot.
    Connection(u32, L),
}

/// What has to be done once the places are not borrowed any more, since it runs foreign code.
pub(super) struct After<L> {
    pub close: Vec<L>,
    pub wake: Vec<Waker>,
}

impl<L> Default for After<L> {
    fn default() -> Self {
        Self { close: Vec::new(), wake: Vec::new() }
    }
}

impl<L: Clone> Places<L> {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            in_use: 0,
            origins: HashMap::default(),
            connections: Connections::new(),
            waiters: BTreeMap::new(),
            ready: BTreeSet::new(),
            next_ticket: 0,
            is_closed: false,
        }
    }

    pub fn in_use(&self) -> usize {
        self.in_use
    }

    /// Whether an origin has a place, or a waiter.
    pub fn uses(&self, origin: u32) -> bool {
        self.origins.contains_key(&origin)
            || self.waiters.range((origin, 0)..=(origin, u64::MAX)).next().is_some()
    }

    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// A place for this origin: its newest idle connection; else the right to make one, for
    /// which an idle connection of another origin may have to go. None: the caller has to wait.
    pub fn take(&mut self, origin: u32, now: f64, after: &mut After<L>) -> Option<Grant<L>> {
        if self.is_closed {
            return None;
        }
        let entry = self.origins.entry(origin).or_default();
        while let Some(index) = entry.idle.newest() {
            let is_expired = self.connections.since(index) + self.bounds.expiry <= now;
            self.connections.wake(index, &mut entry.idle);
            if !is_expired && let Some(link) = self.connections.link(index) {
                entry.in_use += 1;
                self.in_use += 1;
                return Some(Grant::Connection(index, link));
            }
            after.close.extend(self.connections.remove(index));
        }
        if entry.in_use < self.bounds.per_origin && self.in_use < self.bounds.all {
            entry.in_use += 1;
            self.in_use += 1;
            self.make_room(after);
            return Some(Grant::Permit);
        }
        self.forget_if_unused(origin);
        None
    }

    /// Closes the oldest idle connection if there is one too many.
    fn make_room(&mut self, after: &mut After<L>) {
        if self.in_use + self.connections.idle() > self.bounds.all
            && let Some((index, _)) = self.connections.oldest()
        {
            self.drop_idle(index, after);
        }
    }

    /// Takes an idle connection out.
    pub fn drop_idle(&mut self, index: u32, after: &mut After<L>) {
        let origin = self.connections.origin(index);
        let entry = self.origins.entry(origin).or_default();
        self.connections.wake(index, &mut entry.idle);
        after.close.extend(self.connections.remove(index));
        self.forget_if_unused(origin);
    }

    /// A place that was in use is free.
    pub fn leave(&mut self, origin: u32, after: &mut After<L>) {
        self.end_use(origin);
        self.forget_if_unused(origin);
        self.serve(after);
    }

    /// A connection that was in use is idle.
    pub fn rest(&mut self, index: u32, origin: u32, now: f64, after: &mut After<L>) {
        self.end_use(origin);
        let entry = self.origins.entry(origin).or_default();
        self.connections.rest(index, now, &mut entry.idle);
        self.serve(after);
        while self.connections.idle() > self.bounds.idle
            && let Some((index, _)) = self.connections.oldest()
        {
            self.drop_idle(index, after);
        }
    }

    fn end_use(&mut self, origin: u32) {
        self.in_use -= 1;
        let entry = self.origins.entry(origin).or_default();
        entry.in_use -= 1;
        if !self.waiters.is_empty() && entry.in_use + 1 == self.bounds.per_origin {
            self.mark_ready(origin);
        }
    }

    fn forget_if_unused(&mut self, origin: u32) {
        if self.origins.get(&origin).is_some_and(|entry| entry.in_use == 0 && entry.idle.is_empty())
        {
            self.origins.remove(&origin);
        }
    }

    fn is_at_bound(&self, origin: u32) -> bool {
        let in_use = self.origins.get(&origin).map_or(0, |entry| entry.in_use);
        in_use >= self.bounds.per_origin
    }

    /// The first waiter of this origin can be served.
    fn mark_ready(&mut self, origin: u32) {
        if let Some((&(_, ticket), _)) = self.waiters.range((origin, 0)..=(origin, u64::MAX)).next()
        {
            self.ready.insert((ticket, origin));
        }
    }

    /// Gives free places to those who wait, in the order in which they came; who waits for an
    /// origin that has reached its bound is passed over.
    fn serve(&mut self, after: &mut After<L>) {
        // There is room for one more, if need be in exchange for an idle connection.
        while self.in_use < self.bounds.all
            && let Some(&(ticket, origin)) = self.ready.first()
        {
            // A connection that has just become idle is the newest, and not expired.
            let Some(grant) = self.take(origin, f64::NEG_INFINITY, after) else { return };
            if let Some(waiter) = self.remove_waiter(origin, ticket) {
                after.wake.extend(waiter.grant(grant));
            }
        }
    }

    /// Takes a waiter out of the queue; the next one of its origin may be ready then.
    pub fn remove_waiter(&mut self, origin: u32, ticket: u64) -> Option<Rc<Waiter<L>>> {
        let was_ready = self.ready.remove(&(ticket, origin));
        let waiter = self.waiters.remove(&(origin, ticket));
        if was_ready && !self.is_at_bound(origin) {
            self.mark_ready(origin);
        }
        waiter
    }

    /// Puts a waiter at the end of the queue. Returns its ticket.
    pub fn enqueue(&mut self, origin: u32, waiter: Rc<Waiter<L>>, after: &mut After<L>) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.waiters.insert((origin, ticket), waiter);
        if !self.is_at_bound(origin) {
            self.mark_ready(origin);
        }
        // Something may have become free since the caller has looked.
        self.serve(after);
        ticket
    }

    /// Nothing is given any more: whoever waits is told so.
    pub fn close(&mut self, after: &mut After<L>) {
        self.is_closed = true;
        self.ready.clear();
        for waiter in std::mem::take(&mut self.waiters).into_values() {
            after.wake.extend(waiter.refuse());
        }
        self.close_idle(after);
    }

    /// When the oldest idle connection expires.
    pub fn next_expiry(&self) -> Option<f64> {
        self.connections.oldest().map(|(_, since)| since + self.bounds.expiry)
    }

    /// Takes out the idle connections that have expired.
    pub fn expire(&mut self, now: f64, after: &mut After<L>) {
        while let Some((index, since)) = self.connections.oldest()
            && since + self.bounds.expiry <= now
        {
            self.drop_idle(index, after);
        }
    }

    pub fn close_idle(&mut self, after: &mut After<L>) {
        while let Some((index, _)) = self.connections.oldest() {
            self.drop_idle(index, after);
        }
    }
}

/// Spreads the small numbers that origins are over the table: Fibonacci hashing.
#[derive(Default)]
pub(super) struct Scatter(u64);

impl Hasher for Scatter {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}
