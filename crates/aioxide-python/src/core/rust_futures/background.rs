//! Rust futures that are no task.

use std::future::Future as RustFutureTrait;
use std::pin::Pin;

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
use crate::ffi::context;
use crate::ffi::gil_cell::{Contents, GilCell};

/// A coroutine that the loop steps itself, without a task: `all_tasks()` does not show it, and
/// `Runner` does not wait for it. While it waits, the future that it awaits holds this object, so
/// it goes with the loop at the latest.
#[pyclass(frozen, module = "aioxide")]
pub struct Background {
    state: Contents<State>,
}

struct State {
    coroutine: GilCell<Option<Py<Coroutine>>>,
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
        let state = State { coroutine: GilCell::new(Some(made)), context: GilCell::new(None) };
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

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)
    }
}

impl Background {
    fn step(slf: &Bound<'_, Self>) -> PyResult<()> {
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
