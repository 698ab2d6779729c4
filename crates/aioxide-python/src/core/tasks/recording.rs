//! What the recorder is told of tasks.

use aioxide_engine::recorder::{LoopRecord, Phase, TaskMark, TaskName, TaskRecord, ticks};
use aioxide_trace::{Event, Outcome as Ended, WaitKind};
use pyo3::prelude::*;

use super::name::Name;
use super::{Task, standard};
use crate::core::coroutines::Coroutine;
use crate::core::dispatch::kind_of_future;
use crate::core::futures::{BoundLoop, Future, Outcome};
use crate::ffi::allocate::Made;
use crate::ffi::free_list;
use crate::ffi::items::Items;
use crate::recorder;
use crate::stdlib;

impl Task {
    /// Its record, if it has one.
    #[inline(always)]
    pub fn record(&self, py: Python<'_>) -> Option<&'static TaskRecord> {
        self.state.record.get(py).record()
    }

    /// The id under which it is recorded, also when it has ended; 0 if it is not.
    pub fn recorded_id(&self, py: Python<'_>) -> u64 {
        self.state.record.get(py).id()
    }
}

/// The task was created, while it is recorded, or lints look.
#[inline]
pub fn created(task: &Bound<'_, Task>, event_loop: &BoundLoop<'_>) {
    let py = task.py();
    let place = recorder::caller(py);
    task.as_super().get().state.created_at.set(py, place);
    if !recorder::is_on() {
        return;
    }
    let BoundLoop::Native(core) = event_loop else { return };
    let Some(home) = core.get().loop_record(py) else { return };
    if task.get().record(py).is_some() {
        return; // `__init__` was called a second time.
    }
    let now = if home.thread() == 0 { ticks() } else { home.last() };
    let parent = match home.running() {
        step if step as u8 == aioxide_trace::Kind::Step as u8 => step >> 8,
        _ => 0,
    };
    if let Some(record) = begin(task, home, parent, (now, now)) {
        push(home, Event::task_created(0, record.id(), parent));
    }
}

/// The record of a task; one that existed before gets it now.
#[inline(always)]
pub fn record_of(task: &Bound<'_, Task>, home: &'static LoopRecord) -> Option<&'static TaskRecord> {
    match task.get().record(task.py()) {
        Some(record) => Some(record),
        None => adopt(task, home),
    }
}

#[cold]
fn adopt(task: &Bound<'_, Task>, home: &'static LoopRecord) -> Option<&'static TaskRecord> {
    let record = begin(task, home, 0, (0, home.last()))?;
    let (py, waiter) = (task.py(), task.get().state.waiter.is_some(task.py()));
    if waiter {
        record.set_state(home.last(), state_after(task));
    } else if !task.as_super().get().is_done(py) {
        record.set_state(home.last(), Phase::Ready as u64);
    }
    Some(record)
}

#[inline]
fn begin(
    task: &Bound<'_, Task>,
    home: &'static LoopRecord,
    parent: u64,
    times: (u64, u64),
) -> Option<&'static TaskRecord> {
    let py = task.py();
    let state = &task.get().state;
    let coroutine = state.coroutine.clone_ref(py).map(|it| it.into_bound(py));
    let coroutine = coroutine.map_or(0, |coroutine| match coroutine.cast_exact::<Coroutine>() {
        Ok(native) => match native.get().definition(py) {
            Some(definition) => {
                let tell =
                    || (definition.file().into(), definition.path().into(), definition.line());
                recorder::of_foreign(py, std::ptr::from_ref(definition).addr(), tell)
            }
            None => recorder::of_native(py, native.get().qualname(py)),
        },
        Err(_) => recorder::of_coroutine(&coroutine),
    });
    let places = (coroutine, task.as_super().get().state.created_at.get(py));
    let record = match state.name.read(py, Name::number) {
        Some(number) => {
            recorder::begin_task(py, home, parent, times, places, &TaskName::Number(number))
        }
        None => state
            .name
            .clone_ref(py)
            .recorded(py, |name| recorder::begin_task(py, home, parent, times, places, &name)),
    }?;
    state.record.set(py, TaskMark::of(record));
    Some(record)
}

/// The task is done or gone.
#[inline(always)]
pub fn end(py: Python<'_>, task: &Task) {
    if let Some(record) = task.record(py) {
        end_record(py, task, record);
    }
}

#[cold]
fn end_record(py: Python<'_>, task: &Task, record: &'static TaskRecord) {
    task.state.record.set(py, task.state.record.get(py).ended());
    if record.phase() != Phase::Running {
        // It was dropped before it was done. After a step, the step says how it has ended.
        record.set_state(ticks(), Phase::Cancelled as u64);
    } else if !recorder::is_on() {
        record.set_state(ticks(), Phase::Done as u64);
    }
    recorder::end_task(py, record);
}

/// The task has another name.
pub fn renamed(py: Python<'_>, task: &Task) {
    if let Some(record) = task.record(py) {
        task.state.name.clone_ref(py).recorded(py, |name| recorder::rename_task(record, &name));
    }
}

/// Somebody has called `cancel()`.
#[inline]
pub fn cancel_requested(task: &Bound<'_, Task>) {
    if recorder::is_on() {
        note_request(task);
    }
}

#[cold]
fn note_request(task: &Bound<'_, Task>) {
    if let Some((record, home)) = recorded_at_home(task) {
        let by = match home.running() {
            step if step as u8 == aioxide_trace::Kind::Step as u8 => step >> 8,
            _ => 0,
        };
        push(home, Event::cancel_requested(0, record.id(), by));
    }
}

/// The record of the task and that of its loop.
fn recorded_at_home(task: &Bound<'_, Task>) -> Option<(&'static TaskRecord, &'static LoopRecord)> {
    let py = task.py();
    let BoundLoop::Native(core) = task.as_super().get().event_loop(py).ok()? else { return None };
    let home = core.get().loop_record(py)?;
    Some((record_of(task, home)?, home))
}

/// Runs a step that is no item of the ready queue: of an eager task, or inside a handle.
#[inline]
pub fn nested_step(task: &Bound<'_, Task>, step: impl FnOnce() -> PyResult<()>) -> PyResult<()> {
    if !recorder::is_on() {
        return step();
    }
    match recorded_at_home(task) {
        Some((record, home)) => {
            let result = inside_item(record, home, || state_after(task), step);
            if record.phase() == Phase::Failed {
                note_failure(task, record.id());
            }
            result
        }
        None => step(),
    }
}

/// Runs a step as a part of the item that runs.
pub(in crate::core) fn inside_item(
    record: &'static TaskRecord,
    home: &'static LoopRecord,
    state_after: impl FnOnce() -> u64,
    step: impl FnOnce() -> PyResult<()>,
) -> PyResult<()> {
    let outer = home.running();
    let what = aioxide_trace::Kind::Step as u64 | record.id() << 8;
    home.set_running(what);
    let begin = ticks();
    record.begin_step(begin);
    let result = step();
    let state = state_after();
    record.end_step(begin, ticks(), state);
    // Without a time, since it is a part of the item.
    push(home, Event { ticks: 0, what, detail: state });
    home.set_running(outer);
    result
}

/// Keeps the exception that has ended the task.
#[cold]
pub fn note_failure(task: &Bound<'_, Task>, id: u64) {
    let py = task.py();
    let exception = task.as_super().get().state.outcome.clone_of(py, Outcome::exception);
    let Some(exception) = exception else { return };
    let noted = stdlib::note_task_failure(py)
        .and_then(|note| note.call1((Made(id), exception, recorder::is_full())));
    if let Err(error) = noted {
        error.write_unraisable(py, Some(task.as_any()));
    }
}

/// How a step has ended, as the detail of its event.
#[inline(always)]
pub fn state_after(task: &Bound<'_, Task>) -> u64 {
    let py = task.py();
    let future = task.as_super().get();
    if future.is_done(py) {
        return if future.is_cancelled(py) {
            Ended::Cancelled as u64
        } else if future.has_exception(py) {
            Ended::Failed as u64
        } else {
            Ended::Done as u64
        };
    }
    let Some(address) = task.get().awaited(py) else { return Ended::Yielded as u64 };
    let (kind, id) = match recorder::take_wait(py, address) {
        Some(noted) => noted,
        None => waited_for(task),
    };
    (kind as u64) << 8 | id << 16
}

/// What kind of thing it is that a task waits for, and its id.
fn waited_for(task: &Bound<'_, Task>) -> (WaitKind, u64) {
    let py = task.py();
    let waiter = task.get().state.waiter.clone_ref(py).map(|waiter| waiter.into_bound(py));
    match waiter {
        None => (WaitKind::Unknown, 0),
        // First what is neither a subclass's nor foreign: that takes a comparison.
        Some(waiter) if free_list::is_exactly::<Future>(&waiter) => (WaitKind::Future, 0),
        Some(waiter) => match waiter.cast::<Task>() {
            Ok(task) => (WaitKind::Task, task.get().record(py).map_or(0, TaskRecord::id)),
            Err(_) => (kind_of_future(&waiter), 0),
        },
    }
}

#[inline(always)]
pub(in crate::core) fn push(home: &LoopRecord, event: Event) {
    home.ring().push([event.ticks, event.what, event.detail]);
}

/// Records tasks that existed before the recording began; others are left out.
#[pyfunction]
#[pyo3(signature = (tasks, /))]
pub fn _adopt_tasks(tasks: Items<Bound<'_, PyAny>>) {
    if let Some(first) = tasks.0.first() {
        standard::sweep(first.py());
    }
    for task in &tasks.0 {
        standard::adopt(task);
        if let Ok(task) = task.cast::<Task>()
            && !task.as_super().get().is_done(task.py())
            && let Some((record, home)) = recorded_at_home(task)
            && record.loop_id() != home.id()
        {
            // It was recorded before, by a recording that has ended.
            record.move_to(home.id(), home.place());
        }
    }
}

/// The id under which a task is recorded; None if it is not.
#[pyfunction]
#[pyo3(signature = (task, /))]
pub fn _task_id(task: &Bound<'_, PyAny>) -> Option<Made<u64>> {
    let Ok(native) = task.cast::<Task>() else { return standard::id_of(task).map(Made) };
    let record = native.get().record(task.py())?;
    Some(Made(record.id()))
}
