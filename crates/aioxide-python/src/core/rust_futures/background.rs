//! Rust futures that are no task.

use std::future::Future as RustFutureTrait;
use std::pin::Pin;

use aioxide_engine::recorder::{LoopRecord, Phase, TaskName, TaskRecord, ticks};
use aioxide_trace::{Event, ItemKind, WaitKind};
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::coroutine;
use super::turn::Turn;
use crate::core::coroutines::{Coroutine, Flow};
use crate::core::current_task::running_loop;
use crate::core::dispatch::{NativeWork, Ready, as_native};
use crate::core::event_loop::LoopCore;
use crate::core::futures::{Callback, Future};
use crate::core::tasks::recording;
use crate::ffi::context;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::recorder;

/// A coroutine that the loop steps itself, without a task: `all_tasks()` does not show it, and
/// `Runner` does not wait for it. While it waits, the future that it awaits holds this object, so
/// it goes with the loop at the latest.
#[pyclass(frozen, module = "aioxide")]
pub struct Background {
    state: Contents<State>,
}

struct State {
    coroutine: GilCell<Option<Py<Coroutine>>>,
    /// For the recorder: it is shown as a task.
    task: TaskMark,
    name: &'static str,
    /// The context of the steps: the loop's own, not that of whoever has begun this.
    context: GilCell<Option<Py<PyAny>>>,
}

/// Has the loop of this turn poll `future` until it ends. `name` is for the reports of failures.
pub fn run_in_background(
    turn: &Turn<'_, '_>,
    name: &'static str,
    future: Pin<Box<dyn RustFutureTrait<Output = ()>>>,
) {
    let (py, core) = (turn.py(), turn.core());
    let made = coroutine(py, name, None, async move {
        future.await;
        Ok(super::turn::with(|turn| turn.py().None()))
    });
    let background = made.and_then(|made| {
        let state = State {
            coroutine: GilCell::new(Some(made)),
            context: GilCell::new(None),
            task: TaskMark::default(),
            name,
        };
        Bound::new(py, Background { state: Contents::new(state) })
    });
    match background {
        Ok(background) => {
            let first: Box<dyn NativeWork> = Box::new(Begin(background.unbind()));
            core.get().schedule(py, Ready::Native(Box::new(first)));
        }
        Err(error) => error.write_unraisable(py, None),
    }
}

/// The first step.
struct Begin(Py<Background>);

impl NativeWork for Begin {
    fn conclude(self: Box<Self>, core: &Bound<'_, LoopCore>) -> PyResult<()> {
        let py = core.py();
        let context = context::given_or_copy(py, None)?;
        drop(self.0.get().state.context.replace(py, Some(context)));
        Background::step(self.0.bind(py))
    }

    fn kind(&self) -> ItemKind {
        ItemKind::RustFuture
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

/// The record of what is shown as a task, retired with the object.
#[derive(Default)]
struct TaskMark(GilCell<Option<&'static TaskRecord>>);

impl Drop for TaskMark {
    fn drop(&mut self) {
        // SAFETY: an object is deallocated with the GIL held.
        let py = unsafe { Python::assume_attached() };
        if let Some(record) = self.0.get(py) {
            record.set_state(ticks(), Phase::Cancelled as u64);
            recorder::end_task(py, record);
        }
    }
}

impl Background {
    fn step(slf: &Bound<'_, Self>) -> PyResult<()> {
        if !recorder::is_on() {
            return Self::advance(slf);
        }
        let py = slf.py();
        let running = running_loop(py)?;
        let home = LoopCore::of(&running).and_then(|core| core.get().loop_record(py));
        let Some((record, home)) = home.and_then(|home| Some((Self::record(slf, home)?, home)))
        else {
            return Self::advance(slf);
        };
        let state_after = || match slf.get().state.coroutine.is_some(py) {
            true => (WaitKind::RustFuture as u64) << 8,
            false => Phase::Done as u64,
        };
        let result = recording::inside_item(record, home, state_after, || Self::advance(slf));
        if slf.get().state.coroutine.is_none(py) {
            slf.get().state.task.0.set(py, None);
            recorder::end_task(py, record);
        }
        result
    }

    /// Its record, made at the first step that is recorded.
    fn record(slf: &Bound<'_, Self>, home: &'static LoopRecord) -> Option<&'static TaskRecord> {
        let (py, state) = (slf.py(), &slf.get().state);
        if let Some(record) = state.task.0.get(py) {
            return Some(record);
        }
        let now = home.last();
        let places = (recorder::of_native(py, state.name), 0);
        let name = TaskName::Text(state.name);
        let record = recorder::begin_task(py, home, 0, (now, now), places, &name)?;
        state.task.0.set(py, Some(record));
        recording::push(home, Event::task_created(0, record.id(), 0));
        Some(record)
    }

    fn advance(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let state = &slf.get().state;
        let (Some(coroutine), Some(context)) =
            (state.coroutine.clone_ref(py), state.context.clone_ref(py))
        else {
            return Ok(());
        };
        match coroutine.get().send_none(py) {
            Ok(Flow::Yielded(awaited)) => match as_native(&awaited) {
                Some(future) => {
                    future.get().set_blocking(py, false);
                    let go_on = slf.clone().into_any().unbind();
                    Future::add_callback(future, Callback::python(go_on, context))
                }
                // It was woken during the poll.
                None => {
                    let again: Box<dyn NativeWork> = Box::new(Again(slf.clone().unbind()));
                    let running = running_loop(py)?;
                    if let Some(core) = LoopCore::of(&running) {
                        core.get().schedule(py, Ready::Native(Box::new(again)));
                    }
                    Ok(())
                }
            },
            Ok(Flow::Returned(_)) => {
                drop(state.coroutine.take(py));
                Ok(())
            }
            Err(error) => {
                drop(state.coroutine.take(py));
                // Nobody awaits it, and the loop goes on.
                error.write_unraisable(py, Some(coroutine.bind(py).as_any()));
                Ok(())
            }
        }
    }
}

/// The next step, after a yield.
struct Again(Py<Background>);

impl NativeWork for Again {
    fn conclude(self: Box<Self>, core: &Bound<'_, LoopCore>) -> PyResult<()> {
        Background::step(self.0.bind(core.py()))
    }

    fn kind(&self) -> ItemKind {
        ItemKind::RustFuture
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

#[pymethods]
impl Background {
    /// The future that it awaits is done.
    fn __call__(slf: &Bound<'_, Self>, _future: Bound<'_, PyAny>) -> PyResult<()> {
        Self::step(slf)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.coroutine.traverse(|it| visit.call(it))?;
            state.context.traverse(|it| visit.call(it))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop((self.state.coroutine.take(py), self.state.context.take(py)));
    }
}
