//! The recording of this process: its options, its beginning and its end.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aioxide_engine::recorder::{
    Calibration, LoopRecord, LoopStatus, clock_name, loops, names, ticks,
};
use aioxide_trace::Event;
use aioxide_trace::file::{Failure, Finding, Meta, Stack};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::failure_log::{FAILURES, FINDINGS, shortened};
use super::stream::{self, Streaming};
use super::{chrome, dump, entries, is_on, set_on, shared_rings};
use crate::ffi::allocate::{self, Made};
use crate::ffi::errors::os_error;
use crate::ffi::gil_cell::GilCell;
use crate::ffi::items::Items;

/// How this process is recorded.
#[derive(Clone, Debug)]
pub struct Session {
    /// Events of each loop's ring.
    pub capacity: usize,
    /// What the file says of the process.
    pub meta: Meta,
    /// The file that is written, if the rings are shared with files beside it.
    pub rings_at: Option<PathBuf>,
}

/// The thread that writes a file, if one does.
static STREAMING: GilCell<Option<Streaming>> = GilCell::new(None);

static SESSION: Mutex<Option<Session>> = Mutex::new(None);

pub(super) fn session() -> MutexGuard<'static, Option<Session>> {
    SESSION.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins the record of a loop. None if nothing is recorded, or there is no memory.
#[cold]
pub fn open_loop(py: Python<'_>) -> Option<&'static LoopRecord> {
    let session = session().as_ref().filter(|_| is_on())?.clone();
    let record = loops().open(session.capacity).ok()?;
    entries::open_home(py, record);
    if let Some(tables) = &session.rings_at {
        shared_rings::share(record, tables);
    }
    Some(record)
}

/// An error of a file, as `open()` raises it.
pub(super) fn file_error(error: io::Error, path: &str) -> PyErr {
    match error.raw_os_error() {
        Some(number) => {
            let text = error.to_string();
            let plain = text.split(" (os error").next().unwrap_or(&text).to_owned();
            PyOSError::new_err((number, plain, path.to_owned()))
        }
        None => os_error(error),
    }
}

/// What a file says of this process.
pub(super) fn meta_of(argv: Vec<String>, executable: String, python: String) -> Meta {
    Meta {
        pid: std::process::id(),
        argv,
        executable,
        python,
        aioxide: env!("CARGO_PKG_VERSION").to_owned(),
        clock: clock_name().to_owned(),
        ticks_per_second: 0.0,
        calibration: vec![dump::calibration_of(Calibration::first())],
    }
}

/// Starts recording. `RuntimeError` if it was started before and not stopped.
#[pyfunction]
#[pyo3(signature = (capacity, file, full, argv, executable, python, /))]
pub fn _start_recording(
    py: Python<'_>,
    capacity: usize,
    file: Option<PathBuf>,
    full: bool,
    argv: Items<String>,
    executable: String,
    python: String,
) -> PyResult<()> {
    if is_on() {
        return Err(PyRuntimeError::new_err(crate::name!("the program is being recorded already")));
    }
    if capacity > aioxide_engine::recorder::MAX_CAPACITY {
        return Err(PyValueError::new_err(format!(
            "capacity is at most {} events, not {capacity}",
            aioxide_engine::recorder::MAX_CAPACITY
        )));
    }
    loops().forget_closed().map_err(os_error)?;
    FAILURES.clear();
    FINDINGS.clear();
    super::NUMBER.fetch_add(1, Ordering::Relaxed);
    entries::begin_session(py);
    shared_rings::begin_session();
    let meta = meta_of(argv.0, executable, python);
    if let Some(path) = &file {
        let started = stream::start(path, full, &meta);
        let started = started.map_err(|error| file_error(error, &path.to_string_lossy()))?;
        drop(STREAMING.replace(py, Some(started)));
    }
    super::FULL.store(full, Ordering::Relaxed);
    // The rings of a full trace have what was not written yet when the process is killed. The name of
    // its file may be any.
    let rings_at = file.filter(|it| !full || stream::may_have_rings(it));
    *session() = Some(Session { capacity, meta, rings_at });
    set_on(true);
    Ok(())
}

/// Stops recording. What was recorded stays, until recording starts again. Returns what went
/// wrong with the file that was written, if something did: the file ends before it.
#[pyfunction]
pub fn _stop_recording(py: Python<'_>) -> Option<String> {
    set_on(false);
    let finished = match STREAMING.take(py) {
        Some(streaming) => py.detach(|| streaming.finish()),
        None => Ok(()),
    };
    let mut loops = loops();
    for record in loops.all() {
        loops.close(record);
    }
    finished.err().map(|error| error.to_string())
}

/// In the child of a fork: the thread is not there, and nothing is recorded.
pub(super) fn abandon_in_child(py: Python<'_>) {
    if let Some(streaming) = STREAMING.take(py) {
        streaming.forget();
    }
    *session() = None;
}

/// Whether the program is being recorded.
#[pyfunction]
pub fn _is_recording() -> bool {
    is_on()
}

/// What is counted of each loop that is open, as the console answers it: JSON.
#[pyfunction]
pub fn _recorded_loops(py: Python<'_>) -> PyResult<Bound<'_, PyString>> {
    let text = serde_json::to_string(&super::console::loops())
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    allocate::string(py, &text)
}

/// The locks, queues and transports that were recorded, as the console answers them: JSON.
#[pyfunction]
pub fn _recorded_objects(py: Python<'_>) -> PyResult<Bound<'_, PyString>> {
    let text = serde_json::to_string(&super::console::objects())
        .map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    allocate::string(py, &text)
}

/// The capacity of each ring, and for each loop its number, whether it is open, how many events
/// it has had, and how many of them the ring has.
#[pyfunction]
#[expect(clippy::type_complexity, reason = "a tuple for Python")]
pub fn _recording_state() -> Option<(Made<usize>, Vec<(u32, bool, u64, u64)>)> {
    let capacity = session().as_ref()?.capacity;
    let state = |record: &'static LoopRecord| {
        let next = record.ring().next();
        let kept = next.min(record.ring().capacity() as u64);
        (record.id(), record.status() == LoopStatus::Open, next, kept)
    };
    Some((Made(capacity), loops().all().into_iter().map(state).collect()))
}

/// File, line and qualified name.
type Frame = (String, u32, String);

/// Writes what is recorded to a new file at `path`, with the stacks that were read of tasks: as Chrome trace events if its name ends with
/// `.json`, else as a trace file. `RuntimeError` if nothing was ever recorded.
#[pyfunction]
#[pyo3(signature = (path, stacks, /))]
pub fn _dump_recording(
    py: Python<'_>,
    path: PathBuf,
    stacks: Items<(u64, Items<Frame>)>,
) -> PyResult<()> {
    let Some(session) = session().clone() else {
        return Err(PyRuntimeError::new_err(crate::name!("nothing is recorded")));
    };
    let now = ticks();
    let stacks: Vec<Stack> = stacks
        .0
        .into_iter()
        .map(|(task, frames)| {
            let located = |(file, line, function): Frame| names().location(&file, &function, line);
            Stack { task, ticks: now, frames: frames.0.into_iter().map(located).collect() }
        })
        .collect();
    let written = py.detach(|| dump_to(&path, &session.meta, &stacks));
    written.map(drop).map_err(|error| file_error(error, &path.to_string_lossy()))
}

/// Writes what is recorded to a new file; returns how many events.
pub(super) fn dump_to(path: &Path, meta: &Meta, stacks: &[Stack]) -> io::Result<u64> {
    let file = BufWriter::with_capacity(1 << 16, File::create(path)?);
    if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("json")) {
        chrome::write(file, meta)
    } else {
        dump::write(file, meta, stacks)
    }
}

/// Keeps a task's exception. `task` is its id, or 0. If one of the task is kept already, that with
/// a traceback stays.
#[pyfunction]
#[pyo3(signature = (task, kind, text, traceback, /))]
pub fn _note_failure(task: u64, kind: String, text: String, traceback: String) {
    let exception = shortened(kind);
    let (text, traceback) = (shortened(text), shortened(traceback));
    let failure = Failure { task, exception, text, traceback };
    if task != 0 {
        let mut kept = FAILURES.lock();
        if let Some(before) = kept.iter_mut().rev().find(|each| each.task == task) {
            if !failure.traceback.is_empty() {
                *before = failure;
            }
            return;
        }
    }
    FAILURES.push(failure);
}

/// Keeps what a lint has found.
#[pyfunction]
#[pyo3(signature = (lint, sentence, place, created, elapsed_ns, victims, fix, task, /))]
#[expect(clippy::too_many_arguments, reason = "each is a field")]
pub fn _note_finding(
    lint: String,
    sentence: String,
    place: String,
    created: String,
    elapsed_ns: u64,
    victims: Items<String>,
    fix: String,
    task: u64,
) {
    FINDINGS.push(Finding {
        lint,
        sentence: shortened(sentence),
        place,
        created,
        elapsed_ns,
        victims: victims.0,
        fix,
        task,
        ticks: ticks(),
    });
}

/// Puts a mark with this text into the events of the loop with this number.
pub fn mark(record: &LoopRecord, text: &str) {
    let string = names().text(text);
    let Event { ticks, what, detail } = Event::mark(0, string);
    record.ring().push([ticks, what, detail]);
}
