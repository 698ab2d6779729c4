//! Spinning for a moment before a thread sleeps.

use std::hint;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// How long to spin: about as long as it takes to wake up a thread on an idle
/// processor. So spinning never costs much more than it can save.
const SPIN: Duration = Duration::from_micros(30);

/// A spin that lasted this long was preempted: other threads want the processor.
const INTERRUPTED: Duration = Duration::from_micros(100);

/// The greatest number of waits without spinning between two spins in vain.
const MAX_REST: u32 = 256;

/// Decides for one thread whether to spin for a moment before it sleeps, by the
/// outcome of earlier spins.
///
/// To wake up a thread, its processor has to leave an idle state first. This is
/// most of the latency of a short call in another thread. A thread that spins
/// spends processor time instead. So each spin in vain makes the next ones rarer,
/// and there is none where all processors are needed: the thread that ends the
/// wait could not run meanwhile.
///
/// ```
/// use aioxide_engine::AdaptiveSpin;
///
/// let mut spin = AdaptiveSpin::default(); // spins before the first wait
/// assert!(spin.spin(|| true));
/// assert!(!spin.spin(|| false)); // took 30 microseconds
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AdaptiveSpin {
    /// How many waits are still to come without spinning.
    rest: u32,
    /// The value of `rest` after the next spin in vain.
    next_rest: u32,
}

/// How a spin ended.
#[derive(Clone, Copy)]
enum Outcome {
    Found,
    NotFound,
    /// The thread was preempted meanwhile.
    Interrupted,
}

impl Default for AdaptiveSpin {
    /// One that spins before the first wait.
    fn default() -> Self {
        Self { rest: 0, next_rest: 1 }
    }
}

impl AdaptiveSpin {
    /// Whether to spin before the wait that comes now. Call it exactly once for
    /// each wait.
    ///
    /// `busy` is the number of running threads that may end the wait. Spinning
    /// is not due if they need all processors.
    #[inline]
    pub fn is_due(&mut self, busy: usize) -> bool {
        let processors = processors();
        processors > 1 && busy <= processors && self.has_rested()
    }

    /// Calls `is_there` until it returns true, for 30 microseconds at most.
    /// Returns whether it did.
    ///
    /// The caller must hold no lock that the other thread needs.
    pub fn spin(&mut self, is_there: impl Fn() -> bool) -> bool {
        let begin = Instant::now();
        let found = loop {
            if is_there() {
                break true;
            }
            // Not `yield_now`: where other threads want the processor too, it
            // gives up the rest of this thread's time slice.
            hint::spin_loop();
            if begin.elapsed() > SPIN {
                break is_there();
            }
        };
        self.record(match found {
            _ if begin.elapsed() > INTERRUPTED => Outcome::Interrupted,
            true => Outcome::Found,
            false => Outcome::NotFound,
        });
        found
    }

    fn has_rested(&mut self) -> bool {
        let rested = self.rest == 0;
        self.rest = self.rest.saturating_sub(1);
        rested
    }

    fn record(&mut self, sight: Outcome) {
        match sight {
            Outcome::Found => *self = Self::default(),
            Outcome::NotFound => {
                self.rest = self.next_rest;
                self.next_rest = (self.next_rest * 2).min(MAX_REST);
            }
            Outcome::Interrupted => *self = Self { rest: MAX_REST, next_rest: MAX_REST },
        }
    }
}

/// The number of processors. Computed once: inside a cgroup it reads files.
fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}
