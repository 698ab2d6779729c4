//! `create_task`.

use std::ffi::CStr;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::LoopCore;
use crate::core::tasks::{Task, TaskOptions};
use crate::ffi::allocate;
use crate::ffi::fastcall::{CallArguments, FastMethod};

/// `loop.create_task(coro, *, name=None, context=None, eager_start=False, **keywords)`.
pub struct CreateTask;

impl FastMethod for CreateTask {
    type Class = LoopCore;
    const NAME: &'static CStr = c"create_task";
    const DOC: &'static CStr =
        c"create_task($self, coro, **kwargs)\n--\n\nMakes a task of `coro` and schedules it.";

    #[inline]
    fn call<'py>(
        core: &Bound<'py, LoopCore>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        let py = core.py();
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
        let this = core.get();
        let factory = this.task_factory.clone_ref(py);
        let mut options = TaskOptions::default();
        let mut others = None;
        for argument in arguments.named() {
            let (name, value) = argument?;
            match name.to_str()? {
                "coro" if coroutine.is_none() => coroutine = Some(value),
                "name" => options.name = Some(value.clone()),
                "context" => options.context = Some(value.clone()),
                // A factory is told what the caller said, not what it means.
                "eager_start" if factory.is_none() => options.eager_start = value.is_truthy()?,
                _ if factory.is_some() => {
                    let keywords = match others.take() {
                        Some(keywords) => keywords,
                        None => allocate::dict(py)?,
                    };
                    keywords.set_item(name, value)?;
                    others = Some(keywords);
                }
                other => {
                    return Err(PyTypeError::new_err(format!(
                        "Task() got an unexpected keyword argument '{other}'"
                    )));
                }
            }
        }
        let Some(coroutine) = coroutine else {
            return Err(PyTypeError::new_err(crate::name!(
                "create_task() missing 1 required positional argument: 'coro'"
            )));
        };
        this.check_closed(py)?;
        match factory {
            None => Ok(Task::spawn(core, coroutine.clone(), options)?.into_any()),
            Some(factory) => {
                let keywords = others.map_or_else(|| allocate::dict(py), Ok)?;
                made_by(factory.bind(py), core, coroutine, options, keywords).map(Bound::unbind)
            }
        }
    }
}

/// Asks a task factory. From 3.14 on it is passed all keywords; before, the context
/// only if there is one, and the name is set on what it has made.
fn made_by<'py>(
    factory: &Bound<'py, PyAny>,
    core: &Bound<'py, LoopCore>,
    coroutine: &Bound<'py, PyAny>,
    options: TaskOptions<'py>,
    keywords: Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = core.py();
    let everything = cfg!(Py_3_14);
    if let Some(context) = options.context.filter(|context| everything || !context.is_none()) {
        keywords.set_item(crate::intern!(py, "context"), context)?;
    }
    if everything && let Some(name) = &options.name {
        keywords.set_item(crate::intern!(py, "name"), name)?;
    }
    let task = factory.call((core, coroutine), Some(&keywords))?;
    if !everything && let Some(name) = options.name.filter(|name| !name.is_none()) {
        task.call_method1(crate::intern!(py, "set_name"), (name,))?;
    }
    Ok(task)
}
