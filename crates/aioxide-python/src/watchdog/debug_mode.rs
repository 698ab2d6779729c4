//! Loops in debug mode are watched without being asked for, with their `slow_callback_duration`.
//!
//! asyncio's debug mode starts no thread, and programs look: `threading.enumerate()` shows Python's
//! threads, and the interpreter warns of a fork while there are any. So the detector's thread is not
//! Python's, ends soon after the last of these loops, and is ended before a fork and started again
//! in an iteration after it ([`super::forking`]). Reports are taken by a thread of Python's that is started for them
//! and ends with the last one, so that a program which never blocks has none.
//!
//! The lints are not switched on, and no signal is taken: native code that keeps the GIL is not
//! named.

use std::thread;

use pyo3::Python;

use super::shared::{Report, State, Wanted, state};
use crate::stdlib;

/// A loop in debug mode begins to run, or to be one: it is watched from now on. Does nothing if the
/// process is out of threads: debug mode goes on as asyncio's.
pub fn start_for_debug_mode() {
    start(&mut state());
}

pub(super) fn start(state: &mut State) {
    if state.wanted == Wanted::No && state.spawn_detector().is_ok() {
        state.wanted = Wanted::InDebugMode;
        // What came before a fork.
        state.has_reporter = !state.reports.is_empty() && start_reporter(state.generation);
    }
}

/// Imports what reports, which takes as long as some items that are to be reported. Called when an
/// item has run for a part of its threshold, for the first time: most programs have none.
pub(super) fn prepare() -> bool {
    let named = thread::Builder::new().name("aioxide-import".into());
    let import = || {
        crate::ffi::exiting::arm();
        #[expect(clippy::disallowed_methods, reason = "a thread that is not Python's has no token")]
        let _ = Python::try_attach(|py| stdlib::import_watchdog(py).is_ok());
    };
    named.spawn(import).is_ok()
}

/// Has a thread of Python's take the reports. False if the process is out of threads.
///
/// It is started by one more thread, since whoever calls may not wait for the GIL.
pub(super) fn start_reporter(generation: u64) -> bool {
    let named = thread::Builder::new().name("aioxide-report".into());
    named.spawn(move || ask_for_reporter(generation)).is_ok()
}

fn ask_for_reporter(generation: u64) {
    crate::ffi::exiting::arm();
    #[expect(clippy::disallowed_methods, reason = "a thread that is not Python's has no token")]
    let started = Python::try_attach(|py| stdlib::report_blocked_loops(py, generation).is_ok());
    if started != Some(true) {
        // The interpreter exits, or has no memory.
        let mut state = state();
        if state.generation == generation {
            state.has_reporter = false;
            state.reports.clear();
        }
    }
}

/// Takes the next report; None if there is none, and then whoever asks has to end.
pub fn take(generation: u64) -> Option<Report> {
    let mut state = state();
    if state.generation != generation {
        return None;
    }
    let report = state.reports.pop_front();
    state.has_reporter = report.is_some();
    report
}
