//! The end of a loop: what is left is cancelled, cleaned up and dropped.

use std::collections::HashSet;
use std::io;
use std::rc::Rc;
use std::sync::mpsc;

use super::iteration::Iterations;
use super::{Item, Loop};

/// How often tasks that were spawned during the end are cancelled. What is left then is dropped
/// without clean-up: a destructor that spawns a task may do so for ever.
const MAX_ROUNDS: usize = 100;

/// How many of these are dropped. What is spawned after that is leaked: it could only spawn again.
const MAX_DROPPED: usize = 1_000;

impl Loop {
    /// The main future has ended: cancels all tasks, and runs until they have ended.
    pub(super) fn end_tasks(&self, iterations: &mut Iterations) -> io::Result<()> {
        for _ in 0..MAX_ROUNDS {
            let mut left: HashSet<u64> = HashSet::new();
            for task in self.all_tasks() {
                left.insert(task.header().id());
                task.header().cancel();
            }
            if left.is_empty() {
                return Ok(());
            }
            while self.all_tasks_of(&left) {
                self.iterate(iterations, &mut |_| true)?;
            }
        }
        Ok(())
    }

    /// Whether one of these tasks has not ended.
    fn all_tasks_of(&self, ids: &HashSet<u64>) -> bool {
        self.tasks.borrow().iter().any(|task| ids.contains(&task.header().id()))
    }

    /// Drops everything that is left, and waits for the threads. After this the loop takes
    /// nothing any more.
    pub(super) fn close(&self) {
        let mut late = self.tasks.borrow().len() + MAX_DROPPED;
        loop {
            // Each in turn, without a borrow: destructors may spawn and wake.
            let next = self.tasks.borrow().iter().next().cloned();
            let Some(task) = next else { break };
            late = late.saturating_sub(1);
            self.is_closed.set(late == 0);
            if let Some(key) = task.header().key() {
                let removed = self.tasks.borrow_mut().remove(key);
                drop(removed);
            }
            task.abandon();
        }
        if let Some(pool) = self.pool.get() {
            let (ended, end) = mpsc::channel::<()>();
            pool.shutdown(move || drop(ended));
            // Fails when the callback has dropped the other end: the threads have ended.
            let _ = end.recv();
        }
        let items: Vec<Item> = self.engine.borrow_mut().close();
        drop(items);
    }

    /// In the child of a fork, which has the parent's loop on its stack and wants one of its own:
    /// what the child shares with the parent is replaced, so that no lock of a thread that does
    /// not exist here is ever waited for. The parent's tasks are never polled here.
    pub(super) fn renew_after_fork(self: &Rc<Self>) {
        let nowhere = |_key| {};
        if let Ok(mut tasks) = self.tasks.try_borrow_mut() {
            tasks.renew_after_fork(nowhere);
        }
    }
}
