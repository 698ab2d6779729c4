//! The order of an iteration.
//!
//! An event loop repeats one iteration:
//!
//! 1. **Compute how long the poll may wait**: not at all if anything is ready,
//!    else until the nearest timer, else without limit: [`Engine::prepare`].
//!    Timers that are close together share a wake-up, at most half a
//!    millisecond after the deadline.
//! 2. **Poll.** The caller does this, with [`Poller::wait`], because a caller
//!    with a lock of its own (the GIL) has to release it around a wait.
//! 3. **Append readiness events, then due timers**, to the ready queue: the
//!    caller schedules the events, [`Engine::collect`] the timers.
//! 4. **Run exactly what is ready at this point**: call
//!    [`Engine::next_ready`] as many times as `collect` returned. Items that
//!    these schedule run in the next iteration, so that no chain of callbacks
//!    can starve the poller.
//!
//! Items from other threads join the ready queue in steps 1 and 3.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use crate::{Cancellable, Clock, Inbox, Interleaving, Poller, Timers};

mod wakeups;

use wakeups::Wakeups;

#[cfg(test)]
mod tests;

/// A timer whose deadline is less than this many seconds away is due. This is
/// the resolution of the clock: a shorter wait would return before the clock
/// has moved.
const CLOCK_RESOLUTION: f64 = 1e-9;

/// How long a poll may wait.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Wait {
    /// It may not: something is ready or due.
    Poll,
    /// Until the nearest timer is due. With a virtual clock, poll without
    /// waiting and then call [`Engine::skip_to_next_deadline`].
    Until(Duration),
    /// Until a file descriptor is ready or another thread sends something.
    Forever,
}

impl Wait {
    /// As the timeout of [`Poller::wait`] with a real clock.
    #[inline]
    pub fn timeout(self) -> Option<Duration> {
        match self {
            Self::Poll => Some(Duration::ZERO),
            Self::Until(duration) => Some(duration),
            Self::Forever => None,
        }
    }
}

/// One loop's engine: ready queue, timers, inbox, clock and poller.
///
/// Belongs to the loop's thread; [`poller`](Engine::poller) and
/// [`inbox`](Engine::inbox) may be shared with other threads. Like
/// [`Timers`], it drops no item inside a `&mut self` method.
pub struct Engine<T> {
    ready: VecDeque<T>,
    timers: Timers<T>,
    wakeups: Wakeups,
    /// Shared with the threads that send to the loop.
    inbox: Arc<Inbox<T>>,
    clock: Clock,
    /// Shared so that the caller can wait on it while the engine is in use.
    /// None once the engine is closed.
    poller: Option<Arc<Poller>>,
    /// Changes the order of each iteration, for tests.
    interleaving: Option<Box<Interleaving<T>>>,
    /// The time that the next step uses in place of the clock's, in seconds.
    now_override: Option<f64>,
}

impl<T: Cancellable> Engine<T> {
    /// An empty engine whose timers use `clock`.
    ///
    /// # Errors
    ///
    /// When the process is out of file descriptors.
    pub fn new(clock: Clock) -> io::Result<Self> {
        let poller = Poller::new()?;
        Ok(Self {
            ready: VecDeque::new(),
            timers: Timers::new(),
            wakeups: Wakeups::new(),
            inbox: Arc::new(Inbox::new(poller.waker())),
            clock,
            poller: Some(Arc::new(poller)),
            interleaving: None,
            now_override: None,
        })
    }

    /// Replaces the clock of the timers. Call it before a timer is scheduled:
    /// existing deadlines are not converted.
    pub fn use_clock(&mut self, clock: Clock) {
        self.clock = clock;
        self.wakeups = Wakeups::new();
    }

    /// Uses `now`, in seconds, in place of the clock for the next call of
    /// [`prepare`](Self::prepare) or [`collect`](Self::collect): for callers
    /// with a clock of their own.
    pub fn override_now(&mut self, now: f64) {
        self.now_override = Some(now);
    }

    #[inline]
    fn now(&mut self) -> f64 {
        self.now_override.take().unwrap_or_else(|| self.clock.now())
    }

    /// From now on, runs the items of an iteration in an order drawn by
    /// `interleaving`.
    pub fn interleave(&mut self, interleaving: Interleaving<T>) {
        self.interleaving = Some(Box::new(interleaving));
    }

    /// Appends `item` to the ready queue.
    #[inline]
    pub fn schedule(&mut self, item: T) {
        self.ready.push_back(item);
    }

    /// Schedules `item` for when the clock reaches `deadline`, in seconds.
    #[inline]
    pub fn schedule_at(&mut self, deadline: f64, item: T) {
        self.timers.insert(deadline, item);
    }

    /// Removes the oldest item of the ready queue.
    #[inline]
    pub fn next_ready(&mut self) -> Option<T> {
        self.ready.pop_front()
    }

    /// How many items are ready.
    #[inline]
    pub fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// How many timers are scheduled.
    pub fn timer_count(&self) -> usize {
        self.timers.len()
    }

    /// Whether anything is ready, has arrived in the inbox or is scheduled for
    /// later. Cancelled timers that have not been removed yet count.
    pub fn has_work(&self) -> bool {
        !(self.ready.is_empty() && self.inbox.is_empty() && self.timers.is_empty())
    }

    /// The poller: descriptors are registered with it, and step 2 waits on it.
    ///
    /// # Panics
    ///
    /// After [`Engine::close`].
    #[inline]
    pub fn poller(&self) -> &Arc<Poller> {
        self.poller.as_ref().expect("the engine is open")
    }

    /// The same, or None after [`Engine::close`].
    pub fn open_poller(&self) -> Option<&Arc<Poller>> {
        self.poller.as_ref()
    }

    /// The queue that other threads send to.
    #[inline]
    pub fn inbox(&self) -> &Arc<Inbox<T>> {
        &self.inbox
    }

    /// The clock that the timers use.
    #[inline]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The scheduled timers.
    #[inline]
    pub fn timers(&mut self) -> &mut Timers<T> {
        &mut self.timers
    }

    /// Step 1: moves what other threads have sent to the ready queue, and
    /// returns how long the poll may wait. Cancelled timers before the nearest
    /// live one are moved to `deferred`.
    #[inline]
    pub fn prepare(&mut self, deferred: &mut Vec<T>) -> Wait {
        self.inbox.drain_into(&mut self.ready);
        if !self.ready.is_empty() {
            return Wait::Poll;
        }
        match self.timers.next_timer(deferred) {
            None => Wait::Forever,
            Some((f64::INFINITY, _)) => Wait::Forever,
            Some((deadline, sequence)) => self.wait_for_timer(deadline, sequence),
        }
    }

    fn wait_for_timer(&mut self, deadline: f64, sequence: u64) -> Wait {
        // Nobody is woken by a virtual clock, or by one of the caller's.
        let is_real = !self.clock.is_virtual() && self.now_override.is_none();
        let now = self.now();
        if deadline <= now + CLOCK_RESOLUTION {
            return Wait::Poll;
        }
        let due = if is_real { self.wakeups.due(deadline, sequence) } else { deadline };
        // Only a wait too long for a `Duration` cannot be converted.
        Wait::Until(Duration::try_from_secs_f64(due - now).unwrap_or(Duration::MAX))
    }

    /// Step 2 of a loop with a virtual clock, after a poll that did not wait:
    /// moves the clock to the nearest deadline if nothing is ready. With a real
    /// clock it does nothing.
    ///
    /// Cancelled timers before the nearest live one are moved to `deferred`.
    pub fn skip_to_next_deadline(&mut self, deferred: &mut Vec<T>) {
        if !self.clock.is_virtual() || !self.ready.is_empty() || !self.inbox.is_empty() {
            return;
        }
        let next = self.timers.next_deadline(deferred);
        if let Some(deadline) = next.filter(|deadline| deadline.is_finite()) {
            self.clock.advance_to(deadline);
        }
    }

    /// Step 3, after the caller has scheduled the items of the readiness
    /// events: appends what other threads have sent, then the due timers.
    /// Returns how many items this iteration may run.
    ///
    /// Cancelled timers before the nearest live one are moved to `deferred`.
    #[inline]
    pub fn collect(&mut self, deferred: &mut Vec<T>) -> usize {
        self.inbox.drain_into(&mut self.ready);
        if self.interleaving.is_some() {
            return self.collect_interleaved(deferred);
        }
        if !self.timers.is_empty() {
            let now = self.now();
            let before = self.ready.len();
            while let Some(item) = self.timers.pop_due(now + CLOCK_RESOLUTION, deferred) {
                self.ready.push_back(item);
            }
            if self.ready.len() > before {
                self.wakeups.note(now, self.timers.next_sequence());
            }
        }
        self.ready.len()
    }

    /// The same in another order: timers with equal deadlines are shuffled, then
    /// everything that is ready is reordered within its ordering keys.
    #[cold]
    fn collect_interleaved(&mut self, deferred: &mut Vec<T>) -> usize {
        let Some(interleaving) = &mut self.interleaving else {
            return self.ready.len();
        };
        let now_override = self.now_override.take();
        let end = now_override.unwrap_or_else(|| self.clock.now()) + CLOCK_RESOLUTION;
        let mut due = Vec::new();
        while let Some(deadline) = self.timers.next_deadline(deferred).filter(|it| *it <= end) {
            while let Some(item) = self.timers.pop_due(deadline, deferred) {
                due.push(item);
            }
            interleaving.shuffle(&mut due);
            self.ready.extend(due.drain(..));
        }
        interleaving.reorder(&mut self.ready);
        self.ready.len()
    }

    /// The ready items, in the order in which they will run.
    pub fn ready(&self) -> impl Iterator<Item = &T> {
        self.ready.iter()
    }

    /// Every item that is ready or scheduled for later, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.ready.iter().chain(self.timers.iter())
    }

    /// In the child of a `fork`, before anything else: replaces the poller and
    /// the inbox, which the child shares with its parent, by new ones. Nothing
    /// is registered with the new poller. Scheduled items stay; what other
    /// threads had sent becomes ready.
    ///
    /// A closed engine stays closed.
    ///
    /// # Errors
    ///
    /// When the process is out of file descriptors. The engine has no poller
    /// then, and must be closed.
    pub fn renew_after_fork(&mut self) -> io::Result<()> {
        // Closed first, so that two descriptors are left for the new one.
        if self.poller.take().is_none() {
            return Ok(());
        }
        let poller = Poller::new()?;
        let inbox = Arc::new(Inbox::new(poller.waker()));
        self.poller = Some(Arc::new(poller));
        let inherited = mem::replace(&mut self.inbox, inbox);
        self.ready.extend(Inbox::inherited(inherited));
        Ok(())
    }

    /// Removes and returns every item, in the order in which it would have run,
    /// drops the poller and closes the inbox: later pushes return their item to
    /// the sender.
    pub fn close(&mut self) -> Vec<T> {
        self.poller = None;
        let mut all = Vec::from(mem::take(&mut self.ready));
        all.extend(self.inbox.close());
        all.extend(self.timers.take_all());
        all
    }
}
