//! The recorder in the child of a fork: it does not record, and has nothing of its parent's.

use std::cell::RefCell;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, Ordering};

use aioxide_engine::recorder::{LoopStatus, Loops, Names, loops, names};
use pyo3::prelude::*;

use super::failure_log::{FAILURES, FINDINGS, Kept};
use super::session::{Session, abandon_in_child, session};
use super::stream::{self, StreamGuard};
use super::{ON, console};
use crate::ffi::at_fork::AtFork;
use aioxide_trace::file::{Failure, Finding};

type Guards = (
    StreamGuard,
    MutexGuard<'static, Option<Session>>,
    MutexGuard<'static, Loops>,
    MutexGuard<'static, Names>,
    Kept<Failure>,
    Kept<Finding>,
);

thread_local! {
    /// The locks, while this thread forks.
    static HELD: RefCell<Option<Guards>> = const { RefCell::new(None) };
}

/// This process is a child that has not yet let go of what is its parent's.
static IS_NEW_CHILD: AtomicBool = AtomicBool::new(false);
/// The parent recorded when it forked this child.
static PARENT_RECORDED: AtomicBool = AtomicBool::new(false);

inventory::submit! { AtFork { before, in_parent, in_child } }

fn before() {
    let guards = (stream::hold(), session(), loops(), names(), FAILURES.lock(), FINDINGS.lock());
    // Without thread-local storage, at the end of a thread, they are given back at once.
    let _ = HELD.try_with(|held| held.replace(Some(guards)));
}

fn take() -> Option<Guards> {
    HELD.try_with(RefCell::take).ok().flatten()
}

fn in_parent() {
    drop(take());
}

fn in_child() {
    if let Some((stream, ..)) = take() {
        stream.abandon();
    }
    // At once: code that runs before the interpreter's own hooks would write into a ring that
    // the parent maps to a file.
    PARENT_RECORDED.store(ON.swap(false, Ordering::Relaxed), Ordering::Relaxed);
    IS_NEW_CHILD.store(true, Ordering::Relaxed);
}

/// In the child of a fork, when Python code can run again: lets go of files, threads and rings.
/// Does nothing elsewhere.
#[pyfunction]
pub fn _recorder_after_fork(py: Python<'_>) {
    if !IS_NEW_CHILD.swap(false, Ordering::Relaxed) {
        return;
    }
    console::abandon_in_child(py);
    if !PARENT_RECORDED.swap(false, Ordering::Relaxed) {
        return;
    }
    let mut loops = loops();
    for record in loops.all() {
        if record.status() == LoopStatus::Open {
            loops.close(record);
        }
    }
    // A ring in a file is the parent's. Without memory for others the mapping stays, unused.
    let _ = loops.forget_closed();
    drop(loops);
    abandon_in_child(py);
}
