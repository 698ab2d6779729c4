//! `create_eager_task_factory`.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Task, TaskOptions};
use crate::event_loop::LoopCore;
use crate::gil_cell::GilCell;

/// A task factory whose tasks run at once up to their first wait, made by
/// `custom_task_constructor(coro, loop=..., name=..., context=..., eager_start=True)`.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.create_eager_task_factory
#[pyfunction]
pub fn create_eager_task_factory(
    py: Python<'_>,
    custom_task_constructor: Py<PyAny>,
) -> PyResult<Py<EagerTaskFactory>> {
    Py::new(py, EagerTaskFactory { constructor: GilCell::new(Some(custom_task_constructor)) })
}

/// What [`create_eager_task_factory`] returns.
#[pyclass(frozen, module = "aioxide")]
pub struct EagerTaskFactory {
    /// None once the collector has cleared it.
    constructor: GilCell<Option<Py<PyAny>>>,
}

impl EagerTaskFactory {
    fn make<'py>(
        &self,
        event_loop: &Bound<'py, PyAny>,
        coroutine: Bound<'py, PyAny>,
        options: TaskOptions<'py>,
        keywords: Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = event_loop.py();
        let constructor = self.constructor.with(py, |it| it.as_ref().map(|it| it.bind(py).clone()));
        let constructor = constructor.unwrap_or_else(|| py.None().into_bound(py));
        if keywords.is_empty()
            && constructor.is(py.get_type::<Task>())
            && let Ok(core) = event_loop.cast::<LoopCore>()
        {
            return Ok(Task::spawn(core, coroutine, options)?.into_bound(py).into_any());
        }
        keywords.set_item(pyo3::intern!(py, "loop"), event_loop)?;
        keywords.set_item(pyo3::intern!(py, "eager_start"), options.eager_start)?;
        // Since 3.14 the constructor is told what the caller said.
        if cfg!(not(Py_3_14)) || options.name.is_some() {
            keywords.set_item(pyo3::intern!(py, "name"), options.name)?;
        }
        if cfg!(not(Py_3_14)) || options.context.is_some() {
            keywords.set_item(pyo3::intern!(py, "context"), options.context)?;
        }
        constructor.call((coroutine,), Some(&keywords))
    }
}

#[pymethods]
impl EagerTaskFactory {
    #[cfg(not(Py_3_14))]
    #[pyo3(signature = (r#loop, coro, *, name=None, context=None))]
    fn __call__<'py>(
        &self,
        r#loop: Bound<'py, PyAny>,
        coro: Bound<'py, PyAny>,
        name: Option<Bound<'py, PyAny>>,
        context: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let keywords = PyDict::new(coro.py());
        self.make(&r#loop, coro, TaskOptions { name, context, eager_start: true }, keywords)
    }

    #[cfg(Py_3_14)]
    #[pyo3(signature = (r#loop, coro, *, eager_start=None, **kwargs))]
    fn __call__<'py>(
        &self,
        r#loop: Bound<'py, PyAny>,
        coro: Bound<'py, PyAny>,
        eager_start: Option<Bound<'py, PyAny>>,
        kwargs: Option<Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let keywords = kwargs.unwrap_or_else(|| PyDict::new(coro.py()));
        let take = |name| -> PyResult<Option<Bound<'py, PyAny>>> {
            let value = keywords.get_item(name)?;
            if value.is_some() {
                keywords.del_item(name)?;
            }
            Ok(value)
        };
        let options = TaskOptions {
            name: take("name")?,
            context: take("context")?,
            eager_start: eager_start.map_or(Ok(true), |it| it.is_truthy())?,
        };
        self.make(&r#loop, coro, options, keywords)
    }

    /// What `inspect.signature()` says; of a native object it knows nothing by itself.
    #[getter]
    fn __signature__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let model = if cfg!(Py_3_14) {
            c"lambda loop, coro, *, eager_start=True, **kwargs: None"
        } else {
            c"lambda loop, coro, *, name=None, context=None: None"
        };
        py.import("inspect")?.call_method1("signature", (py.eval(model, None, None)?,))
    }

    #[getter]
    fn __name__(&self) -> &'static str {
        "factory"
    }

    #[getter]
    fn __qualname__(&self) -> &'static str {
        "create_eager_task_factory.<locals>.factory"
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.constructor.traverse(|constructor| visit.call(constructor))
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.constructor.with(py, Option::take));
    }
}
