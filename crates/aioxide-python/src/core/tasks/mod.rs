//! `Task`: a coroutine that the loop runs (`asyncio.tasks`).

mod name;
mod object;
pub(in crate::core) mod recording;
mod registry;
mod requests;
pub(in crate::core) mod standard;
mod state;
mod step;
mod waiting;
mod wakeup;

pub use object::Task;
pub use recording::{_adopt_tasks, _task_id, note_failure, record_of, state_after};
#[cfg(not(Py_3_14))]
pub use registry::live_tasks;
pub use requests::{cancel, cancelling, uncancel};
pub use step::{run_step, run_throw, run_wake};
pub use wakeup::{TaskStep, TaskWakeup};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::core::coroutines::is_coroutine;
use crate::core::current_task;
use crate::core::dispatch::Ready;
use crate::core::event_loop::LoopCore;
use crate::core::futures::{BoundLoop, Future, FutureState, LoopRef};
use crate::ffi::recursion::Level;
use crate::ffi::{context, free_list};
use crate::recorder;
use name::Name;
use state::{Flags, TaskState};

/// The options of `create_task`.
#[derive(Default)]
pub struct TaskOptions<'py> {
    /// Its name; a default one if absent or None.
    pub name: Option<Bound<'py, PyAny>>,
    /// Its context; a copy of the current one if absent or None.
    pub context: Option<Bound<'py, PyAny>>,
    /// Whether to run it up to its first wait at once.
    pub eager_start: bool,
}

impl Task {
    /// A new task on a loop of ours.
    #[inline]
    pub fn spawn(
        core: &Bound<'_, LoopCore>,
        coroutine: Bound<'_, PyAny>,
        options: TaskOptions<'_>,
    ) -> PyResult<Py<Task>> {
        let py = core.py();
        let event_loop = LoopRef::of_core(core);
        let task = match free_list::take::<Task>(py) {
            Some(task) => {
                // What comes from the free list is as before `__init__`.
                task.as_super().get().state.event_loop.fill(py, Some(event_loop));
                task.unbind()
            }
            None => {
                let state = FutureState::pending(event_loop);
                let task = Task::new(TaskState::uninitialized());
                Py::new(py, PyClassInitializer::from(Future::of_task(state)).add_subclass(task))?
            }
        };
        if core.get().debug(py) {
            task.bind(py).as_super().get().remember_origin(py)?;
        }
        Task::start(task.bind(py), coroutine, options)?;
        Ok(task)
    }

    /// The second half of every constructor: the future part is ready.
    fn start(
        slf: &Bound<'_, Self>,
        coroutine: Bound<'_, PyAny>,
        options: TaskOptions<'_>,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if !is_coroutine(&coroutine)? {
            this.set_log_destroy_pending(py, false);
            return Err(PyTypeError::new_err(format!(
                "a coroutine was expected, got {}",
                coroutine.repr()?
            )));
        }
        if let Some(context) = &options.context
            && let Err(error) = context::accept(context)
        {
            this.set_log_destroy_pending(py, false);
            return Err(error);
        }
        let name = match options.name {
            Some(name) if !name.is_none() => Name::given(&name)?,
            _ => Name::next(py)?,
        };
        let context = context::given_or_copy(py, options.context)?;
        let state = &this.state;
        state.flags.set(py, Flags { log_destroy_pending: true, ..Flags::default() });
        // Nothing is there, unless `__init__` is called a second time.
        drop((
            state.drive(py, coroutine.unbind()),
            state.context.replace(py, Some(context)),
            state.name.replace(py, name),
        ));
        if let Some(waiter) = state.waiter.take(py) {
            step::keep_stale_wakeup(slf, waiter)?;
        }
        registry::link(slf)?;
        let event_loop = slf.as_super().get().event_loop(py)?;
        if recorder::wants_places() {
            recording::created(slf, &event_loop);
        }
        if options.eager_start && is_running(py, &event_loop)? {
            let started = Self::start_eagerly(slf, &event_loop);
            if cfg!(Py_3_15) && started.is_err() {
                slf.get().set_log_destroy_pending(py, false);
            }
            return started;
        }
        waiting::schedule(slf, &event_loop, None)
    }

    /// Runs the first step now, inside the current task or callback.
    fn start_eagerly(slf: &Bound<'_, Self>, event_loop: &BoundLoop<'_>) -> PyResult<()> {
        let py = slf.py();
        // Its first step may start another task eagerly.
        let _level = Level::enter(py)?;
        let context = slf.get().context(py);
        current_task::swapped(py, event_loop.as_any().as_unbound(), slf.as_any(), || {
            context::run_in(&context, || {
                recording::nested_step(slf, || step::advance(slf, None, step::Cause::Other))
            })
        })?;
        if slf.as_super().get().is_done(py) {
            drop(slf.get().state.take_coroutine(py));
        }
        Ok(())
    }

    /// The context that the task runs in.
    #[inline]
    pub fn context<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.state.context.clone_ref(py).unwrap_or_else(|| py.None()).into_bound(py)
    }

    /// Whether to report the task when it is dropped before it is done.
    pub fn set_log_destroy_pending(&self, py: Python<'_>, value: bool) {
        self.state.flags.update(py, |flags| flags.log_destroy_pending = value);
    }

    /// The address of the future that the task awaits, to compare with.
    pub fn awaited(&self, py: Python<'_>) -> Option<usize> {
        self.state.waiter.read(py, |waiter| waiter.as_ref().map(|waiter| waiter.as_ptr().addr()))
    }
}

fn is_running(py: Python<'_>, event_loop: &BoundLoop<'_>) -> PyResult<bool> {
    match event_loop {
        BoundLoop::Native(core) => Ok(core.get().running(py)),
        BoundLoop::Foreign(event_loop) => {
            event_loop.call_method0(crate::intern!(py, "is_running"))?.is_truthy()
        }
    }
}

/// The item that runs a step of `task` without a value or an exception.
#[inline]
pub(crate) fn step_of(task: &Bound<'_, Task>) -> Ready {
    Ready::Step(task.clone().unbind())
}
