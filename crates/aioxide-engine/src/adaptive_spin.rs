//! Looking for something before going to sleep for it.

use std::hint;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// How long a look lasts: about as long as it takes to wake up a thread on an
/// idle processor. Thus it never costs much more than what it may spare.
const SPIN: Duration = Duration::from_micros(30);

/// A look that lasted this long was interrupted: others want the processor.
const INTERRUPTED: Duration = Duration::from_micros(100);

/// How many waits are slept through at most between two looks in vain.
const MAX_REST: u32 = 256;

/// Decides for one thread whether it should look for a moment for what it waits
/// for, or go to sleep at once, by how that went before.
///
/// Waking up a thread takes its processor out of its sleep first, which is most
/// of what a short call in another thread takes. A thread that looks spends
/// processor time instead. So each look in vain makes it rarer, and there is none
/// where all processors are needed: what is looked for could not come meanwhile.
///
/// ```
/// use aioxide_engine::AdaptiveSpin;
///
/// let mut spin = AdaptiveSpin::default();
/// assert!(spin.spin(|| true));
/// assert!(!spin.spin(|| false)); // took 30 microseconds
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AdaptiveSpin {
    /// How many waits are still to be slept through.
    rest: u32,
    /// The same after the next look in vain.
    next_rest: u32,
}

/// How a look went.
#[derive(Clone, Copy)]
enum Outcome {
    Found,
    NotFound,
    /// The thread was off its processor meanwhile.
    Interrupted,
}

impl Default for AdaptiveSpin {
    /// One that begins with a look.
    fn default() -> Self {
        Self { rest: 0, next_rest: 1 }
    }
}

impl AdaptiveSpin {
    /// Whether to look before the wait that comes now. To be asked once for
    /// each wait.
    ///
    /// `busy` threads at work may bring what is looked for. It is not due if
    /// they need all processors.
    #[inline]
    pub fn is_due(&mut self, busy: usize) -> bool {
        let processors = processors();
        processors > 1 && busy <= processors && self.has_rested()
    }

    /// Looks until `is_there`, for a moment at most. Returns whether it is.
    ///
    /// The caller holds no lock that the other thread needs for it.
    pub fn spin(&mut self, is_there: impl Fn() -> bool) -> bool {
        let begin = Instant::now();
        let found = loop {
            if is_there() {
                break true;
            }
            // Not `yield_now`: where others want the processor too, it gives
            // away the whole share of this thread.
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

/// Asked once: it reads files where the system limits a group's share.
fn processors() -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}
