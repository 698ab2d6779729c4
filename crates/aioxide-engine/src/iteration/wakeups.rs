//! Keeping timers that are close together from waking the loop one by one.

/// How far apart wake-ups for timers are at least, in seconds. asyncio's own loop rounds a wait up
/// to whole milliseconds, so nothing is later here than there.
const APART: f64 = 500e-6;

/// When timers have run last.
///
/// To wake up costs a thread more than most timers do. 10,000 tasks that sleep for some
/// milliseconds each would wake their loop after every few of them. So a timer that was waiting
/// already when others ran waits until [`APART`] has passed since, and is joined by those that are
/// due by then. One that was set later is not held back by this, nor is a timer that is alone:
/// both are exact.
pub(super) struct Wakeups {
    /// When that was, in seconds of the loop's clock.
    last: f64,
    /// The sequence number of the first timer that was set after it.
    mark: u64,
}

impl Wakeups {
    pub(super) fn new() -> Self {
        Self { last: f64::NEG_INFINITY, mark: 0 }
    }

    /// Timers run now. Those that are set from now on have numbers from `mark` on.
    #[inline]
    pub(super) fn note(&mut self, now: f64, mark: u64) {
        *self = Self { last: now, mark };
    }

    /// When to wake up for the nearest timer, which has this deadline and number.
    #[inline]
    pub(super) fn due(&self, deadline: f64, sequence: u64) -> f64 {
        if sequence < self.mark { deadline.max(self.last + APART) } else { deadline }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_timer_is_exact() {
        assert_eq!(Wakeups::new().due(5.0, 0), 5.0);
    }

    #[test]
    fn a_timer_that_was_waiting_when_others_ran_waits_for_half_a_millisecond() {
        let mut wakeups = Wakeups::new();
        wakeups.note(1.0, 3);
        assert_eq!(wakeups.due(1.0001, 2), 1.0 + APART);
        assert_eq!(wakeups.due(1.0 + APART, 2), 1.0 + APART);
    }

    #[test]
    fn one_that_is_due_later_is_exact() {
        let mut wakeups = Wakeups::new();
        wakeups.note(1.0, 3);
        assert_eq!(wakeups.due(1.001, 2), 1.001);
    }

    #[test]
    fn one_that_was_set_since_is_exact() {
        let mut wakeups = Wakeups::new();
        wakeups.note(1.0, 3);
        assert_eq!(wakeups.due(1.0001, 3), 1.0001);
    }
}
