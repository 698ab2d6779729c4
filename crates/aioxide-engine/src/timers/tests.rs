use std::cell::Cell;
use std::rc::Rc;

use super::*;

/// A timer that knows its name, can be cancelled from outside, and fails the
/// test when it is dropped while a method of the heap runs.
struct Alarm {
    name: u32,
    cancelled: Rc<Cell<bool>>,
    inside: Rc<Cell<bool>>,
}

impl Cancellable for Alarm {
    fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        assert!(!self.inside.get(), "{} was dropped inside", self.name);
    }
}

#[derive(Default)]
struct Bench {
    timers: Timers<Alarm>,
    deferred: Vec<Alarm>,
    cancelled: Vec<Rc<Cell<bool>>>,
    inside: Rc<Cell<bool>>,
}

impl Bench {
    /// Named in the order of insertion, from 0.
    fn with(deadlines: &[f64]) -> Self {
        let mut bench = Self::default();
        for &deadline in deadlines {
            bench.insert(deadline);
        }
        bench
    }

    /// The same, and all of them are in the heap already.
    fn in_the_heap(deadlines: &[f64]) -> Self {
        let mut bench = Self::with(deadlines);
        bench.next_deadline();
        bench
    }

    fn guarded<R>(&mut self, action: impl FnOnce(&mut Timers<Alarm>, &mut Vec<Alarm>) -> R) -> R {
        self.inside.set(true);
        let result = action(&mut self.timers, &mut self.deferred);
        self.inside.set(false);
        result
    }

    fn insert(&mut self, deadline: f64) {
        let alarm = Alarm {
            name: self.cancelled.len() as u32,
            cancelled: Rc::default(),
            inside: Rc::clone(&self.inside),
        };
        self.cancelled.push(Rc::clone(&alarm.cancelled));
        self.guarded(|timers, _| timers.insert(deadline, alarm));
    }

    fn cancel(&mut self, name: u32) -> Vec<u32> {
        self.cancelled[name as usize].set(true);
        let dead = self.guarded(|timers, _| timers.note_cancelled());
        dead.into_iter().map(|alarm| alarm.name).collect()
    }

    fn pop_due(&mut self, now: f64) -> Option<u32> {
        let alarm = self.guarded(|timers, deferred| timers.pop_due(now, deferred));
        alarm.map(|alarm| alarm.name)
    }

    fn pop_all_due(&mut self, now: f64) -> Vec<u32> {
        std::iter::from_fn(|| self.pop_due(now)).collect()
    }

    fn next_deadline(&mut self) -> Option<f64> {
        self.guarded(|timers, deferred| timers.next_deadline(deferred))
    }
}

fn names(alarms: &[Alarm]) -> Vec<u32> {
    alarms.iter().map(|alarm| alarm.name).collect()
}

#[test]
fn nearest_deadline_comes_first() {
    let mut bench = Bench::with(&[3.0, 1.0, 2.0, -1.0]);
    assert_eq!(bench.next_deadline(), Some(-1.0));
    assert_eq!(bench.pop_all_due(10.0), [3, 1, 2, 0]);
    assert_eq!(bench.next_deadline(), None);
}

#[test]
fn equal_deadlines_are_first_in_first_out() {
    let mut bench = Bench::with(&[5.0; 64]);
    assert_eq!(bench.pop_all_due(5.0), (0..64).collect::<Vec<_>>());
}

#[test]
fn zero_and_minus_zero_are_equal_deadlines() {
    let mut bench = Bench::with(&[0.0, -0.0, 0.0]);
    assert_eq!(bench.pop_all_due(-0.0), [0, 1, 2]);
}

#[test]
fn a_timer_is_due_at_its_deadline_and_not_before() {
    let mut bench = Bench::with(&[1.0]);
    assert_eq!(bench.pop_due(1.0 - f64::EPSILON), None);
    assert_eq!(bench.pop_due(1.0), Some(0));
}

#[test]
fn a_deadline_that_is_not_a_number_never_comes() {
    let mut bench = Bench::with(&[f64::NAN, 1.0, f64::INFINITY, -f64::NAN]);
    assert_eq!(bench.pop_all_due(f64::MAX), [1]);
    assert_eq!(bench.next_deadline(), Some(f64::INFINITY));
    assert_eq!(bench.timers.len(), 3);
}

#[test]
fn cancelled_timers_in_the_way_go_to_the_deferred_drops() {
    let mut bench = Bench::in_the_heap(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    for name in [0, 1, 3] {
        assert_eq!(bench.cancel(name), []);
    }
    assert_eq!(bench.next_deadline(), Some(3.0));
    assert_eq!(names(&bench.deferred), [0, 1]);
    assert_eq!(bench.pop_due(4.5), Some(2));
    assert_eq!(bench.pop_due(4.5), None);
    assert_eq!(names(&bench.deferred), [0, 1, 3]);
    assert_eq!(bench.pop_all_due(10.0), [4, 5]);
    assert!(bench.timers.is_empty());
}

#[test]
fn all_cancelled_timers_go_with_the_first_when_they_outnumber_the_live() {
    let mut bench = Bench::in_the_heap(&[1.0, 1.0, 2.0, 3.0, 3.0, 3.0]);
    for name in [0, 1, 3, 5] {
        assert_eq!(bench.cancel(name), []);
    }
    assert_eq!(bench.next_deadline(), Some(2.0));
    assert_eq!(bench.timers.len(), 2);
    let mut buried = names(&bench.deferred);
    buried.sort_unstable();
    assert_eq!(buried, [0, 1, 3, 5]);
    assert_eq!(bench.pop_all_due(3.0), [2, 4]);
}

#[test]
fn few_cancelled_timers_are_left_alone() {
    let mut bench = Bench::in_the_heap(&[1.0; 100]);
    for name in 0..100 {
        assert_eq!(bench.cancel(name), []);
    }
    assert_eq!(bench.timers.len(), 100);
}

#[test]
fn cancelled_timers_are_taken_out_when_they_outnumber_the_live() {
    let mut bench = Bench::in_the_heap(&[1.0; 300]);
    for name in 0..150 {
        assert_eq!(bench.cancel(name), []);
    }
    let mut dead = bench.cancel(150);
    dead.sort_unstable();
    assert_eq!(dead, (0..=150).collect::<Vec<_>>());
    assert_eq!(bench.timers.len(), 149);
    assert_eq!(bench.pop_all_due(1.0), (151..300).collect::<Vec<_>>());
    assert!(bench.deferred.is_empty());
}

#[test]
fn timers_buried_on_the_way_no_longer_count_as_cancelled() {
    let mut bench = Bench::in_the_heap(&[1.0; 250]);
    for name in 0..100 {
        assert_eq!(bench.cancel(name), []);
    }
    assert_eq!(bench.pop_due(1.0), Some(100));
    assert_eq!(bench.deferred.len(), 100);
    for name in 101..=200 {
        assert_eq!(bench.cancel(name), []);
    }
    assert_eq!(bench.cancel(201).len(), 101);
}

#[test]
fn the_newest_timer_leaves_when_it_is_cancelled() {
    let mut bench = Bench::with(&[5.0, 3.0, 1.0]);
    assert_eq!(bench.cancel(2), [2]);
    assert_eq!(bench.cancel(1), [1]);
    assert_eq!(bench.next_deadline(), Some(5.0));
    assert_eq!(bench.cancel(0), [], "it is in the heap");
    assert_eq!(bench.next_deadline(), None);
    assert_eq!(names(&bench.deferred), [0]);
}

#[test]
fn a_newest_timer_that_was_cancelled_before_leaves_with_the_next_cancellation() {
    let mut bench = Bench::with(&[1.0; 300]);
    assert_eq!(bench.cancel(254), [], "it is not the newest of those outside the heap");
    assert_eq!(bench.cancel(255), [255]);
    assert_eq!(bench.cancel(7), [254]);
    assert_eq!(bench.timers.len(), 298);
}

#[test]
fn timers_cancelled_before_they_enter_the_heap_never_do() {
    let mut bench = Bench::with(&[3.0, 2.0, 1.0]);
    for name in [0, 1] {
        assert_eq!(bench.cancel(name), []);
    }
    assert_eq!(bench.next_deadline(), Some(1.0));
    assert_eq!(names(&bench.deferred), [0, 1]);
    assert_eq!(bench.timers.len(), 1);
}

#[test]
fn cancelled_timers_are_taken_out_wherever_they_are() {
    let mut bench = Bench::in_the_heap(&[1.0; 60]);
    for _ in 0..60 {
        bench.insert(1.0);
    }
    for name in (0..50).chain(60..110) {
        assert_eq!(bench.cancel(name), []);
    }
    assert_eq!(bench.cancel(50).len(), 101);
    assert_eq!(bench.pop_all_due(1.0), (51..60).chain(110..120).collect::<Vec<_>>());
}

#[test]
fn order_does_not_depend_on_when_timers_enter_the_heap() {
    let mut bench = Bench::in_the_heap(&[2.0, 1.0]);
    for deadline in [1.0, 0.5, 2.0] {
        bench.insert(deadline);
    }
    assert_eq!(bench.pop_due(0.5), Some(3));
    bench.insert(1.0);
    assert_eq!(bench.pop_all_due(2.0), [1, 2, 5, 0, 4]);
}

#[test]
fn more_timers_than_wait_outside_the_heap_keep_their_order() {
    let mut bench = Bench::with(&[7.0; 3 * MAX_RECENT]);
    assert_eq!(bench.pop_all_due(7.0), (0..3 * MAX_RECENT as u32).collect::<Vec<_>>());
}

#[test]
fn a_million_cancelled_timers_leave_nothing_behind() {
    let count = if cfg!(miri) { 1_000 } else { 1_000_000 };
    let mut bench = Bench::default();
    let mut returned = 0;
    for name in 0..count {
        bench.insert(f64::from(name));
        bench.next_deadline();
        returned += bench.cancel(name).len();
        assert!(bench.timers.len() <= 101);
    }
    returned += bench.deferred.len();
    assert_eq!(returned + bench.timers.len(), count as usize);
}

#[test]
fn iter_shows_everything_that_waits() {
    let mut bench = Bench::with(&[3.0, 1.0, 2.0]);
    bench.cancel(1);
    let mut seen: Vec<u32> = bench.timers.iter().map(|alarm| alarm.name).collect();
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
}

#[test]
fn take_all_empties_the_heap_nearest_deadline_first() {
    let mut bench = Bench::with(&[3.0, 1.0, 2.0, 1.0]);
    bench.cancel(2);
    let all = bench.guarded(|timers, _| timers.take_all());
    assert_eq!(names(&all), [1, 3, 2, 0]);
    assert!(bench.timers.is_empty());
    bench.insert(9.0);
    assert_eq!(bench.pop_due(9.0), Some(4));
}
