//! Makes a future of any awaitable: `ensure_future`.

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::core::coroutines::is_coroutine;
use crate::core::event_loop::LoopCore;
use crate::core::futures::{is_future, loop_of};
use crate::core::tasks::{Task, TaskOptions};
use crate::ffi::errors::Settled;
use crate::stdlib;

/// Returns a future unchanged; makes a task of a coroutine or any other
/// awaitable, on `loop` or on the current one.
///
/// `TypeError` for anything else, `ValueError` for a future of another loop.
///
/// https://docs.python.org/3/library/asyncio-future.html#asyncio.ensure_future
#[pyfunction]
#[pyo3(signature = (coro_or_future, *, r#loop=None))]
pub fn ensure_future<'py>(
    coro_or_future: Bound<'py, PyAny>,
    r#loop: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    ensured(&coro_or_future, r#loop.as_ref())
}

/// See [`ensure_future`].
#[inline]
pub fn ensured<'py>(
    object: &Bound<'py, PyAny>,
    event_loop: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    if is_future(object)? {
        if let Some(event_loop) = event_loop
            && !loop_of(object)?.is(event_loop)
        {
            return Err(PyValueError::new_err(crate::name!(
                "The future belongs to a different loop than \
                 the one specified as the loop argument"
            )));
        }
        return Ok(object.clone());
    }
    let py = object.py();
    let wrapped;
    let is_wrapped = !is_coroutine(object)?;
    let coroutine = if !is_wrapped {
        object
    } else if stdlib::is_awaitable(py)?.call1((object,))?.is_truthy()? {
        wrapped = stdlib::wrap_awaitable(py)?.call1((object,))?;
        &wrapped
    } else {
        return Err(PyTypeError::new_err(crate::name!(
            "An asyncio.Future, a coroutine or an awaitable is required"
        )));
    };
    let current;
    let event_loop = match event_loop {
        Some(event_loop) => event_loop,
        None => {
            current = stdlib::get_event_loop(py)?.call0()?;
            &current
        }
    };
    match task_of(event_loop, coroutine).settled(py) {
        Err(error) if error.is_instance_of::<PyRuntimeError>(py) => {
            // The caller's coroutine is closed, so that it does not warn. The one that
            // was made around another awaitable is left to warn.
            if !is_wrapped {
                coroutine.call_method0(crate::intern!(py, "close"))?;
            }
            Err(error)
        }
        made => made,
    }
}

/// `loop.create_task(coroutine)`.
#[inline]
fn task_of<'py>(
    event_loop: &Bound<'py, PyAny>,
    coroutine: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = event_loop.py();
    if let Some(core) = LoopCore::of(event_loop)
        && core.get().creates_natively(py)
    {
        core.get().check_closed(py)?;
        let task = Task::spawn(core, coroutine.clone(), TaskOptions::default())?;
        return Ok(task.into_bound(py).into_any());
    }
    event_loop.call_method1(crate::intern!(py, "create_task"), (coroutine,))
}
