//! `TaskGroup.create_task`.

use std::ffi::CStr;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::TaskGroup;
use crate::core::dispatch::Waiter;
use crate::core::event_loop::{CreateTask as CreateTaskOfLoop, Methods};
use crate::core::futures::{Callback, Future};
use crate::core::tasks::Task;
use crate::ffi::allocate;
use crate::ffi::fastcall::{CallArguments, FastMethod, Signature, unexpected_keyword};
use crate::ffi::free_list;
use crate::stdlib;
use crate::sync::locks::is_plain;

/// `group.create_task(coro, *, name=None, context=None)`; whatever else the loop
/// takes from 3.14 on.
pub struct CreateTask;

const CREATE_TASK: Signature<1, 2> =
    Signature::method("TaskGroup.create_task", ["coro"], ["name", "context"]).keyword_only();

impl FastMethod for CreateTask {
    type Class = TaskGroup;
    const NAME: &'static CStr = c"create_task";
    const DOC: &'static CStr = c"create_task($self, coro, *, name=None, context=None)\n--\n\nMakes a task of `coro` that belongs to the group.\n\nRuntimeError before the group is entered, once it has ended or is being\ncancelled.";

    #[inline]
    fn call<'py>(
        slf: &Bound<'py, TaskGroup>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let coroutine = checked(&arguments)?;
        let this = slf.get();
        let flags = TaskGroup::flags(slf)?;
        let refusal = if !flags.entered {
            Some("has not been entered")
        } else if flags.exiting && TaskGroup::members(slf)?.is_empty() {
            Some("is finished")
        } else if flags.aborting {
            Some("is shutting down")
        } else {
            None
        };
        if let Some(refusal) = refusal {
            if cfg!(Py_3_13) {
                coroutine.call_method0(crate::intern!(py, "close"))?;
            }
            let message = format!("TaskGroup {} {refusal}", slf.repr()?);
            return Err(PyRuntimeError::new_err(message));
        }
        let task = match this.state.core.clone_ref(py) {
            Some(core) if core.get().calls_own(py, Methods::CREATE_TASK) => {
                CreateTaskOfLoop::call(core.bind(py), arguments)?.into_bound(py)
            }
            _ => made_by_the_loop(this, coroutine, &arguments)?,
        };
        admit(slf, &task)?;
        Ok(task.unbind())
    }
}

/// The coroutine, if the arguments are what asyncio takes.
#[inline]
fn checked<'a, 'py>(arguments: &CallArguments<'a, 'py>) -> PyResult<&'a Bound<'py, PyAny>> {
    let parsed = CREATE_TASK.parse_with(arguments, |name, _| {
        if cfg!(Py_3_14) {
            return Ok(());
        }
        Err(unexpected_keyword("TaskGroup.create_task", name.to_str()?))
    })?;
    Ok(parsed.required[0])
}

/// Calls `create_task` of any loop. Up to 3.13 it is not passed a context of None,
/// up to 3.12 no name at all.
fn made_by_the_loop<'py>(
    group: &TaskGroup,
    coroutine: &Bound<'py, PyAny>,
    arguments: &CallArguments<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = coroutine.py();
    let keywords = allocate::dict(py)?;
    let mut name = py.None().into_bound(py);
    for argument in arguments.named() {
        let (key, value) = argument?;
        match key.to_str()? {
            "coro" => {}
            "name" if !cfg!(Py_3_14) => name = value.clone(),
            "context" if !cfg!(Py_3_14) && value.is_none() => {}
            _ => keywords.set_item(key, value)?,
        }
    }
    if cfg!(all(Py_3_13, not(Py_3_14))) {
        keywords.set_item(crate::intern!(py, "name"), &name)?;
    }
    let event_loop = group.state.event_loop.clone_ref(py).unwrap_or_else(|| py.None());
    let create = crate::intern!(py, "create_task");
    let task = event_loop.bind(py).call_method(create, (coroutine,), Some(&keywords))?;
    if cfg!(not(Py_3_13)) && !name.is_none() {
        task.call_method1(crate::intern!(py, "set_name"), (name,))?;
    }
    Ok(task)
}

/// Adds a new task to the group.
#[inline]
fn admit(slf: &Bound<'_, TaskGroup>, task: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = slf.py();
    // SAFETY: the type is compared first.
    let native =
        free_list::is_exactly::<Task>(task).then(|| unsafe { task.cast_unchecked::<Future>() });
    #[cfg(Py_3_14)]
    crate::core::futures::future_add_to_awaited_by(task.clone(), slf.get().parent(py))?;
    if cfg!(all(Py_3_12, not(Py_3_14))) && stdlib::task_group_asks(py)?.is_truthy()? {
        // A task that has ended in its eager first step has no other notification.
        let done = match native {
            Some(task) => task.get().is_done(py),
            None => task.call_method0(crate::intern!(py, "done"))?.is_truthy()?,
        };
        if done {
            return slf.call_method1(crate::intern!(py, "_on_task_done"), (task,)).map(drop);
        }
    }
    TaskGroup::members(slf)?.add(task)?;
    let awaited = match native {
        Some(task) if is_plain(slf) => {
            Future::add_callback(task, Callback::Waiter(Waiter::group(slf))).map(drop)
        }
        _ => slf.getattr(crate::intern!(py, "_on_task_done")).and_then(|callback| {
            task.call_method1(crate::intern!(py, "add_done_callback"), (callback,)).map(drop)
        }),
    };
    if let Err(error) = awaited {
        // The group would wait forever for a task without the callback.
        return TaskGroup::members(slf)?.discard(task).and(Err(error));
    }
    #[cfg(Py_3_15)]
    if slf.get().state.flags.get(py).aborting
        && !task.call_method0(crate::intern!(py, "done"))?.is_truthy()?
    {
        // In its eager first step it has cancelled the group.
        crate::core::tasks::cancel(task)?;
    }
    Ok(())
}
