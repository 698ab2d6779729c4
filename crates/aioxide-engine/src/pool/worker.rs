//! One thread of the pool: take a job, run it, wait for the next one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::{Job, Shared, State};

/// One thread of a pool, given to the function that starts it. Counts as a
/// thread of the pool until it is dropped or [`run`](Worker::run) returns.
pub struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) index: usize,
    pub(super) has_begun: bool,
}

impl Worker {
    /// Its number: 0 for the first thread that the pool started, and so on.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Runs jobs on this thread until the pool is shut down and empty.
    ///
    /// `park` is called with the blocking wait and must call it once. If jobs
    /// run under a lock of the caller's (the GIL), `park` releases it around
    /// that call. A job that panics does not end the worker.
    pub fn run(mut self, park: impl Fn(&mut dyn FnMut())) {
        self.begin();
        while let Some(job) = self.next_job(&park) {
            // The panic hook has reported it.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    fn begin(&mut self) {
        self.has_begun = true;
        self.shared.lock().starting -= 1;
    }

    /// The oldest job, or `None` after shutdown when the queue is empty.
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
        // The mutex is released before `park` takes the caller's lock again. If
        // both were held, they would deadlock with a thread that submits under
        // the caller's lock.
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

    /// Spins for a moment for the next job, if that pays. A job that is submitted
    /// meanwhile needs no wake-up call.
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
