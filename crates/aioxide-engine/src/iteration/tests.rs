use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use super::*;
use crate::Events;

#[derive(Clone, Debug)]
struct Item {
    name: &'static str,
    cancelled: Rc<Cell<bool>>,
}

impl Cancellable for Item {
    fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }
}

fn item(name: &'static str) -> Item {
    Item { name, cancelled: Rc::default() }
}

fn engine() -> Engine<Item> {
    Engine::new(Clock::virtual_from(100.0)).expect("file descriptors are left")
}

fn run(engine: &mut Engine<Item>, count: usize) -> Vec<&'static str> {
    (0..count).map(|_| engine.next_ready().expect("as many as promised").name).collect()
}

/// An iteration of a loop with a virtual clock and no file descriptors.
fn iteration(engine: &mut Engine<Item>) -> Vec<&'static str> {
    let mut deferred = Vec::new();
    if let Wait::Until(_) = engine.prepare(&mut deferred) {
        engine.skip_to_next_deadline(&mut deferred);
    }
    let count = engine.collect(&mut deferred);
    run(engine, count)
}

fn no_names() -> Vec<&'static str> {
    Vec::new()
}

#[test]
fn an_idle_engine_waits_for_ever() {
    let mut engine = engine();
    assert!(!engine.has_work());
    let wait = engine.prepare(&mut Vec::new());
    assert_eq!(wait, Wait::Forever);
    assert_eq!(wait.timeout(), None);
    assert_eq!(iteration(&mut engine), no_names());
}

#[test]
fn the_poll_does_not_wait_when_something_is_ready() {
    let mut engine = engine();
    engine.schedule_at(200.0, item("later"));
    engine.schedule(item("now"));
    assert!(engine.has_work());
    assert_eq!(engine.ready_len(), 1);
    let wait = engine.prepare(&mut Vec::new());
    assert_eq!(wait, Wait::Poll);
    assert_eq!(wait.timeout(), Some(Duration::ZERO));
}

#[test]
fn the_poll_does_not_wait_when_another_thread_has_sent_something() {
    let mut engine = engine();
    engine.inbox().push(item("sent")).unwrap();
    assert!(engine.has_work());
    assert_eq!(engine.prepare(&mut Vec::new()), Wait::Poll);
    assert_eq!(engine.ready_len(), 1);
}

#[test]
fn the_poll_waits_until_the_nearest_live_timer() {
    let mut engine = engine();
    let soonest = item("cancelled");
    engine.schedule_at(100.5, soonest.clone());
    engine.schedule_at(102.5, item("live"));
    soonest.cancelled.set(true);
    let mut deferred = Vec::new();
    let wait = engine.prepare(&mut deferred);
    assert_eq!(wait, Wait::Until(Duration::from_millis(2500)));
    assert_eq!(wait.timeout(), Some(Duration::from_millis(2500)));
    assert_eq!(deferred.len(), 1);
}

#[test]
fn the_poll_does_not_wait_for_a_timer_that_is_due() {
    for deadline in [-5.0, 100.0, 100.0 + 5e-10] {
        let mut engine = engine();
        engine.schedule_at(deadline, item("due"));
        assert_eq!(engine.prepare(&mut Vec::new()), Wait::Poll);
        assert_eq!(engine.collect(&mut Vec::new()), 1);
    }
}

#[test]
#[cfg(not(miri))]
fn timers_that_are_close_together_share_wake_ups() {
    let mut engine = Engine::new(Clock::real()).expect("file descriptors are left");
    let begin = engine.clock().now();
    // 1,000 timers in 20 milliseconds.
    for number in 0..1000 {
        engine.schedule_at(begin + f64::from(number) * 20e-6, item("timer"));
    }
    let (mut wake_ups, mut events) = (0, Events::with_capacity(8));
    while engine.has_work() {
        let wait = engine.prepare(&mut Vec::new());
        engine.poller().wait(&mut events, wait.timeout()).unwrap();
        wake_ups += u32::from(wait != Wait::Poll);
        let due = engine.collect(&mut Vec::new());
        run(&mut engine, due);
    }
    let milliseconds = (engine.clock().now() - begin) * 1e3;
    assert!(milliseconds >= 19.98, "none is early: {milliseconds}");
    // The first one, those at least half a millisecond apart, and the last one.
    assert!(f64::from(wake_ups) <= milliseconds * 2.0 + 2.0, "{wake_ups} in {milliseconds}");
}

#[test]
fn with_a_clock_of_the_caller_each_timer_has_a_wake_up_of_its_own() {
    let mut engine = Engine::new(Clock::real()).expect("file descriptors are left");
    engine.schedule_at(10.0, item("first"));
    engine.schedule_at(10.25, item("second"));
    engine.schedule_at(10.25 + 1.0 / 8192.0, item("third"));
    for (now, names, wait) in
        [(10.0, ["first"], 250_000_000), (10.25, ["second"], 122_070), (11.0, ["third"], 0)]
    {
        engine.override_now(now);
        let due = engine.collect(&mut Vec::new());
        assert_eq!(run(&mut engine, due), names);
        if wait > 0 {
            engine.override_now(now);
            let expected = Wait::Until(Duration::from_nanos(wait));
            assert_eq!(engine.prepare(&mut Vec::new()), expected);
        }
    }
}

#[test]
fn deadlines_beyond_all_bounds_are_waited_for_without_a_panic() {
    for (deadline, expected) in [
        (f64::INFINITY, Wait::Forever),
        (f64::NAN, Wait::Forever),
        (f64::MAX, Wait::Until(Duration::MAX)),
    ] {
        let mut engine = engine();
        engine.schedule_at(deadline, item("never"));
        assert_eq!(engine.prepare(&mut Vec::new()), expected);
        assert_eq!(engine.collect(&mut Vec::new()), 0);
    }
}

#[test]
fn timers_run_behind_what_is_ready_and_in_the_order_of_their_deadlines() {
    let mut engine = engine();
    engine.schedule_at(99.0, item("second timer"));
    engine.schedule_at(98.0, item("first timer"));
    engine.schedule_at(99.0, item("third timer"));
    engine.schedule(item("ready"));
    engine.inbox().push(item("sent")).unwrap();
    assert_eq!(
        iteration(&mut engine),
        ["ready", "sent", "first timer", "second timer", "third timer"]
    );
}

#[test]
fn readiness_events_run_before_timers() {
    let mut engine = engine();
    let mut deferred = Vec::new();
    engine.schedule_at(100.0, item("timer"));
    assert_eq!(engine.prepare(&mut deferred), Wait::Poll);
    engine.schedule(item("reader"));
    let count = engine.collect(&mut deferred);
    assert_eq!(run(&mut engine, count), ["reader", "timer"]);
}

#[test]
fn what_an_iteration_schedules_runs_in_the_next() {
    let mut engine = engine();
    let mut deferred = Vec::new();
    engine.schedule(item("first"));
    assert_eq!(engine.prepare(&mut deferred), Wait::Poll);
    assert_eq!(engine.collect(&mut deferred), 1);
    assert_eq!(run(&mut engine, 1), ["first"]);
    engine.schedule(item("second"));
    engine.schedule_at(100.0, item("third"));
    assert_eq!(iteration(&mut engine), ["second", "third"]);
    assert_eq!(iteration(&mut engine), no_names());
}

#[test]
fn virtual_time_skips_to_each_deadline_in_turn() {
    let mut engine = engine();
    engine.schedule_at(3700.0, item("after an hour"));
    engine.schedule_at(101.0, item("after a second"));
    assert_eq!(iteration(&mut engine), ["after a second"]);
    assert_eq!(engine.clock().now(), 101.0);
    assert_eq!(iteration(&mut engine), ["after an hour"]);
    assert_eq!(engine.clock().now(), 3700.0);
}

#[test]
fn virtual_time_stands_still_while_there_is_something_to_do() {
    let mut engine = engine();
    let mut deferred = Vec::new();
    engine.schedule_at(200.0, item("later"));
    engine.schedule(item("now"));
    engine.skip_to_next_deadline(&mut deferred);
    assert_eq!(engine.clock().now(), 100.0);
    assert_eq!(iteration(&mut engine), ["now"]);

    engine.inbox().push(item("sent")).unwrap();
    engine.skip_to_next_deadline(&mut deferred);
    assert_eq!(engine.clock().now(), 100.0);
    assert_eq!(iteration(&mut engine), ["sent"]);

    engine.skip_to_next_deadline(&mut deferred);
    assert_eq!(engine.clock().now(), 200.0);
}

#[test]
fn virtual_time_does_not_skip_to_never() {
    let mut engine = engine();
    engine.schedule_at(f64::INFINITY, item("never"));
    engine.skip_to_next_deadline(&mut Vec::new());
    assert_eq!(engine.clock().now(), 100.0);
}

#[test]
fn real_time_is_not_skipped() {
    let mut engine = Engine::new(Clock::real()).unwrap();
    let deadline = engine.clock().now() + 3600.0;
    engine.schedule_at(deadline, item("after an hour"));
    engine.skip_to_next_deadline(&mut Vec::new());
    assert!(engine.clock().now() < deadline);
}

#[test]
#[cfg_attr(miri, ignore = "needs the real system calls")]
fn a_timer_runs_after_one_wait_and_not_before_its_time() {
    let mut engine = Engine::new(Clock::real()).unwrap();
    let mut deferred = Vec::new();
    let mut events = Events::with_capacity(8);
    let start = Instant::now();
    engine.schedule_at(engine.clock().now() + 0.003, item("timer"));
    let wait = engine.prepare(&mut deferred);
    assert!(matches!(wait, Wait::Until(_)), "{wait:?}");
    engine.poller().wait(&mut events, wait.timeout()).unwrap();
    assert_eq!(engine.collect(&mut deferred), 1);
    assert!(start.elapsed() >= Duration::from_micros(2999));
}

#[test]
fn cancelling_reaches_the_timers_of_the_engine() {
    let mut engine = engine();
    let mut returned = 0;
    for _ in 0..150 {
        let timer = item("timeout");
        engine.schedule_at(200.0, timer.clone());
        timer.cancelled.set(true);
        returned += engine.timers().note_cancelled().into_iter().count();
    }
    assert_eq!(returned, 150);
    assert!(engine.timers().is_empty());
}

#[test]
fn close_hands_out_everything_and_closes_the_inbox() {
    let mut engine = engine();
    engine.schedule_at(300.0, item("last"));
    engine.schedule_at(200.0, item("third"));
    engine.inbox().push(item("second")).unwrap();
    engine.schedule(item("first"));
    let names: Vec<_> = engine.close().iter().map(|item| item.name).collect();
    assert_eq!(names, ["first", "second", "third", "last"]);
    assert!(!engine.has_work());
    let refused = engine.inbox().push(item("late")).unwrap_err();
    assert_eq!(refused.name, "late");
}

#[test]
fn close_lets_go_of_the_file_descriptors_though_others_hold_the_inbox() {
    let mut engine = engine();
    let inbox = Arc::clone(engine.inbox());
    let poller = Arc::downgrade(engine.poller());
    let waker = engine.poller().waker();
    assert!(engine.close().is_empty());
    assert!(poller.upgrade().is_none());
    assert_eq!(waker.holders(), 1);
    assert!(inbox.push(item("late")).is_err());
}

#[test]
fn ready_and_iter_show_what_waits_without_taking_it() {
    let mut engine = engine();
    engine.schedule_at(200.0, item("timer"));
    engine.schedule(item("first"));
    engine.schedule(item("second"));
    let ready: Vec<_> = engine.ready().map(|item| item.name).collect();
    assert_eq!(ready, ["first", "second"]);
    let mut all: Vec<_> = engine.iter().map(|item| item.name).collect();
    all.sort_unstable();
    assert_eq!(all, ["first", "second", "timer"]);
    assert_eq!(engine.ready_len(), 2);
    assert_eq!(engine.timers().len(), 1);
}

#[test]
#[cfg(not(miri))] // Miri has no epoll to register with twice.
fn a_forked_child_has_a_poller_and_an_inbox_of_its_own() {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use crate::{Interest, Trigger};

    let mut engine = engine();
    let (parents_poller, parents_inbox) = (engine.poller().clone(), engine.inbox().clone());
    let (ours, theirs) = UnixStream::pair().unwrap();
    parents_poller.add(ours.as_fd(), 5, Interest::READ, Trigger::Level).unwrap();
    engine.schedule(item("first"));
    engine.inbox().push(item("second")).unwrap();
    engine.schedule_at(100.0, item("third"));

    engine.renew_after_fork().unwrap();

    let error = engine.poller().remove(ours.as_fd()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(parents_inbox.push(item("refused")).is_err());
    assert_eq!(iteration(&mut engine), ["first", "second", "third"]);
    engine.inbox().push(item("fourth")).unwrap();
    assert_eq!(iteration(&mut engine), ["fourth"]);

    drop(theirs);
    let mut events = Events::with_capacity(4);
    parents_poller.wait(&mut events, Some(Duration::ZERO)).unwrap();
    assert_eq!(events.iter().map(|event| event.token).collect::<Vec<_>>(), [5]);
}

#[test]
fn a_closed_engine_stays_closed_in_a_forked_child() {
    let mut engine = engine();
    engine.close();
    engine.renew_after_fork().unwrap();
    assert!(engine.open_poller().is_none());
    assert!(engine.inbox().push(item("late")).is_err());
}

#[test]
fn interleaved_timers_keep_deadlines_and_shuffle_equal_ones() {
    let mut orders = std::collections::HashSet::new();
    for seed in 0..100 {
        let mut engine = engine();
        engine.interleave(Interleaving::new(seed, |_: &Item| [Some(0), None]));
        engine.schedule_at(102.0, item("late"));
        engine.schedule_at(101.0, item("one"));
        engine.schedule_at(101.0, item("two"));
        engine.clock().advance_to(110.0);
        engine.schedule(item("ready"));
        orders.insert(iteration(&mut engine));
    }
    let expected = [["ready", "one", "two", "late"], ["ready", "two", "one", "late"]];
    assert_eq!(orders, expected.map(Vec::from).into());
}
