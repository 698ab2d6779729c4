//! When a worker may ask for the GIL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often a worker steps aside at most.
const MAX_YIELDS: usize = 50;

/// And for how long: where other processes want the processor, stepping aside once
/// may take milliseconds.
const PATIENCE: Duration = Duration::from_micros(100);

/// Between a loop and its workers, who both want the GIL.
///
/// It tells workers that the loop, which has just given them a job, still holds
/// the GIL and is about to let it go. A worker that asked for the GIL at once would
/// go to sleep on it, and the loop would have to wake it up a second time: that is
/// half of what a call in a thread costs. It only steps aside for a moment. If the
/// loop has other things to do, the worker asks all the same, so that nothing is
/// late by more than that, and whoever blocks the loop's thread without the GIL
/// blocks nobody else.
///
/// And it tells the loop that there are calls, so that one that is too busy to
/// wait lets the GIL go in each iteration. Otherwise a call would have to wait for the
/// interpreter to take it away, each time it wants it.
#[derive(Clone, Default)]
pub struct GilHandoff(Arc<State>);

#[derive(Default)]
struct State {
    gil_held: AtomicBool,
    /// Calls that were handed in and are not over.
    calls: AtomicUsize,
}

/// A call that was handed in; dropped when it is over, or is not to be made.
pub struct PendingCall(GilHandoff);

impl GilHandoff {
    /// There is a job; the GIL is held.
    pub fn begin_call(&self) -> PendingCall {
        self.0.gil_held.store(true, Ordering::Relaxed);
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        PendingCall(self.clone())
    }

    /// The GIL was let go.
    #[inline]
    pub fn released(&self) {
        self.0.gil_held.store(false, Ordering::Relaxed);
    }

    /// In the child of a fork: the threads that had calls are not here.
    pub fn abandon_calls(&self) {
        self.0.calls.store(0, Ordering::Relaxed);
    }

    /// Whether a call may want the GIL.
    #[inline]
    pub fn is_wanted(&self) -> bool {
        self.calls() > 0
    }

    /// How many calls were handed in and are not over.
    #[inline]
    pub fn calls(&self) -> usize {
        self.0.calls.load(Ordering::Relaxed)
    }
}

impl PendingCall {
    /// Waits for a moment as long as the loop still holds the GIL, without the GIL.
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
