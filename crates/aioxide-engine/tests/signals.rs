//! A signal handler may wake the loop: that is how signals reach it.
#![cfg(not(miri))] // Miri has no signals.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use aioxide_engine::{Events, Poller, Waker};

const DEADLINE: Duration = Duration::from_secs(20);

static WAKER: OnceLock<Waker> = OnceLock::new();

extern "C" fn wake(_signal: i32) {
    if let Some(waker) = WAKER.get() {
        waker.wake();
    }
}

#[test]
fn a_signal_handler_may_wake_the_loop() {
    let poller = Poller::new().unwrap();
    assert!(WAKER.set(poller.waker()).is_ok());
    let handler: extern "C" fn(i32) = wake;
    // SAFETY: the structure is valid when it is zero; the handler does an
    // atomic load and a `write`, which a signal handler may do.
    let outcome = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut())
    };
    assert_eq!(outcome, 0);

    let mut events = Events::with_capacity(1);
    for _ in 0..100 {
        // SAFETY: the signal has the handler above. It runs before this returns.
        assert_eq!(unsafe { libc::raise(libc::SIGUSR2) }, 0);
        let start = Instant::now();
        poller.wait(&mut events, Some(DEADLINE)).unwrap();
        assert!(start.elapsed() < DEADLINE, "the handler did not wake the poller");
        assert!(events.is_empty());
    }
}
