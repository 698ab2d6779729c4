//! `create_task`.

use std::ffi::CStr;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::LoopCore;
use crate::core::tasks::{Task, TaskOptions};
use crate::ffi::fastcall::{
    CallArguments, FastMethod, Keywords, Parsed, Signature, unexpected_keyword,
};

/// `loop.create_task(coro, *, name=None, context=None, eager_start=False, **keywords)`.
pub struct CreateTask;

const CREATE_TASK: Signature<1, 2> =
    Signature::method("create_task", ["coro"], ["name", "context"]).keyword_only();

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
        let this = core.get();
        let factory = this.task_factory.clone_ref(py);
        let mut eager_start = false;
        let mut others = Keywords::default();
        let Parsed { required: [coroutine], optional: [name, context], .. } = CREATE_TASK
            .parse_with(&arguments, |name, value| match name.to_str()? {
                // A factory is passed the argument itself, not its truth value.
                _ if factory.is_some() => others.insert(name, value),
                "eager_start" => {
                    eager_start = value.is_truthy()?;
                    Ok(())
                }
                other => Err(unexpected_keyword("Task", other)),
            })?;
        let options = TaskOptions { name: name.cloned(), context: context.cloned(), eager_start };
        this.check_closed(py)?;
        match factory {
            None => Ok(Task::spawn(core, coroutine.clone(), options)?.into_any()),
            Some(factory) => {
                let keywords = others.into_dict(py)?;
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
