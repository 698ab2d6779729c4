//! `create_task`, the function.

use std::ffi::CStr;

use pyo3::exceptions::PyDeprecationWarning;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::core::current_task::running_loop;
use crate::core::event_loop::LoopCore;
use crate::core::tasks::{Task, TaskOptions};
use crate::ffi::fastcall::{
    CallArguments, FastFunction, Keywords, Parsed, Signature, unexpected_keyword,
};

/// `create_task(coro, *, name=None, context=None)`; from 3.14 on, whatever the
/// loop takes.
pub struct CreateTask;

const CREATE_TASK: Signature<1, 2> =
    Signature::function("create_task", ["coro"], ["name", "context"]).keyword_only();

impl FastFunction for CreateTask {
    const NAME: &'static CStr = c"create_task";
    const DOC: &'static CStr = if cfg!(Py_3_14) {
        c"create_task(coro, **kwargs)\n--\n\nMakes a task of `coro` on the running loop."
    } else {
        c"create_task(coro, *, name=None, context=None)\n--\n\nMakes a task of `coro` on the running loop."
    };

    #[inline]
    fn call<'py>(py: Python<'py>, arguments: CallArguments<'_, 'py>) -> PyResult<Py<PyAny>> {
        let mut others = Keywords::default();
        let Parsed { required: [coroutine], optional: [name, context], .. } = CREATE_TASK
            .parse_with(&arguments, |name, value| {
                if cfg!(Py_3_14) {
                    others.insert(name, value)
                } else {
                    Err(unexpected_keyword("create_task", name.to_str()?))
                }
            })?;
        let options =
            TaskOptions { name: name.cloned(), context: context.cloned(), eager_start: false };
        let event_loop = running_loop(py)?;
        if others.is_empty()
            && let Some(core) = LoopCore::of(&event_loop)
            && core.get().creates_natively(py)
        {
            core.get().check_closed(py)?;
            return Ok(Task::spawn(core, coroutine.clone(), options)?.into_any());
        }
        let keywords = others.into_dict(py)?;
        created_by(&event_loop, coroutine, options, &keywords).map(Bound::unbind)
    }
}

/// Calls the `create_task` of another kind of loop, with the keywords that asyncio
/// passes in this version.
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
