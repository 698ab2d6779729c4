//! What a poller refuses, and with which errors.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};

use super::super::{Interest, MAX_TOKEN, Trigger};
use super::{Subject, on_every_poller, stream_pair};

on_every_poller!(
    nothing_is_reported_after_remove,
    nothing_is_reported_after_the_descriptor_is_closed,
    adding_twice_is_refused,
    modifying_what_was_not_added_is_refused,
    removing_what_was_not_added_is_refused,
    reserved_tokens_are_refused_by_name,
    regular_files_are_refused_where_they_are_always_ready,
    closed_descriptors_are_refused,
);

fn nothing_is_reported_after_remove<P: Subject>() {
    let (ours, mut theirs) = stream_pair();
    let poller = P::create();
    poller.add(ours.as_fd(), 1, Interest::READ, Trigger::Level).unwrap();
    theirs.write_all(b"x").unwrap();
    assert_eq!(poller.expect_one().token, 1);
    poller.remove(ours.as_fd()).unwrap();
    assert_eq!(poller.poll(), []);
    poller.add(ours.as_fd(), 2, Interest::READ, Trigger::Level).unwrap();
    assert_eq!(poller.expect_one().token, 2);
}

fn nothing_is_reported_after_the_descriptor_is_closed<P: Subject>() {
    let (ours, mut theirs) = stream_pair();
    let poller = P::create();
    poller.add(ours.as_fd(), 1, Interest::READ, Trigger::Level).unwrap();
    theirs.write_all(b"x").unwrap();
    drop(ours);
    assert_eq!(poller.poll(), []);
}

fn adding_twice_is_refused<P: Subject>() {
    let (ours, _theirs) = stream_pair();
    let poller = P::create();
    poller.add(ours.as_fd(), 1, Interest::READ, Trigger::Level).unwrap();
    let error = poller.add(ours.as_fd(), 2, Interest::READ, Trigger::Level).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

fn modifying_what_was_not_added_is_refused<P: Subject>() {
    let (ours, _theirs) = stream_pair();
    let error = P::create().modify(ours.as_fd(), 1, Interest::READ, Trigger::Level).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

fn removing_what_was_not_added_is_refused<P: Subject>() {
    let (ours, _theirs) = stream_pair();
    let poller = P::create();
    let error = poller.remove(ours.as_fd()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    poller.add(ours.as_fd(), 1, Interest::READ, Trigger::Level).unwrap();
    poller.remove(ours.as_fd()).unwrap();
    let error = poller.remove(ours.as_fd()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

fn reserved_tokens_are_refused_by_name<P: Subject>() {
    let (ours, _theirs) = stream_pair();
    let poller = P::create();
    for token in [MAX_TOKEN + 1, u64::MAX] {
        let added = poller.add(ours.as_fd(), token, Interest::READ, Trigger::Level);
        let modified = poller.modify(ours.as_fd(), token, Interest::READ, Trigger::Level);
        for error in [added.unwrap_err(), modified.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            let message = error.to_string();
            assert!(message.contains(&token.to_string()), "{message}");
        }
    }
}

fn regular_files_are_refused_where_they_are_always_ready<P: Subject>() {
    let file = File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let poller = P::create();
    let outcome = poller.add(file.as_fd(), 1, Interest::READ, Trigger::Level);
    if cfg!(any(target_os = "linux", target_os = "android")) {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::PermissionDenied);
    } else {
        outcome.unwrap();
        assert!(poller.expect_one().readable);
    }
}

#[allow(unsafe_code)]
fn closed_descriptors_are_refused<P: Subject>() {
    // SAFETY: the number is beyond every limit, so no file has it, and the calls that
    // it is passed to fail at the lookup.
    let closed = unsafe { BorrowedFd::borrow_raw(i32::MAX) };
    let poller = P::create();
    for outcome in [
        poller.add(closed, 1, Interest::READ, Trigger::Level),
        poller.modify(closed, 1, Interest::READ, Trigger::Level),
        poller.remove(closed),
    ] {
        assert_eq!(outcome.unwrap_err().raw_os_error(), Some(libc::EBADF));
    }
}
