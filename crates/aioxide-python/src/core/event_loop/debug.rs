//! Debug mode: records the running handle, and reports slow callbacks.

use std::time::Instant;

use aioxide_engine::Cancellable;
use pyo3::prelude::*;

use super::LoopCore;
use crate::core::dispatch::Ready;
use crate::core::futures::LoopRef;
use crate::core::handles::{Arguments, Handle};
use crate::core::tasks::{Task, TaskStep};
use crate::stdlib;

impl LoopCore {
    /// Runs one ready item and logs it if it took at least `slow_callback_duration`.
    pub(super) fn run_timed(slf: &Bound<'_, Self>, item: Ready) -> PyResult<()> {
        let py = slf.py();
        if item.is_cancelled() {
            return Ok(());
        }
        let subject = item.subject(py);
        let protocol = item.protocol(py);
        let handle = match (&item, item.task(py)) {
            (Ready::Handle(handle), _) => Some(handle.clone_ref(py)),
            (_, Some(task)) => Self::handle_of_step(slf, task)?,
            _ => None,
        };
        drop(slf.get().current_handle.replace(py, handle));
        let started = Instant::now();
        let result = Self::run_item_apart(slf, item);
        let seconds = started.elapsed().as_secs_f64();
        drop(slf.get().current_handle.take(py));
        result?;
        let limit = slf.get().flags.slow_callback_duration.get(py);
        let Some(subject) = subject.filter(|_| seconds >= limit) else {
            return Ok(());
        };
        slf.get().current_task().flush(py, slf.as_any().as_unbound())?;
        let mut shown = describe(subject.bind(py))?;
        if let Some(protocol) = protocol {
            shown = format!("{shown} for {}", protocol.repr()?);
        }
        stdlib::logger(py)?
            .call_method1(
                crate::intern!(py, "warning"),
                (
                    crate::name!("Executing %s took %.3f seconds"),
                    crate::ffi::allocate::Made(shown),
                    crate::ffi::allocate::Made(seconds),
                ),
            )
            .map(drop)
    }

    /// The handle that represents a step of a task in reports during that step: it
    /// contains the stack where the step was scheduled.
    fn handle_of_step(
        slf: &Bound<'_, Self>,
        task: Bound<'_, Task>,
    ) -> PyResult<Option<Py<Handle>>> {
        let py = slf.py();
        let Some(stack) = task.as_super().get().take_step(py) else {
            return Ok(None);
        };
        let context = task.get().context(py).unbind();
        let step = TaskStep::new(py, task.unbind(), None)?.into_any();
        let arguments = Arguments::default();
        let handle = Handle::create(py, step, arguments, LoopRef::of_core(slf), context)?;
        handle.get().set_origin(py, stack);
        Ok(Some(handle))
    }
}

/// Describes a slow item: the task whose method was called, or the handle itself.
fn describe(subject: &Bound<'_, PyAny>) -> PyResult<String> {
    let py = subject.py();
    if let Ok(handle) = subject.cast::<Handle>()
        && let Some(callback) = handle.get()._callback(py)
        && let Ok(receiver) = callback.bind(py).getattr(crate::intern!(py, "__self__"))
        && receiver.is_instance(stdlib::task_type(py)?)?
    {
        return Ok(receiver.repr()?.to_string());
    }
    Ok(subject.repr()?.to_string())
}
