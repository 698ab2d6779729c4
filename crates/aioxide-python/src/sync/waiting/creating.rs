//! `create_task`, the function.

use std::ffi::CStr;

use pyo3::exceptions::{PyDeprecationWarning, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::core::current_task::running_loop;
use crate::core::event_loop::LoopCore;
use crate::core::tasks::{Task, TaskOptions};
use crate::ffi::allocate;
use crate::ffi::fastcall::{CallArguments, FastFunction};

/// `create_task(coro, *, name=None, context=None)`; from 3.14 on, whatever the
/// loop takes.
pub struct CreateTask;

impl FastFunction for CreateTask {
    const NAME: &'static CStr = c"create_task";
    const DOC: &'static CStr = if cfg!(Py_3_14) {
        c"create_task(coro, **kwargs)\n--\n\nMakes a task of `coro` on the running loop."
    } else {
        c"create_task(coro, *, name=None, context=None)\n--\n\nMakes a task of `coro` on the running loop."
    };

    #[inline]
    fn call<'py>(py: Python<'py>, arguments: CallArguments<'_, 'py>) -> PyResult<Py<PyAny>> {
        let mut coroutine = match arguments.positional {
            [] => None,
            [coroutine] => Some(&**coroutine),
            more => {
                return Err(PyTypeError::new_err(format!(
                    "create_task() takes 1 positional argument but {} were given",
                    more.len()
                )));
            }
        };
        let mut options = TaskOptions::default();
        let mut others = None;
        for argument in arguments.named() {
            let (name, value) = argument?;
            match name.to_str()? {
                "coro" if coroutine.is_none() => coroutine = Some(value),
                "name" => options.name = Some(value.clone()),
                "context" => options.context = Some(value.clone()),
                _ if cfg!(Py_3_14) => {
                    if others.is_none() {
                        others = Some(allocate::dict(py)?);
                    }
                    if let Some(others) = &others {
                        others.set_item(name, value)?;
                    }
                }
                other => {
                    return Err(PyTypeError::new_err(format!(
                        "create_task() got an unexpected keyword argument '{other}'"
                    )));
                }
            }
        }
        let Some(coroutine) = coroutine else {
            return Err(PyTypeError::new_err(crate::name!(
                "create_task() missing 1 required positional argument: 'coro'"
            )));
        };
        let event_loop = running_loop(py)?;
        if others.is_none()
            && let Some(core) = LoopCore::of(&event_loop)
            && core.get().creates_natively(py)
        {
            core.get().check_closed(py)?;
            return Ok(Task::spawn(core, coroutine.clone(), options)?.into_any());
        }
        let keywords = match others {
            Some(others) => others,
            None => allocate::dict(py)?,
        };
        created_by(&event_loop, coroutine, options, &keywords).map(Bound::unbind)
    }
}

/// Asks a loop that has its own idea of a task: with the keywords that the
/// running version passes.
fn created_by<'py>(
    event_loop: &Bound<'py, PyAny>,
    coroutine: &Bound<'py, PyAny>,
    options: TaskOptions<'py>,
    keywords: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = event_loop.py();
    let as_given = cfg!(Py_3_14);
    if let Some(context) = options.context.filter(|context| as_given || !context.is_none()) {
        keywords.set_item(crate::intern!(py, "context"), context)?;
    }
    if cfg!(Py_3_13) && (!as_given || options.name.is_some()) {
        keywords.set_item(crate::intern!(py, "name"), &options.name)?;
    }
    let create_task = crate::intern!(py, "create_task");
    let task = event_loop.call_method(create_task, (coroutine,), Some(keywords))?;
    if cfg!(not(Py_3_13))
        && let Some(name) = options.name.filter(|name| !name.is_none())
    {
        match task.getattr_opt(crate::intern!(py, "set_name"))? {
            Some(set_name) => drop(set_name.call1((name,))?),
            None => {
                let text = c"Task.set_name() was added in Python 3.8, the method support will be mandatory for third-party task implementations since 3.13.";
                PyErr::warn(py, &py.get_type::<PyDeprecationWarning>(), text, 2)?;
            }
        }
    }
    Ok(task)
}
