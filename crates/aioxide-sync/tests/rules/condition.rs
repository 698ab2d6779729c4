use std::cell::RefCell;
use std::rc::Rc;

use aioxide_sync::{Condition, Lock};

use crate::driving::{Executor, at_once, waiting};

#[test]
fn it_releases_the_lock_while_it_waits() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    let mut waiter = waiting(condition.wait(at_once(lock.acquire())));
    *at_once(lock.acquire()) = 7;
    condition.notify(1);
    assert_eq!(*waiter.result(), 7);
}

#[test]
fn a_notice_wakes_as_many_as_it_is_for_and_the_oldest_first() {
    let (lock, condition) = (Rc::new(Lock::new(())), Rc::new(Condition::new()));
    let order = Rc::new(RefCell::new(Vec::new()));
    let executor = Executor::default();
    for name in 0..5 {
        let (lock, condition) = (Rc::clone(&lock), Rc::clone(&condition));
        let order = Rc::clone(&order);
        executor.spawn(async move {
            let guard = condition.wait(lock.acquire().await).await;
            order.borrow_mut().push(name);
            drop(guard);
        });
    }
    executor.run();
    condition.notify(2);
    executor.run();
    assert_eq!(*order.borrow(), [0, 1]);
    condition.notify_all();
    executor.run();
    assert_eq!(*order.borrow(), [0, 1, 2, 3, 4]);
}

#[test]
fn a_notice_before_the_wait_is_not_seen() {
    let (lock, condition) = (Lock::new(()), Condition::new());
    condition.notify_all();
    let waiter = waiting(condition.wait(at_once(lock.acquire())));
    assert!(!waiter.is_woken());
}

#[test]
fn a_notified_task_waits_for_the_lock_in_line() {
    let (lock, condition) = (Lock::new(()), Condition::new());
    let mut waiter = waiting(condition.wait(at_once(lock.acquire())));
    let guard = at_once(lock.acquire());
    let mut other = waiting(lock.acquire());
    condition.notify(1);
    assert!(waiter.poll().is_none());
    drop(guard);
    let guard = other.result();
    assert!(!waiter.is_woken());
    drop(guard);
    drop(waiter.result());
}

#[test]
fn a_notice_of_a_task_that_is_dropped_goes_to_the_next() {
    let (lock, condition) = (Lock::new(()), Condition::new());
    // Dropped when it was notified and has not run; when it waits for the lock.
    for polls_again in [false, true] {
        let mut first = waiting(condition.wait(at_once(lock.acquire())));
        let mut second = waiting(condition.wait(at_once(lock.acquire())));
        let guard = at_once(lock.acquire());
        condition.notify(1);
        assert!(first.is_woken() && !second.is_woken());
        if polls_again {
            assert!(first.poll().is_none());
        }
        drop(first);
        assert!(second.is_woken(), "the notice was lost");
        drop(guard);
        drop(second.result());
    }
}

#[test]
fn a_task_that_is_dropped_without_a_notice_wakes_nobody() {
    let (lock, condition) = (Lock::new(()), Condition::new());
    let first = waiting(condition.wait(at_once(lock.acquire())));
    let second = waiting(condition.wait(at_once(lock.acquire())));
    drop(first);
    assert!(!second.is_woken());
    assert_eq!(format!("{condition:?}"), "Condition { waiting: 1 }");
    assert!(!lock.is_locked());
}

#[test]
fn wait_for_looks_again_after_each_notice() {
    let (lock, condition) = (Lock::new(0), Condition::new());
    drop(at_once(condition.wait_for(at_once(lock.acquire()), |value| *value == 0)));
    let mut waiter = waiting(condition.wait_for(at_once(lock.acquire()), |value| *value == 2));
    for _ in 0..2 {
        assert!(waiter.poll().is_none());
        *at_once(lock.acquire()) += 1;
        condition.notify(1);
    }
    assert_eq!(*waiter.result(), 2);
}

#[test]
fn several_conditions_share_a_lock() {
    let (lock, full, empty) = (Lock::new(()), Condition::new(), Condition::new());
    let waits_full = waiting(full.wait(at_once(lock.acquire())));
    let waits_empty = waiting(empty.wait(at_once(lock.acquire())));
    full.notify_all();
    assert!(waits_full.is_woken() && !waits_empty.is_woken());
}
