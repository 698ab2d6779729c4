use std::sync::Barrier;
use std::thread;

use super::*;
use crate::Poller;

fn inbox<T>() -> Inbox<T> {
    inbox_and_waker().0
}

/// The waker counts how often the inbox has used it.
fn inbox_and_waker<T>() -> (Inbox<T>, Waker) {
    let waker = Poller::new().expect("file descriptors are left").waker();
    (Inbox::new(waker.clone()), waker)
}

fn drained<T>(inbox: &Inbox<T>) -> Vec<T> {
    let mut out = VecDeque::new();
    inbox.drain_into(&mut out);
    out.into()
}

#[test]
fn items_come_out_in_the_order_in_which_they_arrived() {
    let inbox = inbox();
    assert!(inbox.is_empty());
    for item in 0..5 {
        inbox.push(item).unwrap();
        assert!(!inbox.is_empty());
    }
    assert_eq!(drained(&inbox), [0, 1, 2, 3, 4]);
    assert!(inbox.is_empty());
    assert_eq!(drained(&inbox), []);
}

#[test]
fn drained_items_go_behind_what_is_there() {
    let inbox = inbox();
    let mut out = VecDeque::from(["ready"]);
    inbox.push("sent").unwrap();
    inbox.drain_into(&mut out);
    assert_eq!(out, ["ready", "sent"]);
}

#[test]
fn the_poller_is_woken_once_however_many_items_wait() {
    let (inbox, waker) = inbox_and_waker();
    for round in 0..3 {
        for item in 0..100 {
            inbox.push((round, item)).unwrap();
        }
        assert_eq!(waker.take_count(), 1);
        assert_eq!(drained(&inbox).len(), 100);
        assert_eq!(waker.take_count(), 0);
    }
}

#[test]
fn what_is_looked_for_wakes_nobody() {
    let (inbox, waker) = inbox_and_waker();
    inbox.lock().consumer_spins = true;
    inbox.push("seen").unwrap();
    assert_eq!(waker.take_count(), 0);
    assert!(inbox.spin(&mut AdaptiveSpin::default()));
    assert_eq!(drained(&inbox), ["seen"]);
}

#[test]
fn what_arrives_after_a_look_wakes_the_poller() {
    let (inbox, waker) = inbox_and_waker();
    assert!(!inbox.spin(&mut AdaptiveSpin::default()));
    inbox.push("late").unwrap();
    assert_eq!(waker.take_count(), 1);
    assert!(inbox.spin(&mut AdaptiveSpin::default()));
}

#[test]
fn close_hands_back_what_had_arrived_and_what_comes_later() {
    let (inbox, waker) = inbox_and_waker();
    inbox.push("early").unwrap();
    inbox.push("in time").unwrap();
    assert_eq!(inbox.close(), ["early", "in time"]);
    assert!(inbox.is_empty());
    waker.take_count();

    assert_eq!(inbox.push("late"), Err("late"));
    assert!(inbox.is_empty());
    assert_eq!(waker.take_count(), 0);
    assert_eq!(drained(&inbox), <[&str; 0]>::default());
    assert_eq!(inbox.close(), <[&str; 0]>::default());
}

#[test]
fn no_item_is_lost_or_doubled_when_the_inbox_is_closed_meanwhile() {
    const PRODUCERS: usize = 4;
    let pushes = if cfg!(miri) { 20 } else { 5_000 };
    let inbox = inbox();
    let start = Barrier::new(PRODUCERS + 1);
    let (accepted, taken) = thread::scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    (0..pushes).filter(|_| inbox.push(()).is_ok()).count()
                })
            })
            .collect();
        start.wait();
        let mut out = VecDeque::new();
        while out.len() < pushes {
            inbox.drain_into(&mut out);
            thread::yield_now();
        }
        let taken = out.len() + inbox.close().len();
        let accepted: usize = producers.into_iter().map(|p| p.join().unwrap()).sum();
        (accepted, taken)
    });
    assert_eq!(accepted, taken);
    assert!(inbox.is_empty());
}

#[test]
fn a_forked_child_takes_over_what_had_arrived() {
    let (inbox, waker) = inbox_and_waker();
    let inbox = Arc::new(inbox);
    inbox.push("early").unwrap();
    inbox.push("late").unwrap();
    let kept = Arc::clone(&inbox);
    assert_eq!(Inbox::inherited(inbox), ["early", "late"]);
    // Its own, and that of the poller, which is gone.
    assert_eq!(waker.holders(), 1);
    assert_eq!(kept.push("later"), Err("later"));
}

#[test]
#[cfg_attr(miri, ignore)] // The memory is lost on purpose.
fn a_forked_child_does_not_wait_for_a_thread_that_it_lacks() {
    let inbox = Arc::new(inbox());
    inbox.push("lost").unwrap();
    let other = Arc::clone(&inbox);
    let _pushing = other.lock();
    assert_eq!(Inbox::inherited(inbox), <[&str; 0]>::default());
}

#[test]
fn what_has_arrived_can_be_looked_at() {
    let inbox = inbox();
    inbox.push(1).unwrap();
    inbox.push(2).unwrap();
    inbox.push(3).unwrap();
    let mut seen = Vec::new();
    let until_two = |item: &i32| {
        seen.push(*item);
        if *item == 2 { Err("two") } else { Ok(()) }
    };
    assert_eq!(inbox.try_for_each(until_two), Err("two"));
    assert_eq!(seen, [1, 2]);
    assert!(!inbox.is_empty());
}
