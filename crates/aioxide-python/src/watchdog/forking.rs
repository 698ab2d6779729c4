//! The watchdog around a fork.

use std::cell::RefCell;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, Ordering};

use super::debug_mode;
use super::shared::{SHARED, State, Wanted, state};
use crate::ffi::at_fork::AtFork;

/// The detector was ended for a fork.
static IS_PAUSED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The lock, while this thread forks: the child must find the state consistent and free.
    static FORKING: RefCell<Option<MutexGuard<'static, State>>> = const { RefCell::new(None) };
}

inventory::submit! { AtFork { before, in_parent, in_child } }

fn before() {
    let mut state = state();
    if state.wanted == Wanted::InDebugMode {
        state = without_detector(state);
    }
    // Without thread-local storage, at the end of a thread, it is given back at once.
    let _ = FORKING.try_with(|kept| kept.replace(Some(state)));
}

/// Ends the detector that debug mode has started, until the fork is over: the interpreter warns of
/// threads that exist at a fork.
fn without_detector(mut state: MutexGuard<'static, State>) -> MutexGuard<'static, State> {
    state.generation += 1;
    state.wanted = Wanted::No;
    IS_PAUSED.store(true, Ordering::Relaxed);
    let detector = state.detector.take();
    let number = state.detector_number;
    drop(state);
    SHARED.wake_detector.notify_all();
    if let Some(detector) = detector {
        // It waits for nobody but for the lock.
        let _ = detector.join();
        wait_until_gone(number);
    }
    self::state()
}

/// A thread that was waited for may still be counted for a moment.
#[cfg(target_os = "linux")]
fn wait_until_gone(number: i32) {
    let entry = format!("/proc/self/task/{number}");
    let entry = std::path::Path::new(&entry);
    // Bounded: it may not be seen there, or not be scheduled on a busy machine.
    for _ in 0..1000 {
        if number == 0 || !entry.exists() {
            return;
        }
        std::thread::yield_now();
    }
}

#[cfg(not(target_os = "linux"))]
fn wait_until_gone(_number: i32) {}

fn take_kept() -> Option<MutexGuard<'static, State>> {
    FORKING.try_with(RefCell::take).ok().flatten()
}

fn in_parent() {
    drop(take_kept());
}

/// Starts the detector again if it was ended for a fork. Called in the next iteration of a watched
/// loop: when the interpreter counts the threads differs from release to release.
#[inline(always)]
pub fn resume_after_fork() {
    if IS_PAUSED.load(Ordering::Relaxed) {
        resume();
    }
}

#[cold]
fn resume() {
    IS_PAUSED.store(false, Ordering::Relaxed);
    debug_mode::start(&mut state());
}

/// No thread of the parent runs, and nothing is watched.
fn in_child() {
    let Some(mut state) = take_kept() else { return };
    state.end();
    IS_PAUSED.store(false, Ordering::Relaxed);
    state.loops.clear();
    state.stack = None;
    // The thread is not there to be detached.
    std::mem::forget(state.detector.take());
}
