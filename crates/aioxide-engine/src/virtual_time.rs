//! What a loop with a virtual clock does when nothing is ready.

use std::time::Duration;

use crate::{Cancellable, Engine};

/// What may still arrive from outside the loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outside {
    /// Nothing: only the loop's own timers are left.
    Nothing,
    /// Perhaps something: a descriptor is watched, or another thread is alive.
    Possible,
    /// Something for certain: a call runs in a thread, for example.
    Certain,
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Idle {
    /// Continue the iteration: an item has arrived, or the clock has moved.
    GoOn,
    /// Wait on the poller for this long at most (None: without limit), and pass
    /// the time that it took to [`VirtualTime::waited`].
    Wait(Option<Duration>),
    /// A deadlock: nothing can ever become ready.
    Deadlock,
}

/// How long a loop with a virtual clock has waited for events from outside.
///
/// The clock stands still during such a wait. The clock jumps to the next
/// deadline when the loop has waited, since the clock last moved, for as many
/// real seconds as the deadline is away. It jumps sooner if nothing can arrive
/// from outside, or if something is only possible and nothing has arrived for as
/// long as the patience lasts.
#[derive(Debug)]
pub struct VirtualTime {
    /// How many real seconds to wait without an event from outside.
    patience: f64,
    /// Real seconds since the clock last moved.
    since_move: f64,
    /// Real seconds since the last event from outside.
    silent: f64,
}

impl VirtualTime {
    /// Waits `patience` real seconds for events that are only possible; infinity
    /// means no limit.
    ///
    /// # Panics
    ///
    /// When `patience` is negative or not a number.
    #[track_caller]
    pub fn with_patience(patience: f64) -> Self {
        assert!(patience >= 0.0, "patience is a number of seconds from 0 on, got {patience}");
        Self { patience, since_move: 0.0, silent: 0.0 }
    }

    /// Records that a wait ([`Idle::Wait`]) took `seconds` of real time, and
    /// whether it brought an event.
    pub fn waited(&mut self, seconds: f64, brought_something: bool) {
        self.since_move += seconds;
        self.silent = if brought_something { 0.0 } else { self.silent + seconds };
    }

    /// Decides what to do, for a nearest deadline that is `distance` seconds away.
    fn decide(&self, distance: Option<f64>, outside: Outside) -> Idle {
        let impatient = match outside {
            Outside::Nothing => 0.0,
            Outside::Possible => self.patience - self.silent,
            Outside::Certain => f64::INFINITY,
        };
        let left = distance.map_or(f64::INFINITY, |it| it - self.since_move).min(impatient);
        if left > 0.0 {
            let forever = left == f64::INFINITY;
            return Idle::Wait((!forever).then(|| duration(left)));
        }
        if distance.is_some() { Idle::GoOn } else { Idle::Deadlock }
    }
}

/// Never zero: a wait of no time would not count towards the patience.
fn duration(seconds: f64) -> Duration {
    let rounded = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    rounded.max(Duration::from_nanos(1))
}

impl<T: Cancellable> Engine<T> {
    /// Step 2 of a loop with a virtual clock, after a poll that did not wait:
    /// returns what to do, and moves the clock to the nearest deadline if that is
    /// next. `outside` must have been computed after that poll.
    ///
    /// Cancelled timers before the nearest live one are moved to `deferred`.
    ///
    /// # Panics
    ///
    /// When the clock is real.
    pub fn idle(
        &mut self,
        virtual_time: &mut VirtualTime,
        outside: Outside,
        deferred: &mut Vec<T>,
    ) -> Idle {
        // What the last thread sent before it ended is in the inbox.
        if self.ready_len() > 0 || !self.inbox().is_empty() {
            return Idle::GoOn;
        }
        let next = self.timers().next_deadline(deferred).filter(|it| it.is_finite());
        let now = self.clock().now();
        let choice = virtual_time.decide(next.map(|deadline| deadline - now), outside);
        if let (Idle::GoOn, Some(deadline)) = (choice, next) {
            self.clock().advance_to(deadline);
            virtual_time.since_move = 0.0;
            virtual_time.silent = 0.0;
        }
        choice
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;

    struct Item;

    impl Cancellable for Item {
        fn is_cancelled(&self) -> bool {
            false
        }
    }

    const EVER: f64 = f64::INFINITY;

    fn engine() -> Engine<Item> {
        Engine::new(Clock::virtual_from(100.0)).expect("file descriptors are left")
    }

    fn idle(engine: &mut Engine<Item>, virtual_time: &mut VirtualTime, outside: Outside) -> Idle {
        engine.idle(virtual_time, outside, &mut Vec::new())
    }

    fn seconds(number: f64) -> Idle {
        Idle::Wait(Some(Duration::from_secs_f64(number)))
    }

    #[test]
    fn with_nothing_outside_the_clock_jumps_to_the_nearest_deadline() {
        let (mut engine, mut virtual_time) = (engine(), VirtualTime::with_patience(EVER));
        engine.schedule_at(3700.0, Item);
        engine.schedule_at(9000.0, Item);
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Nothing), Idle::GoOn);
        assert_eq!(engine.clock().now(), 3700.0);
        assert_eq!(engine.collect(&mut Vec::new()), 1);
    }

    #[test]
    fn without_a_deadline_and_with_nothing_outside_it_is_a_deadlock() {
        let (mut engine, mut virtual_time) = (engine(), VirtualTime::with_patience(EVER));
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Nothing), Idle::Deadlock);
        engine.schedule_at(EVER, Item);
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Nothing), Idle::Deadlock);
        assert_eq!(engine.clock().now(), 100.0);
    }

    #[test]
    fn what_is_ready_or_was_sent_comes_first() {
        let (mut engine, mut virtual_time) = (engine(), VirtualTime::with_patience(EVER));
        engine.schedule_at(200.0, Item);
        assert!(engine.inbox().push(Item).is_ok());
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Nothing), Idle::GoOn);
        assert_eq!(engine.collect(&mut Vec::new()), 1);
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Nothing), Idle::GoOn);
        assert_eq!(engine.clock().now(), 100.0);
    }

    #[test]
    fn the_outside_is_waited_for_until_the_deadline_has_come_in_real_time() {
        for outside in [Outside::Possible, Outside::Certain] {
            let (mut engine, mut virtual_time) = (engine(), VirtualTime::with_patience(EVER));
            engine.schedule_at(110.0, Item);
            assert_eq!(idle(&mut engine, &mut virtual_time, outside), seconds(10.0));
            virtual_time.waited(4.0, true);
            assert_eq!(engine.clock().now(), 100.0, "it stands still meanwhile");
            assert_eq!(idle(&mut engine, &mut virtual_time, outside), seconds(6.0));
            virtual_time.waited(6.0, false);
            assert_eq!(idle(&mut engine, &mut virtual_time, outside), Idle::GoOn);
            assert_eq!(engine.clock().now(), 110.0);
            engine.collect(&mut Vec::new());
            engine.next_ready();
            engine.schedule_at(115.0, Item);
            assert_eq!(idle(&mut engine, &mut virtual_time, outside), seconds(5.0));
        }
    }

    #[test]
    fn without_a_deadline_the_outside_is_waited_for_for_ever() {
        let (mut engine, mut virtual_time) = (engine(), VirtualTime::with_patience(EVER));
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Possible), Idle::Wait(None));
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Certain), Idle::Wait(None));
    }

    #[test]
    fn patience_with_a_silent_outside_ends() {
        let (mut engine, mut virtual_time) = (engine(), VirtualTime::with_patience(0.5));
        engine.schedule_at(110.0, Item);
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Possible), seconds(0.5));
        virtual_time.waited(0.25, true);
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Possible), seconds(0.5));
        virtual_time.waited(0.25, false);
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Possible), seconds(0.25));
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Certain), seconds(9.5));
        virtual_time.waited(0.25, false);
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Possible), Idle::GoOn);
        assert_eq!(engine.clock().now(), 110.0);
    }

    #[test]
    fn a_silent_outside_and_no_deadline_are_a_deadlock_when_patience_ends() {
        let (mut engine, mut virtual_time) = (engine(), VirtualTime::with_patience(0.5));
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Possible), seconds(0.5));
        virtual_time.waited(0.5, false);
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Possible), Idle::Deadlock);
        assert_eq!(idle(&mut engine, &mut virtual_time, Outside::Certain), Idle::Wait(None));
    }

    #[test]
    fn distances_too_long_or_too_short_for_a_duration_are_waited_for() {
        let (mut engine, mut virtual_time) = (engine(), VirtualTime::with_patience(EVER));
        engine.schedule_at(1e300, Item);
        let choice = idle(&mut engine, &mut virtual_time, Outside::Possible);
        assert_eq!(choice, Idle::Wait(Some(Duration::MAX)));
        assert_eq!(
            VirtualTime::with_patience(1e-300).decide(None, Outside::Possible),
            seconds(1e-9)
        );
    }

    #[test]
    #[should_panic = "got -1"]
    fn negative_patience_is_refused() {
        VirtualTime::with_patience(-1.0);
    }
}
