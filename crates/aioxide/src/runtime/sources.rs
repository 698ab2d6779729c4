//! Descriptors that the loop watches, and who waits for them.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use aioxide_engine::{Event, Events, Interest, Poller, Trigger};

use super::{Loop, current, no_loop};

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Read,
    Write,
}

/// The descriptors that are watched.
#[derive(Default)]
pub(super) struct Sources {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

struct Slot {
    /// Tells an event for this source from one for a source that has had the slot before.
    generation: u32,
    source: Option<Rc<Source>>,
}

/// One descriptor. It is watched by edges, so a direction is ready until an operation was
/// refused (or has shown that nothing is left), and becomes ready by an event.
pub(crate) struct Source {
    token: u64,
    home: Weak<Loop>,
    poller: Arc<Poller>,
    readable: Side,
    writable: Side,
    /// The peer has ended its side: a short read does not mean that the socket is empty.
    has_hung_up: Cell<bool>,
    /// Writing is watched from the moment on when somebody first waits for it: a new socket is
    /// writable, which would be reported for nothing.
    watches_writing: Cell<bool>,
}

struct Side {
    is_ready: Cell<bool>,
    waiting: RefCell<Waiting>,
}

/// The wakers of those that wait; most often there is one.
#[derive(Default)]
struct Waiting {
    first: Option<Waker>,
    rest: Vec<Waker>,
}

impl Waiting {
    fn contains(&self, waker: &Waker) -> bool {
        self.first.iter().chain(&self.rest).any(|it| it.will_wake(waker))
    }

    fn add(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.rest.push(waker),
        }
    }
}

impl Side {
    fn new() -> Self {
        Self { is_ready: Cell::new(true), waiting: RefCell::default() }
    }

    fn register(&self, waker: &Waker) {
        if !self.waiting.borrow().contains(waker) {
            let waker = waker.clone();
            self.waiting.borrow_mut().add(waker);
        }
    }

    /// It is ready: wakes those that wait.
    fn report(&self) {
        self.is_ready.set(true);
        let Waiting { first, rest } = self.waiting.take();
        first.into_iter().chain(rest).for_each(Waker::wake);
    }
}

impl Sources {
    pub(super) fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }

    fn reserve(&mut self) -> u64 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, source: None });
            self.slots.len() as u32 - 1
        });
        // The greatest token of all is the poller's own; a generation never gets there.
        u64::from(self.slots[slot as usize].generation) << 32 | u64::from(slot)
    }

    fn find(&mut self, token: u64) -> Option<&mut Slot> {
        let (slot, generation) = (token as u32, (token >> 32) as u32);
        self.slots.get_mut(slot as usize).filter(|it| it.generation == generation)
    }

    fn remove(&mut self, token: u64) -> Option<Rc<Source>> {
        let slot = self.find(token)?;
        slot.generation = (slot.generation + 1) % (u32::MAX - 1);
        let source = slot.source.take();
        self.free.push(token as u32);
        source
    }
}

impl Loop {
    /// Begins to watch a descriptor, for reading at first.
    pub(crate) fn watch(self: &Rc<Self>, descriptor: BorrowedFd<'_>) -> io::Result<Rc<Source>> {
        let Some(poller) = self.engine.borrow().open_poller().cloned() else {
            return Err(io::Error::other("the loop is closed"));
        };
        let token = self.sources.borrow_mut().reserve();
        if let Err(error) = poller.add(descriptor, token, Interest::READ, Trigger::Edge) {
            self.sources.borrow_mut().remove(token);
            return Err(error);
        }
        let source = Rc::new(Source {
            token,
            home: Rc::downgrade(self),
            poller,
            readable: Side::new(),
            writable: Side::new(),
            has_hung_up: Cell::new(false),
            watches_writing: Cell::new(false),
        });
        if let Some(slot) = self.sources.borrow_mut().find(token) {
            slot.source = Some(Rc::clone(&source));
        }
        Ok(source)
    }

    /// Wakes those that wait for what the poller has reported. True if there was anything.
    pub(super) fn report(&self, events: &Events) -> bool {
        for event in events.iter() {
            let source =
                self.sources.borrow_mut().find(event.token).and_then(|it| it.source.clone());
            if let Some(source) = source {
                source.report(event);
            }
        }
        !events.is_empty()
    }
}

impl Source {
    fn report(&self, event: Event) {
        if event.hangup || event.error {
            self.has_hung_up.set(true);
        }
        if event.readable {
            self.readable.report();
        }
        if event.writable {
            self.writable.report();
        }
    }

    fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Read => &self.readable,
            Direction::Write => &self.writable,
        }
    }

    /// Ready if an operation in `direction` may succeed. If not, the task is woken when it may.
    ///
    /// # Panics
    ///
    /// If no loop runs on this thread.
    pub(crate) fn poll_ready(
        &self,
        descriptor: BorrowedFd<'_>,
        direction: Direction,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(running) = current() else { no_loop("waiting for a descriptor") };
        if !std::ptr::eq(self.home.as_ptr(), Rc::as_ptr(&running)) {
            return Poll::Ready(Err(io::Error::other(
                "the descriptor belongs to another loop, which has ended",
            )));
        }
        let side = self.side(direction);
        if side.is_ready.get() {
            if running.spend(context.waker()) {
                return Poll::Ready(Ok(()));
            }
            return Poll::Pending;
        }
        side.register(context.waker());
        if direction == Direction::Write && !self.watches_writing.get() {
            if let Err(error) =
                self.poller.modify(descriptor, self.token, Interest::BOTH, Trigger::Edge)
            {
                return Poll::Ready(Err(error));
            }
            self.watches_writing.set(true);
        }
        Poll::Pending
    }

    /// An operation was refused: the direction is ready again by the next event.
    pub(crate) fn is_blocked(&self, direction: Direction) {
        self.side(direction).is_ready.set(false);
    }

    /// A read of a stream socket was short: nothing is left, unless the peer has ended its side.
    pub(crate) fn was_emptied(&self) {
        if !self.has_hung_up.get() {
            self.readable.is_ready.set(false);
        }
    }

    /// Ends watching. Must be called before the descriptor is closed.
    pub(crate) fn forget(&self, descriptor: BorrowedFd<'_>) {
        let home = self.home.upgrade();
        if home.as_ref().is_some_and(|it| it.is_inherited()) {
            return; // The parent watches it by the same poller.
        }
        let removed = home.map(|home| home.sources.borrow_mut().remove(self.token));
        // It is no longer registered if other code has closed the number.
        let _ = self.poller.remove(descriptor);
        drop(removed);
    }
}
