use aioxide_sync::watch::{self, WatchClosed};

use crate::driving::{at_once, waiting};

#[test]
fn a_receiver_sees_the_newest_value() {
    let (sender, mut receiver) = watch::channel(0);
    assert!(!receiver.has_changed());
    let mut changed = waiting(receiver.changed());
    sender.send(1);
    sender.send(2);
    assert_eq!(changed.result(), Ok(()));
    drop(changed);
    assert_eq!(receiver.get(), 2);
    drop(waiting(receiver.changed()));
}

#[test]
fn a_wait_that_is_dropped_after_its_wake_has_seen_nothing() {
    let (sender, mut receiver) = watch::channel(0);
    let changed = waiting(receiver.changed());
    sender.send(1);
    drop(changed);
    assert_eq!(at_once(receiver.changed()), Ok(()));
}

#[test]
fn each_receiver_follows_by_itself() {
    let (sender, mut first) = watch::channel(0);
    let mut second = first.clone();
    sender.send(1);
    at_once(first.changed()).unwrap();
    assert!(!first.has_changed() && second.has_changed());
    at_once(second.changed()).unwrap();
    assert!(!sender.subscribe().has_changed());
}

#[test]
fn the_last_value_is_seen_before_the_end() {
    let (sender, mut receiver) = watch::channel(0);
    sender.send(1);
    drop(sender);
    assert_eq!(at_once(receiver.changed()), Ok(()));
    assert_eq!(at_once(receiver.changed()), Err(WatchClosed));
    assert_eq!(*receiver.read(), 1);
}

#[test]
fn the_end_wakes_those_that_wait() {
    let (sender, mut receiver) = watch::channel(0);
    let mut changed = waiting(receiver.changed());
    drop(sender);
    assert_eq!(changed.result(), Err(WatchClosed));
}

#[test]
fn a_sender_knows_whether_anybody_follows() {
    let (sender, receiver) = watch::channel(0);
    assert!(!sender.is_closed());
    drop(receiver);
    assert!(sender.is_closed());
}
