//! What a thread of the pool does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::{Job, Shared, State};

/// One thread's part in a pool. Counts as one of the pool's threads until it
/// is dropped or has run to its end.
pub struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) index: usize,
    pub(super) has_begun: bool,
}

impl Worker {
    /// Its number, counted from 0 in the order in which threads were started.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Runs jobs on this thread until the pool is shut down and empty.
    ///
    /// `park` is called with the blocking wait and must call it once: whoever
    /// holds a lock of his own while jobs run lets go of it around that call.
    /// A job that panics does not end the worker.
    pub fn run(mut self, park: impl Fn(&mut dyn FnMut())) {
        self.begin();
        while let Some(job) = self.next_job(&park) {
            // The panic hook has reported it; there is nobody else to tell.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    fn begin(&mut self) {
        self.has_begun = true;
        self.shared.lock().starting -= 1;
    }

    /// The oldest job, or `None` when there will be no more.
    fn next_job(&self, park: &impl Fn(&mut dyn FnMut())) -> Option<Job> {
        {
            let mut state = self.shared.lock();
            if let Some(queued) = state.queue.pop_front() {
                state.finished();
                return Some(queued.job);
            }
            if state.shut_down {
                state.finished();
                return None;
            }
        }
        let mut job = None;
        // The mutex is released before `park` takes the caller's lock again:
        // held together, the two would deadlock with a caller that submits.
        park(&mut || job = self.wait_for_job());
        job
    }

    fn wait_for_job(&self) -> Option<Job> {
        let mut state = self.spin_for_job(self.shared.lock());
        state.finished();
        state.idle += 1;
        while state.queue.is_empty() && !state.shut_down {
            state =
                self.shared.work_or_shutdown.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.idle -= 1;
        state.queue.pop_front().map(|queued| queued.job)
    }

    /// Looks for a moment whether there will be something to do, if that pays.
    /// Whoever submits it meanwhile need not wake this thread.
    fn spin_for_job<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let shared = &self.shared;
        let in_vain = state.spinning || state.shut_down || !state.queue.is_empty();
        let busy = state.threads - state.idle;
        if in_vain || !state.spin.is_due(busy) {
            return state;
        }
        state.finishes();
        state.spinning = true;
        let mut spin = state.spin;
        shared.has_work.store(false, Ordering::Relaxed);
        drop(state);
        spin.spin(|| shared.has_work.load(Ordering::Acquire));
        let mut state = shared.lock();
        state.spinning = false;
        state.spin = spin;
        state
    }
}

/// The end of a worker, on every path: it ran to its end, its thread could not
/// be started, or `park` panicked.
impl Drop for Worker {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.finished();
        state.threads -= 1;
        if !self.has_begun {
            state.starting -= 1;
        }
        if state.threads > 0 || !state.shut_down {
            return;
        }
        let callbacks = std::mem::take(&mut state.on_idle);
        drop(state);
        for callback in callbacks {
            // A panic out of `drop` could end the process.
            let _ = catch_unwind(AssertUnwindSafe(callback));
        }
    }
}
