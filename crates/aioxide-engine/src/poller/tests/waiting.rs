//! When a wait ends.

use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::thread::JoinHandleExt;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::super::{Event, Interest, Trigger};
use super::{DEADLINE, Subject, on_every_poller, stream_pair};

on_every_poller!(
    timeout_ends_a_wait_and_not_before,
    short_timeouts_are_kept,
    endless_timeout_is_no_error,
    wake_before_a_wait_ends_it_at_once,
    wake_during_a_wait_ends_it,
    each_wake_ends_one_wait,
    many_wakes_end_one_wait,
    wakes_are_not_reported_among_events,
    waker_outlives_its_poller,
    descriptor_added_during_a_wait_ends_it,
    signal_interrupts_a_wait,
);

/// Waits without a timeout on another thread, and sends what came of it.
fn wait_elsewhere<P: Subject>(poller: &Arc<P>) -> mpsc::Receiver<Vec<Event>> {
    let (sender, receiver) = mpsc::channel();
    let poller = Arc::clone(poller);
    thread::spawn(move || sender.send(poller.wait(None)));
    receiver
}

fn timeout_ends_a_wait_and_not_before<P: Subject>() {
    let poller = P::create();
    for timeout in
        [Duration::from_micros(1), Duration::from_micros(300), Duration::from_micros(2500)]
    {
        let start = Instant::now();
        assert_eq!(poller.wait(Some(timeout)), []);
        let elapsed = start.elapsed();
        assert!(elapsed >= timeout, "{elapsed:?} instead of {timeout:?}");
        assert!(elapsed < DEADLINE, "{elapsed:?} instead of {timeout:?}");
    }
}

fn short_timeouts_are_kept<P: Subject>() {
    let poller = P::create();
    // The shortest of many, because another process may take our time slice.
    let shortest = (0..50)
        .map(|_| {
            let start = Instant::now();
            poller.wait(Some(Duration::from_micros(50)));
            start.elapsed()
        })
        .min()
        .unwrap();
    let is_kept = shortest < Duration::from_millis(1);
    assert_eq!(is_kept, P::HAS_NANOSECONDS, "{shortest:?}");
}

fn endless_timeout_is_no_error<P: Subject>() {
    let poller = P::create();
    poller.waker()();
    assert_eq!(poller.wait(Some(Duration::MAX)), []);
}

fn wake_before_a_wait_ends_it_at_once<P: Subject>() {
    let poller = Arc::new(P::create());
    poller.waker()();
    let outcome = wait_elsewhere(&poller);
    assert_eq!(outcome.recv_timeout(DEADLINE), Ok(vec![]));
}

fn wake_during_a_wait_ends_it<P: Subject>() {
    let poller = Arc::new(P::create());
    let outcome = wait_elsewhere(&poller);
    let still_waiting = outcome.recv_timeout(Duration::from_millis(20));
    assert_eq!(still_waiting, Err(mpsc::RecvTimeoutError::Timeout));
    poller.waker()();
    assert_eq!(outcome.recv_timeout(DEADLINE), Ok(vec![]));
}

fn each_wake_ends_one_wait<P: Subject>() {
    let poller = P::create();
    let wake = poller.waker();
    for _ in 0..1000 {
        wake();
        let start = Instant::now();
        assert_eq!(poller.wait(Some(DEADLINE)), []);
        assert!(start.elapsed() < DEADLINE);
    }
}

fn many_wakes_end_one_wait<P: Subject>() {
    let poller = P::create();
    let wake = poller.waker();
    // More than a socket buffer has room for.
    for _ in 0..10_000 {
        wake();
    }
    let start = Instant::now();
    assert_eq!(poller.wait(Some(DEADLINE)), []);
    assert!(start.elapsed() < DEADLINE);

    let (start, timeout) = (Instant::now(), Duration::from_millis(5));
    assert_eq!(poller.wait(Some(timeout)), []);
    assert!(start.elapsed() >= timeout, "the wakes ended a second wait");
}

fn wakes_are_not_reported_among_events<P: Subject>() {
    let poller = P::create();
    let wake = poller.waker();
    let pairs: Vec<_> = (0..3).map(|_| stream_pair()).collect();
    for (token, (ours, theirs)) in pairs.iter().enumerate() {
        let token = token as u64;
        poller.add(ours.as_fd(), token, Interest::READ, Trigger::Edge).unwrap();
        let mut theirs = theirs;
        theirs.write_all(b"x").unwrap();
        wake();
    }
    let tokens: Vec<u64> = poller.poll().iter().map(|event| event.token).collect();
    assert_eq!(tokens, [0, 1, 2]);
    assert_eq!(poller.poll(), []);
}

fn waker_outlives_its_poller<P: Subject>() {
    let poller = P::create();
    let wake = poller.waker();
    drop(poller);
    wake();
    let other = P::create();
    wake();
    let timeout = Duration::from_millis(5);
    let start = Instant::now();
    assert_eq!(other.wait(Some(timeout)), []);
    assert!(start.elapsed() >= timeout, "it woke a steps_foreign_task");
}

fn descriptor_added_during_a_wait_ends_it<P: Subject>() {
    let (ours, mut theirs) = stream_pair();
    theirs.write_all(b"x").unwrap();
    let poller = Arc::new(P::create());
    let outcome = wait_elsewhere(&poller);
    let still_waiting = outcome.recv_timeout(Duration::from_millis(20));
    assert_eq!(still_waiting, Err(mpsc::RecvTimeoutError::Timeout));
    poller.add(ours.as_fd(), 5, Interest::READ, Trigger::Level).unwrap();
    let events = outcome.recv_timeout(DEADLINE).unwrap();
    assert_eq!(events.iter().map(|e| e.token).collect::<Vec<_>>(), [5]);
}

/// Makes `signal` interrupt system calls and do nothing else.
#[allow(unsafe_code)]
fn handle_without_effect(signal: i32) {
    extern "C" fn do_nothing(_signal: i32) {}
    let handler: extern "C" fn(i32) = do_nothing;
    // SAFETY: the structure is valid when it is zero, and the handler touches
    // nothing at all.
    let outcome = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        libc::sigaction(signal, &action, std::ptr::null_mut())
    };
    assert_eq!(outcome, 0);
}

#[allow(unsafe_code)]
fn signal_interrupts_a_wait<P: Subject>() {
    handle_without_effect(libc::SIGUSR1);
    let poller = Arc::new(P::create());
    let waiting = Arc::clone(&poller);
    let waiter = thread::spawn(move || waiting.wait_with_room(1, None).map_err(|e| e.kind()));
    let start = Instant::now();
    // A signal that arrives before the wait has begun interrupts nothing.
    while !waiter.is_finished() {
        assert!(start.elapsed() < DEADLINE, "no signal ended the wait");
        // SAFETY: the thread has not been joined, so its name is still its own.
        unsafe { libc::pthread_kill(waiter.as_pthread_t() as _, libc::SIGUSR1) };
        thread::yield_now();
    }
    assert_eq!(waiter.join().unwrap(), Err(ErrorKind::Interrupted));
}
