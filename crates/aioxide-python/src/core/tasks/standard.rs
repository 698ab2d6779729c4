//! What the recorder is told of tasks of asyncio's own class that run on a loop of ours.
//!
//! `install()` leaves the class `asyncio.Task` as it is, and some programs make their tasks by it, as
//! aiohttp does for each connection and request. Nothing tells when such a task is created, and it has
//! no room for a mark. It is met when its first step is scheduled, or, if that ran at once, when it
//! waits for a future of ours. Its steps are items of the ready queue, and the last one ends it.
//!
//! Its requests to cancel are counted by itself. The count is looked at when it is woken, which a request
//! does at once if it waits for a future of ours, and before each of its steps.

use std::collections::BTreeMap;
use std::sync::Arc;

use aioxide_engine::recorder::{LoopRecord, Phase, TaskName, TaskRecord, ticks};
use aioxide_trace::{Event, Kind, Outcome, WaitKind};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyWeakrefMethods, PyWeakrefReference};

use super::Task;
use super::recording::push;
use crate::core::coroutines::Coroutine;
use crate::core::dispatch::kind_of_future;
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::core::handles::stepped_task;
use crate::ffi::allocate::Made;
use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};
use crate::{recorder, stdlib};

/// A task that is recorded.
struct Known {
    address: usize,
    task: Py<PyWeakrefReference>,
    record: &'static TaskRecord,
    /// How many requests to cancel it had when that was looked at last.
    requests: GilCell<u64>,
}

/// By address. One that was collected while it was pending is found out when its address is met again,
/// or by [`sweep`].
type Table = BTreeMap<usize, Arc<Known>>;

static KNOWN: GilCell<Table> = GilCell::new(BTreeMap::new());

/// When a task or a future of asyncio's own class was made last: they all ask their loop for its debug
/// mode then. A task whose first step runs at once begins it there.
static LAST_MADE: GilCell<u64> = GilCell::new(0);

/// How many tasks are known when they are looked through next.
static SWEEP_AT: GilCell<usize> = GilCell::new(LEAST);
const LEAST: usize = 64;

// SAFETY (of the methods): entries are moved in and out, and never dropped; the keys are numbers.
unsafe_cell_methods!(Table {
    /// Adds an entry, and hands out the one that was there.
    fn insert(&mut self, address: usize, entry: Arc<Known>) -> Option<Arc<Known>>;
    /// Takes an entry out.
    fn remove(&mut self, address: &usize) -> Option<Arc<Known>>;
});

/// The loop was asked for its debug mode, perhaps by a task of asyncio's own class that is being made.
#[cold]
pub fn may_be_made(py: Python<'_>) {
    LAST_MADE.set(py, ticks());
}

/// A callback was given to `call_soon`: perhaps the first step of a new task, or the next one of a task
/// that waits.
#[cold]
pub fn scheduled(core: &LoopCore, callback: &Bound<'_, PyAny>) {
    let py = callback.py();
    let Some(task) = stepped_task(callback) else { return };
    let Some(home) = core.loop_record(py) else { return };
    match known(&task) {
        Some(record) if record.phase() == Phase::Waiting => core.record_wakeup_of(py, record),
        Some(_) => {} // It gives way in its own step.
        None => {
            let now = if home.thread() == 0 { ticks() } else { home.last() };
            create(&task, home, now);
        }
    }
}

/// A callback was added to a future: perhaps that of a task whose first step has run at once.
#[cold]
pub fn awaits(future: &Bound<'_, Future>, callback: &Bound<'_, PyAny>) {
    let py = future.py();
    let Some(task) = stepped_task(callback) else { return };
    if known(&task).is_some() {
        return; // The end of its step tells.
    }
    let Ok(event_loop) = future.get().event_loop(py) else { return };
    let Some(core) = LoopCore::of(event_loop.as_any()) else { return };
    let Some(home) = core.get().loop_record(py) else { return };
    let now = ticks();
    // If another one was made in this step, it has begun earlier than that.
    let begin = Some(LAST_MADE.replace(py, 0)).filter(|made| *made >= home.last()).unwrap_or(now);
    if let Some(record) = create(&task, home, begin) {
        let state = waits_for(future.as_any());
        record.begin_step(begin);
        record.end_step(begin, now, state);
        let what = Kind::Step as u64 | record.id() << 8;
        push(home, Event { ticks: 0, what, detail: state });
    }
}

/// The record of a task, made now if it has none.
pub fn record_of(
    task: &Bound<'_, PyAny>,
    home: &'static LoopRecord,
) -> Option<&'static TaskRecord> {
    let Some(record) = known(task) else {
        let record = begin(task, home, 0, (0, home.last()), 0)?;
        let state = state_after(task);
        let is_ready = state == Outcome::Yielded as u64;
        record.set_state(home.last(), if is_ready { Phase::Ready as u64 } else { state });
        return Some(record);
    };
    if record.loop_id() != home.id() {
        // It was recorded before, by a recording that has ended.
        record.move_to(home.id(), home.place());
    }
    Some(record)
}

/// Records the requests to cancel a task that came since this was called last, if there are any; `by` is
/// the task that has made the last one, or 0.
pub fn note_requests(task: &Bound<'_, PyAny>, home: &'static LoopRecord, by: u64) {
    let Some(entry) = entry(task) else { return };
    let requests = requests(task);
    if requests > entry.requests.replace(task.py(), requests) {
        push(home, Event::cancel_requested(0, entry.record.id(), by));
    }
}

/// Records a task that existed before the recording began, if it is one of these.
pub fn adopt(task: &Bound<'_, PyAny>) {
    let py = task.py();
    let is_standard = stdlib::standard_task_type(py)
        .and_then(|class| task.get_type().is_subclass(class))
        .unwrap_or(false);
    if !is_standard || is(task, Question::Done) {
        return;
    }
    if let Ok(event_loop) = ask(task, "get_loop")
        && let Some(core) = LoopCore::of(&event_loop)
        && let Some(home) = core.get().loop_record(py)
    {
        record_of(task, home);
    }
}

/// The id under which a task is recorded; None if it is not.
pub fn id_of(task: &Bound<'_, PyAny>) -> Option<u64> {
    known(task).map(TaskRecord::id)
}

/// Runs when a recording begins, and now and then: what has ended unseen, or was collected, is forgotten.
#[cold]
pub fn sweep(py: Python<'_>) {
    let entries = KNOWN.read(py, |table| table.values().cloned().collect::<Vec<_>>());
    let mut left = entries.len();
    for entry in entries {
        let task = entry.task.bind(py).upgrade();
        if task.is_none_or(|task| is(&task, Question::Done)) {
            forget(py, entry.address);
            left -= 1;
        }
    }
    SWEEP_AT.set(py, LEAST.max(2 * left));
}

/// How the step of a task has ended, as the detail of its event.
pub fn state_after(task: &Bound<'_, PyAny>) -> u64 {
    if is(task, Question::Done) {
        return if is(task, Question::Cancelled) {
            Outcome::Cancelled as u64
        } else if exception(task).is_some() {
            Outcome::Failed as u64
        } else {
            Outcome::Done as u64
        };
    }
    match attribute(task, "_fut_waiter") {
        Some(waiter) => waits_for(&waiter),
        None => Outcome::Yielded as u64,
    }
}

/// A step has ended with this detail.
pub fn after_step(task: &Bound<'_, PyAny>, record: &'static TaskRecord, detail: u64) {
    let py = task.py();
    if detail as u8 == Outcome::Failed as u8
        && let Some(exception) = exception(task)
    {
        let noted = stdlib::note_task_failure(py)
            .and_then(|note| note.call1((Made(record.id()), exception, recorder::is_full())));
        if let Err(error) = noted {
            error.write_unraisable(py, Some(task));
        }
    }
    if let Some(entry) = entry(task).filter(|entry| entry.requests.get(py) > 0) {
        entry.requests.set(py, requests(task)); // It may have taken some back: `uncancel()`.
    }
    let ends = [Outcome::Done, Outcome::Failed, Outcome::Cancelled];
    if ends.iter().any(|each| detail as u8 == *each as u8) {
        forget(py, task.as_ptr().addr());
    }
}

/// The record of a task that has one.
fn known(task: &Bound<'_, PyAny>) -> Option<&'static TaskRecord> {
    entry(task).map(|entry| entry.record)
}

fn entry(task: &Bound<'_, PyAny>) -> Option<Arc<Known>> {
    let (py, address) = (task.py(), task.as_ptr().addr());
    let entry = KNOWN.clone_of(py, |table| table.get(&address))?;
    if entry.task.bind(py).upgrade().is_some_and(|it| it.is(task)) {
        return Some(entry);
    }
    forget(py, address);
    None
}

/// A task is met that has just been made.
fn create(
    task: &Bound<'_, PyAny>,
    home: &'static LoopRecord,
    now: u64,
) -> Option<&'static TaskRecord> {
    let parent = match home.running() {
        step if Kind::from_byte(step as u8) == Kind::Step => step >> 8,
        _ => 0,
    };
    let record = begin(task, home, parent, (now, now), recorder::caller(task.py()))?;
    push(home, Event::task_created(0, record.id(), parent));
    Some(record)
}

fn begin(
    task: &Bound<'_, PyAny>,
    home: &'static LoopRecord,
    parent: u64,
    times: (u64, u64),
    created_at: u32,
) -> Option<&'static TaskRecord> {
    let (py, address) = (task.py(), task.as_ptr().addr());
    if KNOWN.read(py, Table::len) >= SWEEP_AT.get(py) {
        sweep(py);
    }
    let weak = PyWeakrefReference::new(task).ok()?.unbind();
    let name = ask(task, "get_name").ok()?;
    let name = name.cast::<PyString>().ok()?.to_string_lossy();
    let coroutine = ask(task, "get_coro").ok()?;
    let definition = match coroutine.cast_exact::<Coroutine>() {
        Ok(native) => recorder::of_native(py, native.get().qualname(py)),
        Err(_) => recorder::of_coroutine(&coroutine),
    };
    let places = (definition, created_at);
    let record = recorder::begin_task(py, home, parent, times, places, &TaskName::Text(&name))?;
    // Of one that existed before, requests of before are no events.
    let requests = GilCell::new(if times.0 == 0 { requests(task) } else { 0 });
    let entry = Arc::new(Known { address, task: weak, record, requests });
    if let Some(old) = KNOWN.insert(py, address, entry) {
        end(py, &old);
    }
    Some(record)
}

/// The task at this address has ended, or is gone.
fn forget(py: Python<'_>, address: usize) {
    if let Some(entry) = KNOWN.remove(py, &address) {
        end(py, &entry);
    }
}

fn end(py: Python<'_>, entry: &Known) {
    if matches!(entry.record.phase(), Phase::Waiting | Phase::Ready | Phase::Running) {
        // Nobody has seen its end.
        entry.record.set_state(ticks(), Phase::Cancelled as u64);
    }
    recorder::end_task(py, entry.record);
}

/// What a task waits for that waits for this future, as the state of its record.
fn waits_for(waiter: &Bound<'_, PyAny>) -> u64 {
    let (py, address) = (waiter.py(), waiter.as_ptr().addr());
    let (kind, id) = match recorder::take_wait(py, address) {
        Some(noted) => noted,
        None => match (waiter.cast::<Task>(), known(waiter)) {
            (Ok(task), _) => (WaitKind::Task, task.get().recorded_id(py)),
            (_, Some(record)) => (WaitKind::Task, record.id()),
            _ => (kind_of_future(waiter), 0),
        },
    };
    (kind as u64) << 8 | id << 16
}

/// What a task is asked by the method of asyncio's own class, which runs no Python code: a subclass may have
/// others.
fn ask<'py>(task: &Bound<'py, PyAny>, method: &str) -> PyResult<Bound<'py, PyAny>> {
    stdlib::standard_task_type(task.py())?.call_method1(method, (task,))
}

/// How often it was asked to cancel itself, but for what it has taken back.
fn requests(task: &Bound<'_, PyAny>) -> u64 {
    ask(task, "cancelling").ok().and_then(|count| count.extract().ok()).unwrap_or(0)
}

enum Question {
    Done,
    Cancelled,
}

fn is(task: &Bound<'_, PyAny>, question: Question) -> bool {
    let method = match question {
        Question::Done => "done",
        Question::Cancelled => "cancelled",
    };
    ask(task, method).is_ok_and(|answer| answer.is_truthy().unwrap_or(false))
}

/// The attribute of asyncio's own class, unless it is None.
fn attribute<'py>(task: &Bound<'py, PyAny>, name: &str) -> Option<Bound<'py, PyAny>> {
    let class = stdlib::standard_task_type(task.py()).ok()?;
    let value = class.getattr(name).ok()?.call_method1("__get__", (task,)).ok()?;
    (!value.is_none()).then_some(value)
}

/// Its exception, which does not count as asked for.
fn exception<'py>(task: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    attribute(task, "_exception")
}
