//! One iteration: what was woken, the poll, due timers, and then all of it once.
//!
//! The order is the engine's (`aioxide_engine::iteration`). What is special here: a poll is left
//! out while tasks are ready, at most until [`MAX_UNPOLLED`] of them have run.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Context;
use std::time::Instant;

use aioxide_engine::futures::Key;
use aioxide_engine::{Events, Idle, Outside, Wait};

use super::{BUDGET, Item, Loop};
use crate::task::{Runnable, Turn};

/// How many items run before descriptors are looked at again.
const MAX_UNPOLLED: usize = 64;

/// How many events one poll takes.
const EVENTS: usize = 256;

/// Buffers that all iterations of a run use.
pub(super) struct Iterations {
    events: Events,
    deferred: Vec<Item>,
    woken: Vec<Key>,
    /// How many items have run since the last poll.
    unpolled: usize,
}

impl Iterations {
    pub(super) fn new() -> Self {
        Self {
            events: Events::with_capacity(EVENTS),
            deferred: Vec::new(),
            woken: Vec::new(),
            unpolled: 0,
        }
    }
}

impl Loop {
    /// Runs one iteration. `poll_main` polls the main future, and says whether it has ended.
    ///
    /// # Errors
    ///
    /// Those of the poller. None is to be expected.
    ///
    /// # Panics
    ///
    /// In the child of a fork, and when no task can ever go on (with a virtual clock, which is
    /// how it is known).
    pub(super) fn iterate(
        &self,
        buffers: &mut Iterations,
        poll_main: &mut dyn FnMut(&mut Context<'_>) -> bool,
    ) -> io::Result<()> {
        assert!(
            !self.is_inherited(),
            "this loop belongs to the process that was forked: a child has to run a new one"
        );
        self.schedule_woken(&mut buffers.woken);
        let wait = self.engine.borrow_mut().prepare(&mut buffers.deferred);
        if wait != Wait::Poll || self.is_poll_due(buffers.unpolled) {
            buffers.unpolled = 0;
            self.poll_descriptors(wait, buffers)?;
            self.schedule_woken(&mut buffers.woken);
        }
        let count = self.engine.borrow_mut().collect(&mut buffers.deferred);
        buffers.deferred.clear();
        buffers.unpolled += count;
        for _ in 0..count {
            let item = self.engine.borrow_mut().next_ready();
            match item {
                Some(Item::Poll(key)) => self.poll_task(key, poll_main),
                Some(Item::Ring(alarm)) => self.ring(alarm),
                None => break,
            }
        }
        Ok(())
    }

    /// Moves what was woken on this thread to the end of the ready queue.
    fn schedule_woken(&self, woken: &mut Vec<Key>) {
        self.tasks.borrow().take_woken_into(woken);
        if !woken.is_empty() {
            let mut engine = self.engine.borrow_mut();
            woken.drain(..).for_each(|key| engine.schedule(Item::Poll(key)));
        }
    }

    fn is_poll_due(&self, unpolled: usize) -> bool {
        unpolled >= MAX_UNPOLLED && !self.sources.borrow().is_empty()
    }

    fn poll_descriptors(&self, wait: Wait, buffers: &mut Iterations) -> io::Result<()> {
        if self.virtual_time.borrow().is_some() {
            return self.poll_virtually(wait, buffers);
        }
        self.wait_for_events(wait.timeout(), &mut buffers.events).map(drop)
    }

    /// Waits, and wakes those that have waited. True if anything has come.
    fn wait_for_events(
        &self,
        timeout: Option<std::time::Duration>,
        events: &mut Events,
    ) -> io::Result<bool> {
        let poller = self.engine.borrow().poller().clone();
        match poller.wait(events, timeout) {
            Ok(()) => Ok(self.report(events)),
            // A signal; whoever handles it has been told.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The same for a clock that stands still while something may come from outside, and jumps
    /// to the next deadline when nothing can.
    fn poll_virtually(&self, wait: Wait, buffers: &mut Iterations) -> io::Result<()> {
        let any = self.wait_for_events(Some(std::time::Duration::ZERO), &mut buffers.events)?;
        if any || wait == Wait::Poll || self.tasks.borrow().has_woken() {
            return Ok(());
        }
        let outside = match self.outside.get() {
            0 if self.sources.borrow().is_empty() => Outside::Nothing,
            0 => Outside::Possible,
            _ => Outside::Certain,
        };
        let idle = match self.virtual_time.borrow_mut().as_mut() {
            Some(time) => self.engine.borrow_mut().idle(time, outside, &mut buffers.deferred),
            None => Idle::GoOn,
        };
        match idle {
            Idle::GoOn => Ok(()),
            Idle::Wait(limit) => {
                let begin = Instant::now();
                let any = self.wait_for_events(limit, &mut buffers.events)?;
                let took = begin.elapsed().as_secs_f64();
                let any = any || !self.engine.borrow().inbox().is_empty();
                if let Some(time) = self.virtual_time.borrow_mut().as_mut() {
                    time.waited(took, any);
                }
                Ok(())
            }
            Idle::Deadlock => self.panic_as_stuck(),
        }
    }

    /// Polls one task, unless it has ended or nothing has woken it.
    fn poll_task(&self, key: Key, poll_main: &mut dyn FnMut(&mut Context<'_>) -> bool) {
        let (task, waker) = {
            let mut tasks = self.tasks.borrow_mut();
            let Some(task) = tasks.begin(key) else { return };
            (task, tasks.waker(key))
        };
        self.budget.set(BUDGET);
        self.polled.replace(Some(Rc::clone(&task)));
        let mut context = Context::from_waker(&waker);
        let has_ended = match task.poll(&mut context) {
            Turn::Pending => false,
            Turn::Ended => true,
            Turn::Main => poll_main(&mut context),
        };
        drop(self.polled.take());
        self.put_back(key, task, has_ended);
    }

    fn put_back(&self, key: Key, task: Rc<dyn Runnable>, has_ended: bool) {
        let left = if has_ended {
            self.tasks.borrow_mut().finish(key);
            Some(task)
        } else {
            match self.tasks.borrow_mut().suspend(key, task) {
                Ok(false) => None,
                Ok(true) => {
                    self.engine.borrow_mut().schedule(Item::Poll(key));
                    None
                }
                Err(removed) => Some(removed),
            }
        };
        // Without a handle this drops the result, whose destructor may panic. The panic hook has
        // reported it; the other tasks go on.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(left)));
    }
}
