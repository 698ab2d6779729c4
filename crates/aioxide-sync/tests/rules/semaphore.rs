use std::rc::Rc;

use aioxide_sync::Semaphore;

use crate::driving::{at_once, waiting};

#[test]
fn so_many_permits_there_are() {
    let semaphore = Semaphore::new(2);
    let (first, second) = (at_once(semaphore.acquire()), at_once(semaphore.acquire()));
    assert!(semaphore.is_locked() && semaphore.try_acquire().is_none());
    let mut third = waiting(semaphore.acquire());
    drop(second);
    let third = third.result();
    drop((first, third));
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn a_released_permit_is_not_there_for_others_than_the_first_waiter() {
    let semaphore = Semaphore::new(1);
    let permit = at_once(semaphore.acquire());
    let first = waiting(semaphore.acquire());
    let mut second = waiting(semaphore.acquire());
    drop(permit);
    assert!(semaphore.is_locked() && semaphore.try_acquire().is_none());
    drop(first);
    drop(second.result());
    assert!(!semaphore.is_locked());
}

#[test]
fn who_asks_for_many_is_not_overtaken_by_those_who_ask_for_few() {
    let semaphore = Semaphore::new(3);
    let permit = at_once(semaphore.acquire_many(2));
    let mut many = waiting(semaphore.acquire_many(3));
    let mut few = waiting(semaphore.acquire());
    assert!(semaphore.try_acquire().is_none(), "there is a line");
    assert!(semaphore.is_locked());
    drop(permit);
    let three = many.result();
    assert!(!few.is_woken());
    drop(three);
    drop(few.result());
}

#[test]
fn when_one_that_asks_for_many_is_dropped_those_behind_it_are_served() {
    let semaphore = Semaphore::new(2);
    let _permit = at_once(semaphore.acquire());
    let many = waiting(semaphore.acquire_many(2));
    let mut few = waiting(semaphore.acquire());
    drop(many);
    drop(few.result());
}

#[test]
fn one_release_can_serve_several() {
    let semaphore = Semaphore::new(0);
    let mut waiters: Vec<_> = (0..3).map(|_| waiting(semaphore.acquire())).collect();
    semaphore.release(2);
    assert!(!waiters[2].is_woken());
    let permits: Vec<_> = waiters[..2].iter_mut().map(|waiter| waiter.result()).collect();
    drop(permits);
    drop(waiters[2].result());
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn permits_can_be_forgotten_and_split() {
    let semaphore = Semaphore::new(5);
    let mut permits = at_once(semaphore.acquire_many(5));
    let two = permits.split(2).unwrap();
    assert_eq!((permits.count(), two.count()), (3, 2));
    assert!(permits.split(4).is_none());
    assert_eq!(permits.count(), 3);
    permits.forget();
    drop(two);
    assert_eq!(semaphore.available(), 2);
    assert_eq!(format!("{semaphore:?}"), "Semaphore { available: 2, waiting: 0, .. }");
}

#[test]
fn none_at_all_is_acquired_at_once() {
    let semaphore = Semaphore::new(0);
    assert_eq!(at_once(semaphore.acquire_many(0)).count(), 0);
}

#[test]
fn an_owned_permit_keeps_the_semaphore() {
    let semaphore = Rc::new(Semaphore::new(1));
    let mut permit = at_once(Rc::clone(&semaphore).acquire_owned());
    assert!(Rc::clone(&semaphore).try_acquire_owned().is_none());
    let mut next = waiting(Rc::clone(&semaphore).acquire_many_owned(1));
    drop(semaphore);
    drop(permit.split(1));
    assert_eq!(next.result().count(), 1);
}

#[test]
#[should_panic(expected = "released too many times")]
fn a_bounded_one_is_not_released_too_often() {
    let semaphore = Semaphore::bounded(1);
    at_once(semaphore.acquire()).forget();
    semaphore.release(1);
    semaphore.release(1);
}
