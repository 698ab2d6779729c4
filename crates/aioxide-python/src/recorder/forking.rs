//! The recorder in the child of a fork: it does not record, and has nothing of its parent's.

use std::sync::MutexGuard;

use aioxide_engine::recorder::{LoopStatus, Loops, Names, loops, names};
use pyo3::prelude::*;

use super::failure_log::{FAILURES, FINDINGS, Kept};
use super::session::{Session, abandon_in_child, session};
use super::stream::{self, StreamGuard};
use super::{console, is_on, set_on};
use crate::ffi::gil_cell::GilCell;
use aioxide_trace::file::{Failure, Finding};

/// Another thread may hold one of these locks at the fork, and does not exist in the child to
/// give it back. So whoever forks holds them all.
type Guards = (
    StreamGuard,
    MutexGuard<'static, Option<Session>>,
    MutexGuard<'static, Loops>,
    MutexGuard<'static, Names>,
    Kept<Failure>,
    Kept<Finding>,
);

static HELD: GilCell<Option<Guards>> = GilCell::new(None);

/// Before a fork: takes the locks.
#[pyfunction]
pub fn _hold_recorder_for_fork(py: Python<'_>) {
    let guards = (stream::hold(), session(), loops(), names(), FAILURES.lock(), FINDINGS.lock());
    drop(HELD.replace(py, Some(guards)));
}

/// After a fork: gives the locks back. The child stops recording and lets go of files.
#[pyfunction]
#[pyo3(signature = (in_child, /))]
pub fn _release_recorder_after_fork(py: Python<'_>, in_child: bool) {
    let Some((stream, ..)) = HELD.take(py) else { return };
    if !in_child {
        return;
    }
    stream.abandon();
    console::abandon_in_child(py);
    if !is_on() {
        return;
    }
    set_on(false);
    let mut loops = loops();
    for record in loops.all() {
        if record.status() == LoopStatus::Open {
            loops.close(record);
        }
    }
    // A ring in a file is the parent's. Without memory for others the mapping stays, unused.
    let _ = loops.forget_closed();
    abandon_in_child(py);
}
