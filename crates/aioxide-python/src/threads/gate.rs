//! When a worker may ask for the GIL.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// How often a worker steps aside at most.
const MAX_YIELDS: usize = 50;

/// Tells workers that the loop, which has just given them a job, still holds
/// the GIL and is about to let it go.
///
/// A worker that asked for the GIL at once would go to sleep on it, and the
/// loop would have to wake it up a second time: that is half of what a call in
/// a thread costs. It only steps aside for a moment. If the loop has other
/// things to do, the worker asks all the same, so that nothing is late by more
/// than that, and whoever blocks the loop's thread without the GIL blocks
/// nobody else.
#[derive(Clone, Default)]
pub struct Gate(Arc<AtomicBool>);

impl Gate {
    /// There is a job; the GIL is held.
    pub fn close(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The GIL was let go.
    #[inline]
    pub fn open(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Waits for a moment as long as the gate is closed, without the GIL.
    pub fn pass(&self) {
        for _ in 0..MAX_YIELDS {
            if !self.0.load(Ordering::Relaxed) {
                return;
            }
            thread::yield_now();
        }
    }
}
