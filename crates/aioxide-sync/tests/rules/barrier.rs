use aioxide_sync::{Barrier, BrokenBarrier};

use crate::driving::{at_once, waiting};

#[test]
fn the_last_one_lets_all_pass_in_their_order() {
    let barrier = Barrier::new(3);
    for _ in 0..2 {
        let (mut first, mut second) = (waiting(barrier.wait()), waiting(barrier.wait()));
        assert_eq!(barrier.waiting(), 2);
        assert_eq!(at_once(barrier.wait()), Ok(2));
        // The next round may begin before these have run.
        assert_eq!(barrier.waiting(), 0);
        assert_eq!((first.result(), second.result()), (Ok(0), Ok(1)));
    }
}

#[test]
fn a_task_that_is_dropped_while_it_waits_does_not_count() {
    let barrier = Barrier::new(3);
    let first = waiting(barrier.wait());
    let mut second = waiting(barrier.wait());
    drop(first);
    let mut third = waiting(barrier.wait());
    assert_eq!(at_once(barrier.wait()), Ok(2));
    assert_eq!((second.result(), third.result()), (Ok(0), Ok(1)));
}

#[test]
fn a_task_that_is_dropped_after_it_was_let_pass_has_passed() {
    let barrier = Barrier::new(2);
    let first = waiting(barrier.wait());
    assert_eq!(at_once(barrier.wait()), Ok(1));
    drop(first);
    let mut second = waiting(barrier.wait());
    assert_eq!(at_once(barrier.wait()), Ok(1));
    assert_eq!(second.result(), Ok(0));
}

#[test]
fn a_reset_breaks_it_for_those_that_wait() {
    let barrier = Barrier::new(2);
    let mut first = waiting(barrier.wait());
    barrier.reset();
    assert_eq!(first.result(), Err(BrokenBarrier));
    let _second = waiting(barrier.wait());
    assert_eq!(at_once(barrier.wait()), Ok(1));
}

#[test]
fn an_abort_breaks_it_until_the_reset() {
    let barrier = Barrier::new(2);
    let mut first = waiting(barrier.wait());
    barrier.abort();
    assert_eq!(first.result(), Err(BrokenBarrier));
    assert_eq!(at_once(barrier.wait()), Err(BrokenBarrier));
    assert_eq!(format!("{barrier:?}"), "Barrier { parties: 2, waiting: 0, is_broken: true }");
    barrier.reset();
    let _second = waiting(barrier.wait());
    assert!(!barrier.is_broken());
}

#[test]
fn one_party_never_waits() {
    assert_eq!(at_once(Barrier::new(1).wait()), Ok(0));
}
