//! Which connection the requests to an origin share, and who waits for a stream of it.
//!
//! As long as nobody knows what an origin speaks, one caller connects and the others wait for
//! what comes of it: else each of a hundred requests would make a connection that one is enough
//! for. If it is HTTP/1.1, or the attempt has failed, each goes its own way.
//!
//! An origin that has answered HTTP_1_1_REQUIRED to a request (RFC 9113 §7) is remembered: its later
//! requests are sent over HTTP/1.1, each on a connection of its own.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::{Rc, Weak};
use std::task::{Context, Waker};

use super::{Session, Slot};
use crate::client::{Pool, Runtime};

/// So many origins are remembered as those of HTTP/1.1; then all are asked anew.
const MOST_FALLEN_BACK: usize = 1024;

/// By origin, what its requests share.
pub(in crate::client) struct Sessions<R: Runtime> {
    origins: HashMap<u32, Origin<R>>,
    /// Those that want HTTP/1.1.
    fallen_back: HashSet<u32>,
    next_ticket: u64,
}

struct Origin<R: Runtime> {
    current: Weak<Session<R>>,
    mode: Mode,
    /// By ticket. Tickets rise, so this is a queue.
    queue: BTreeMap<u64, Rc<Waiter<R>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Unknown,
    /// Somebody is connecting.
    Negotiating,
    /// Each request for itself.
    Apart,
}

/// One caller in the queue.
struct Waiter<R: Runtime> {
    slot: Cell<Option<Slot<R>>>,
    waker: Cell<Option<Waker>>,
    /// It waits for a place too, where it is counted.
    has_place_queued: Cell<bool>,
}

/// What a caller is to do.
pub(in crate::client) enum Look<R: Runtime> {
    /// Use this.
    Stream(Slot<R>),
    /// Wait in the queue.
    Wait,
    /// Take a place.
    Free,
}

impl<R: Runtime> Default for Sessions<R> {
    fn default() -> Self {
        Self { origins: HashMap::new(), fallen_back: HashSet::new(), next_ticket: 0 }
    }
}

impl<R: Runtime> Default for Origin<R> {
    fn default() -> Self {
        Self { current: Weak::new(), mode: Mode::Unknown, queue: BTreeMap::new() }
    }
}

impl<R: Runtime> Origin<R> {
    fn open(&self) -> Option<Rc<Session<R>>> {
        self.current.upgrade().filter(|session| session.is_open())
    }
}

impl<R: Runtime> Sessions<R> {
    /// `has_places` tells whether the origin has to do with a place.
    pub fn look(&mut self, origin: u32, has_places: impl FnOnce() -> bool) -> Look<R> {
        if self.has_fallen_back(origin) {
            return Look::Free;
        }
        let Some(entry) = self.origins.get_mut(&origin) else { return Look::Free };
        if let Some(session) = entry.open() {
            return match session.another() {
                Some(slot) => Look::Stream(slot),
                None if session.is_idle() => Look::Free,
                None => Look::Wait,
            };
        }
        match entry.mode {
            Mode::Unknown => Look::Free,
            Mode::Negotiating => Look::Wait,
            Mode::Apart => {
                if entry.queue.is_empty() && !has_places() {
                    entry.mode = Mode::Unknown; // the server may be another one meanwhile
                }
                Look::Free
            }
        }
    }

    /// Whether the origin has said that it wants HTTP/1.1.
    pub fn has_fallen_back(&self, origin: u32) -> bool {
        self.fallen_back.contains(&origin)
    }

    /// Gives streams to those that wait, in the order in which they came. Returns whom to wake.
    fn grant(&mut self, origin: u32) -> Vec<Waker> {
        let mut wake = Vec::new();
        if self.has_fallen_back(origin) {
            return wake;
        }
        let Some(entry) = self.origins.get_mut(&origin) else { return wake };
        if entry.queue.is_empty() {
            return wake;
        }
        let Some(session) = entry.open() else { return wake };
        while let Some(first) = entry.queue.first_entry()
            && let Some(slot) = session.another()
        {
            let waiter = first.remove();
            waiter.slot.set(Some(slot));
            wake.extend(waiter.waker.take());
        }
        wake
    }

    fn wakers(&mut self, origin: u32) -> Vec<Waker> {
        let queue = self.origins.get(&origin).into_iter().flat_map(|entry| entry.queue.values());
        queue.filter_map(|waiter| waiter.waker.take()).collect()
    }

    /// The wakers of all that wait.
    pub fn all_wakers(&mut self) -> Vec<Waker> {
        let queues = self.origins.values().flat_map(|entry| entry.queue.values());
        queues.filter_map(|waiter| waiter.waker.take()).collect()
    }

    /// Whether somebody waits for a stream of this origin.
    pub fn has_waiters(&self, origin: u32) -> bool {
        self.origins.get(&origin).is_some_and(|entry| !entry.queue.is_empty())
    }

    /// How many wait for a stream and for no place.
    pub fn waiting(&self) -> usize {
        let waiters = self.origins.values().flat_map(|entry| entry.queue.values());
        waiters.filter(|waiter| !waiter.has_place_queued.get()).count()
    }
}

/// Gives streams to those that wait.
pub(super) fn serve<R: Runtime>(pool: &Pool<R>, origin: u32) {
    let wake = pool.sessions().borrow_mut().grant(origin);
    wake.into_iter().for_each(Waker::wake);
}

/// From now on the requests to this origin are sent over HTTP/1.1. Those that are under way go on.
pub(super) fn fall_back<R: Runtime>(pool: &Pool<R>, origin: u32) {
    {
        let fallen_back = &mut pool.sessions().borrow_mut().fallen_back;
        if fallen_back.len() >= MOST_FALLEN_BACK {
            fallen_back.clear();
        }
        fallen_back.insert(origin);
    }
    wake_all(pool, origin);
}

/// Has all that wait look again.
pub(super) fn wake_all<R: Runtime>(pool: &Pool<R>, origin: u32) {
    let wake = pool.sessions().borrow_mut().wakers(origin);
    wake.into_iter().for_each(Waker::wake);
}

/// The attempt to connect that others wait for. Dropped without a result, one of them makes the
/// next attempt.
pub(in crate::client) struct Negotiation<R: Runtime> {
    pool: Pool<R>,
    origin: u32,
    after: Mode,
}

impl<R: Runtime> Negotiation<R> {
    /// For a caller that has to connect, unless each does so for itself.
    pub fn begin(pool: &Pool<R>, origin: u32) -> Option<Self> {
        let mut sessions = pool.sessions().borrow_mut();
        if sessions.has_fallen_back(origin) {
            return None;
        }
        let entry = sessions.origins.entry(origin).or_default();
        if entry.mode != Mode::Unknown {
            return None;
        }
        entry.mode = Mode::Negotiating;
        Some(Self { pool: pool.clone(), origin, after: Mode::Unknown })
    }

    /// The origin does not speak HTTP/2, or does not answer.
    pub fn end_apart(mut self) {
        self.after = Mode::Apart;
    }
}

impl<R: Runtime> Drop for Negotiation<R> {
    fn drop(&mut self) {
        if let Some(entry) = self.pool.sessions().borrow_mut().origins.get_mut(&self.origin) {
            entry.mode = self.after;
        }
        wake_all(&self.pool, self.origin);
    }
}

/// From now on the requests to this origin share the connection, unless they share another one.
pub(in crate::client) fn share<R: Runtime>(pool: &Pool<R>, origin: u32, slot: &Slot<R>) {
    let mut sessions = pool.sessions().borrow_mut();
    let entry = sessions.origins.entry(origin).or_default();
    if entry.open().is_none() {
        entry.current = Rc::downgrade(&slot.session);
    }
    if entry.mode == Mode::Apart {
        entry.mode = Mode::Unknown;
    }
}

/// A caller in the queue. Dropping it leaves the queue; a stream that it was given goes to the
/// next.
pub(in crate::client) struct Queued<R: Runtime> {
    pool: Pool<R>,
    origin: u32,
    ticket: u64,
    waiter: Rc<Waiter<R>>,
}

impl<R: Runtime> Queued<R> {
    pub fn join(pool: &Pool<R>, origin: u32) -> Self {
        let waiter = Rc::new(Waiter {
            slot: Cell::new(None),
            waker: Cell::new(None),
            has_place_queued: Cell::new(false),
        });
        let mut sessions = pool.sessions().borrow_mut();
        let ticket = sessions.next_ticket;
        sessions.next_ticket += 1;
        sessions.origins.entry(origin).or_default().queue.insert(ticket, waiter.clone());
        Self { pool: pool.clone(), origin, ticket, waiter }
    }

    pub fn take(&self) -> Option<Slot<R>> {
        self.waiter.slot.take()
    }

    /// To be woken when there is something to look at.
    pub fn wait(&self, cx: &mut Context<'_>, has_place_queued: bool) {
        self.waiter.has_place_queued.set(has_place_queued);
        self.waiter.waker.set(Some(cx.waker().clone()));
    }
}

impl<R: Runtime> Drop for Queued<R> {
    fn drop(&mut self) {
        let mut sessions = self.pool.sessions().borrow_mut();
        if let Some(entry) = sessions.origins.get_mut(&self.origin) {
            entry.queue.remove(&self.ticket);
        }
        drop(sessions);
        drop(self.waiter.slot.take());
    }
}
