//! When a worker thread requests the GIL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often a worker yields its time slice at most.
const MAX_YIELDS: usize = 50;

/// And for how long: if other processes want the processor, one yield may take
/// milliseconds.
const PATIENCE: Duration = Duration::from_micros(100);

/// Coordinates a loop and its workers, which both need the GIL.
///
/// It lets a worker see that the loop, which has just submitted a job, still holds the
/// GIL and is about to release it. A worker that requested the GIL at once would sleep,
/// and the loop would have to wake it up a second time: this is half of the cost of a
/// call in a thread. So the worker yields for a moment. After that it requests the GIL
/// in any case: no call is late by more than this, and a loop's thread that blocks
/// without the GIL delays no worker.
///
/// It also lets the loop see that there are calls, so that a busy loop releases the GIL
/// in each iteration. Otherwise a call would have to wait until the interpreter's switch
/// interval is over, each time that it needs the GIL.
#[derive(Clone, Default)]
pub struct GilHandoff(Arc<State>);

#[derive(Default)]
struct State {
    gil_held: AtomicBool,
    /// The number of submitted calls that are not over.
    calls: AtomicUsize,
}

/// A submitted call; dropped when it is over or was cancelled.
pub struct PendingCall(GilHandoff);

impl GilHandoff {
    /// A call is being submitted by a thread that holds the GIL.
    pub fn begin_call(&self) -> PendingCall {
        self.0.gil_held.store(true, Ordering::Relaxed);
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        PendingCall(self.clone())
    }

    /// The loop has released the GIL.
    #[inline]
    pub fn released(&self) {
        self.0.gil_held.store(false, Ordering::Relaxed);
    }

    /// In the child of a fork, where the threads of the calls do not exist.
    pub fn abandon_calls(&self) {
        self.0.calls.store(0, Ordering::Relaxed);
    }

    /// Whether a call may need the GIL.
    #[inline]
    pub fn is_wanted(&self) -> bool {
        self.calls() > 0
    }

    /// The number of submitted calls that are not over.
    #[inline]
    pub fn calls(&self) -> usize {
        self.0.calls.load(Ordering::Relaxed)
    }
}

impl PendingCall {
    /// Yields until the loop has released the GIL, for a moment at most. Called without
    /// the GIL.
    pub fn wait_for_release(&self) {
        let gil_held = &self.0.0.gil_held;
        let begin = Instant::now();
        for _ in 0..MAX_YIELDS {
            if !gil_held.load(Ordering::Relaxed) || begin.elapsed() > PATIENCE {
                return;
            }
            thread::yield_now();
        }
    }
}

impl Drop for PendingCall {
    fn drop(&mut self) {
        self.0.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}
