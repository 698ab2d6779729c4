use std::rc::Rc;

use aioxide_sync::{Lock, LockGuard};

use crate::driving::{Executor, at_once, driven, waiting, yield_now};

#[test]
fn a_free_lock_is_acquired_at_once() {
    let lock = Lock::new(1);
    let mut guard = at_once(lock.acquire());
    assert!(lock.is_locked());
    *guard += 1;
    drop(guard);
    assert!(!lock.is_locked());
    assert_eq!(*at_once(lock.acquire()), 2);
    assert_eq!(lock.into_inner(), Some(2));
}

#[test]
fn tasks_get_it_in_the_order_in_which_they_have_asked() {
    let lock = Rc::new(Lock::new(Vec::new()));
    let executor = Executor::default();
    for name in 0..4 {
        let lock = Rc::clone(&lock);
        executor.spawn(async move {
            for _ in 0..2 {
                let mut guard = lock.acquire().await;
                guard.push(name);
                yield_now().await;
            }
        });
    }
    executor.run();
    assert_eq!(*at_once(lock.acquire()), [0, 1, 2, 3, 0, 1, 2, 3]);
}

#[test]
fn a_released_lock_belongs_to_the_first_waiter_before_it_runs() {
    let lock = Lock::new(());
    let guard = at_once(lock.acquire());
    let mut first = waiting(lock.acquire());
    drop(guard);
    assert!(lock.is_locked());
    assert!(lock.try_acquire().is_none(), "it was overtaken");
    let mut second = waiting(lock.acquire());
    let guard = first.result();
    assert!(!second.is_woken());
    drop(guard);
    drop(second.result());
    assert!(!lock.is_locked());
}

#[test]
fn a_waiter_that_is_dropped_after_its_wake_passes_the_lock_on() {
    let lock = Lock::new(());
    let guard = at_once(lock.acquire());
    let first = waiting(lock.acquire());
    let mut second = waiting(lock.acquire());
    drop(guard);
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    drop(second.result());
    assert!(!lock.is_locked());
}

#[test]
fn a_waiter_that_is_dropped_before_its_wake_leaves_the_line() {
    let lock = Lock::new(());
    let guard = at_once(lock.acquire());
    let first = waiting(lock.acquire());
    let mut second = waiting(lock.acquire());
    let third = waiting(lock.acquire());
    drop(first);
    drop(third);
    assert!(!second.is_woken());
    drop(guard);
    drop(second.result());
    assert!(lock.try_acquire().is_some());
}

#[test]
fn a_future_that_was_never_polled_has_no_place() {
    let lock = Lock::new(());
    let guard = at_once(lock.acquire());
    let unpolled = driven(lock.acquire());
    drop(guard);
    drop(at_once(lock.acquire()));
    drop(unpolled);
    assert!(!lock.is_locked());
}

#[test]
fn an_owned_guard_outlives_the_callers_reference() {
    let lock = Rc::new(Lock::new(String::from("value")));
    let mut guard = at_once(Rc::clone(&lock).acquire_owned());
    assert!(Rc::clone(&lock).try_acquire_owned().is_none());
    let mut next = waiting(Rc::clone(&lock).acquire_owned());
    drop(lock);
    guard.push('s');
    drop(guard);
    assert_eq!(*next.result(), "values");
}

#[test]
fn a_future_that_moves_to_another_task_wakes_that_one() {
    let lock = Lock::new(());
    let guard = at_once(lock.acquire());
    let mut future = Box::pin(lock.acquire());
    drop(waiting(future.as_mut()));
    let mut second = waiting(future.as_mut());
    drop(guard);
    drop(second.result());
}

#[test]
fn a_panic_releases_it() {
    let lock = Lock::new(0);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut guard = at_once(lock.acquire());
        *guard = 7;
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(caught.is_err());
    assert_eq!(*at_once(lock.acquire()), 7);
}

#[test]
fn it_says_what_state_it_is_in() {
    let lock = Lock::new(3);
    let guard = at_once(lock.acquire());
    let _waiter = waiting(lock.acquire());
    assert_eq!(format!("{lock:?}"), "Lock { is_locked: true, waiting: 1, .. }");
    assert_eq!(format!("{guard:?}"), "3");
    assert!(std::ptr::eq(LockGuard::lock(&guard), &lock));
}
