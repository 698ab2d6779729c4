//! The order of an iteration.
//!
//! An event loop repeats one iteration:
//!
//! 1. **How long may it wait?** Not at all if anything is ready, else until
//!    the nearest timer, else for ever: [`Engine::prepare`].
//! 2. **Poll.** The caller's, with [`Poller::wait`], because he has to let go
//!    of his own lock around a wait that blocks.
//! 3. **Readiness events, then due timers**, go behind what is already ready:
//!    the caller schedules the former, [`Engine::collect`] the latter.
//! 4. **Run exactly what was ready at this point**: as many
//!    [`Engine::next_ready`] as `collect` said. What these schedule runs in
//!    the next iteration, so that no chain of callbacks can starve the poller.
//!
//! Items from other threads join the ready queue in steps 1 and 3.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use crate::{Cancellable, Clock, Inbox, Interleaving, Poller, Timers};

#[cfg(test)]
mod tests;

/// A timer that is due within this many seconds is due: the resolution of the
/// clock, below which a wait would return before time has moved.
const CLOCK_RESOLUTION: f64 = 1e-9;

/// How long a poll may wait.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Wait {
    /// Not at all: something is ready or due.
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
/// [`inbox`](Engine::inbox) may be shared with others. Like [`Timers`], it
/// drops no item inside a `&mut self` method.
pub struct Engine<T> {
    ready: VecDeque<T>,
    timers: Timers<T>,
    /// Shared with whoever sends to the loop from another thread.
    inbox: Arc<Inbox<T>>,
    clock: Clock,
    /// Shared so that the caller can wait on it while the engine is in use.
    /// None once the engine is closed.
    poller: Option<Arc<Poller>>,
    /// Changes the order of each iteration, for tests.
    interleaving: Option<Box<Interleaving<T>>>,
    /// The time that the next step goes by, if not the clock's.
    now_override: Option<f64>,
}

impl<T: Cancellable> Engine<T> {
    /// An engine with nothing to do, whose timers go by `clock`.
    ///
    /// # Errors
    ///
    /// When the process is out of file descriptors.
    pub fn new(clock: Clock) -> io::Result<Self> {
        let poller = Poller::new()?;
        Ok(Self {
            ready: VecDeque::new(),
            timers: Timers::new(),
            inbox: Arc::new(Inbox::new(poller.waker())),
            clock,
            poller: Some(Arc::new(poller)),
            interleaving: None,
            now_override: None,
        })
    }

    /// Lets the timers go by another clock. There should be none yet: deadlines
    /// stay as they are.
    pub fn use_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// What the timers go by, in seconds, in the step that comes next: the clock of
    /// somebody else.
    pub fn override_now(&mut self, now: f64) {
        self.now_override = Some(now);
    }

    #[inline]
    fn now(&mut self) -> f64 {
        self.now_override.take().unwrap_or_else(|| self.clock.now())
    }

    /// Runs what is ready in one iteration in an order drawn by `interleaving` from
    /// now on.
    pub fn interleave(&mut self, interleaving: Interleaving<T>) {
        self.interleaving = Some(Box::new(interleaving));
    }

    /// Puts `item` behind everything that is ready.
    #[inline]
    pub fn schedule(&mut self, item: T) {
        self.ready.push_back(item);
    }

    /// Lets `item` wait until the clock shows `deadline`, in seconds.
    #[inline]
    pub fn schedule_at(&mut self, deadline: f64, item: T) {
        self.timers.insert(deadline, item);
    }

    /// The item that has been ready for the longest time.
    #[inline]
    pub fn next_ready(&mut self) -> Option<T> {
        self.ready.pop_front()
    }

    /// How many items are ready.
    #[inline]
    pub fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// Whether anything is ready, has arrived in the inbox or waits for its
    /// time; cancelled timers that are still here count.
    pub fn has_work(&self) -> bool {
        !(self.ready.is_empty() && self.inbox.is_empty() && self.timers.is_empty())
    }

    /// Where to register file descriptors, and what to wait on in step 2.
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

    /// The way in for other threads.
    #[inline]
    pub fn inbox(&self) -> &Arc<Inbox<T>> {
        &self.inbox
    }

    /// The clock that the timers go by.
    #[inline]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Everything that waits for its time.
    #[inline]
    pub fn timers(&mut self) -> &mut Timers<T> {
        &mut self.timers
    }

    /// Step 1: takes in what other threads have sent, and says how long the
    /// poll may wait. Cancelled timers in the way are moved to `deferred`.
    #[inline]
    pub fn prepare(&mut self, deferred: &mut Vec<T>) -> Wait {
        self.inbox.drain_into(&mut self.ready);
        if !self.ready.is_empty() {
            return Wait::Poll;
        }
        match self.timers.next_deadline(deferred) {
            None => Wait::Forever,
            Some(deadline) if deadline == f64::INFINITY => Wait::Forever,
            Some(deadline) => wait_until(deadline, self.now()),
        }
    }

    /// Step 2 of a loop with a virtual clock, after a poll that did not wait:
    /// moves the clock to the nearest deadline if nothing else is to be done
    /// before. With a real clock it does nothing.
    ///
    /// Cancelled timers in the way are moved to `deferred`.
    pub fn skip_to_next_deadline(&mut self, deferred: &mut Vec<T>) {
        if !self.clock.is_virtual() || !self.ready.is_empty() || !self.inbox.is_empty() {
            return;
        }
        let next = self.timers.next_deadline(deferred);
        if let Some(deadline) = next.filter(|deadline| deadline.is_finite()) {
            self.clock.advance_to(deadline);
        }
    }

    /// Step 3, after the caller has scheduled what the readiness events ask
    /// for: puts what other threads have sent and then the due timers behind
    /// it. Returns how many items this iteration may run.
    ///
    /// Cancelled timers in the way are moved to `deferred`.
    #[inline]
    pub fn collect(&mut self, deferred: &mut Vec<T>) -> usize {
        self.inbox.drain_into(&mut self.ready);
        if self.interleaving.is_some() {
            return self.collect_interleaved(deferred);
        }
        if !self.timers.is_empty() {
            let end = self.now() + CLOCK_RESOLUTION;
            while let Some(item) = self.timers.pop_due(end, deferred) {
                self.ready.push_back(item);
            }
        }
        self.ready.len()
    }

    /// The same in another order: timers with equal deadlines in any, and then
    /// everything that is ready in one that keeps its promises.
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

    /// What is ready, in the order in which it will run.
    pub fn ready(&self) -> impl Iterator<Item = &T> {
        self.ready.iter()
    }

    /// Everything that is ready or waits for its time, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.ready.iter().chain(self.timers.iter())
    }

    /// In the child of a `fork`, before anything else: exchanges the poller and
    /// the inbox, which the child shares with its parent, for its own. Nothing
    /// is registered with the new poller. What was scheduled stays; what other
    /// threads had sent is ready.
    ///
    /// A closed engine stays closed.
    ///
    /// # Errors
    ///
    /// When the process is out of file descriptors; the engine has no poller
    /// then, and is to be closed.
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

    /// Takes out everything, in the order in which it would have run, lets go
    /// of the poller and closes the inbox: what other threads send from now on
    /// goes back to them.
    pub fn close(&mut self) -> Vec<T> {
        self.poller = None;
        let mut all = Vec::from(mem::take(&mut self.ready));
        all.extend(self.inbox.close());
        all.extend(self.timers.take_all());
        all
    }
}

fn wait_until(deadline: f64, now: f64) -> Wait {
    if deadline <= now + CLOCK_RESOLUTION {
        return Wait::Poll;
    }
    // Only a wait too long for a `Duration` cannot be converted.
    Wait::Until(Duration::try_from_secs_f64(deadline - now).unwrap_or(Duration::MAX))
}
