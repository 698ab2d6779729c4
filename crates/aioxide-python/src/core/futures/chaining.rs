//! Chained futures, of which one gets the outcome of the other: `wrap_future` and
//! `run_coroutine_threadsafe`.

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyAssertionError, PyTypeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use super::Future;
use crate::core::current_task::running_loop_or_none;
use crate::core::futures::{is_future, loop_of};
use crate::ffi::allocate;
use crate::ffi::gil_cell::{CloneRef, Contents, GilCell};
use crate::stdlib;

/// Returns a future of `loop`, by default the current one, that gets the outcome of
/// `future`, a future of `concurrent.futures`. An asyncio future is returned unchanged.
///
/// Cancelling it cancels `future`. Raises `AssertionError` for any other object.
///
/// https://docs.python.org/3/library/asyncio-future.html#asyncio.wrap_future
#[pyfunction]
#[pyo3(signature = (future, *, r#loop=None))]
pub fn wrap_future<'py>(
    future: Bound<'py, PyAny>,
    r#loop: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    wrapped(&future, r#loop.as_ref())
}

/// See [`wrap_future`].
pub fn wrapped<'py>(
    future: &Bound<'py, PyAny>,
    event_loop: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = future.py();
    if is_future(future)? {
        return Ok(future.clone());
    }
    if !future.is_instance(stdlib::concurrent_future(py)?)? {
        return Err(PyAssertionError::new_err(format!(
            "concurrent.futures.Future is expected, got {}",
            future.repr()?
        )));
    }
    let event_loop = match event_loop {
        Some(event_loop) => event_loop.clone(),
        None => stdlib::get_event_loop(py)?.call0()?,
    };
    let follower = event_loop.call_method0(crate::intern!(py, "create_future"))?;
    chain(future, &follower)?;
    Ok(follower)
}

/// Copies the outcome of `source` to `destination`, and a cancellation of `destination`
/// to `source`. Either may be a future of `concurrent.futures`.
///
/// # Errors
///
/// `TypeError` if one is not a future.
pub fn chain(source: &Bound<'_, PyAny>, destination: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = source.py();
    let link = |duty| {
        let loop_if_any = |future: &Bound<'_, PyAny>, role: &str| -> PyResult<Option<Py<PyAny>>> {
            if is_future(future)? {
                return loop_of(future).map(Bound::unbind).map(Some);
            }
            if future.is_instance(stdlib::concurrent_future(py)?)? {
                return Ok(None);
            }
            Err(PyTypeError::new_err(format!("A future is required for {role} argument")))
        };
        let ends = Ends {
            source_loop: loop_if_any(source, "source")?,
            destination_loop: loop_if_any(destination, "destination")?,
            source: source.clone().unbind(),
            destination: destination.clone().unbind(),
        };
        Bound::new(py, ChainCallback { duty, ends: Contents::new(GilCell::new(Some(ends))) })
    };
    let (cancels, reports) = (link(Duty::Cancel)?, link(Duty::Report)?);
    let add_done_callback = crate::intern!(py, "add_done_callback");
    destination.call_method1(add_done_callback, (cancels,))?;
    source.call_method1(add_done_callback, (reports,))?;
    Ok(())
}

/// The done-callback of each of the two futures.
#[pyclass(frozen, module = "aioxide")]
pub struct ChainCallback {
    duty: Duty,
    /// None once the collector has cleared it.
    ends: Contents<GilCell<Option<Ends>>>,
}

struct Ends {
    source: Py<PyAny>,
    destination: Py<PyAny>,
    /// The loop in whose thread a future must be used; None for any thread.
    source_loop: Option<Py<PyAny>>,
    destination_loop: Option<Py<PyAny>>,
}

#[derive(Clone, Copy)]
enum Duty {
    /// The destination is done: if it was cancelled, cancels the source.
    Cancel,
    /// The source is done: copies the outcome, now or in the destination's thread.
    Report,
    /// Copies the outcome, in the destination's thread.
    SetState,
}

// SAFETY: reference counts go up.
unsafe impl CloneRef for Ends {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            source: self.source.clone_ref(py),
            destination: self.destination.clone_ref(py),
            source_loop: CloneRef::clone_ref(&self.source_loop, py),
            destination_loop: CloneRef::clone_ref(&self.destination_loop, py),
        }
    }
}

impl Ends {
    fn cancel(self, py: Python<'_>) -> PyResult<()> {
        let source = self.source.bind(py);
        if !is_cancelled(self.destination.bind(py))? {
            return Ok(());
        }
        let cancel = crate::intern!(py, "cancel");
        match &self.source_loop {
            Some(event_loop) if !is_here(py, event_loop, &self.destination_loop)? => {
                call_soon_threadsafe_on(event_loop.bind(py), source.getattr(cancel)?)
            }
            _ => source.call_method0(cancel).map(drop),
        }
    }

    fn report(self, py: Python<'_>) -> PyResult<()> {
        let Some(event_loop) = self.destination_loop.as_ref().map(|it| it.bind(py).clone()) else {
            return self.set_state(py);
        };
        let closed = || event_loop.call_method0(crate::intern!(py, "is_closed"))?.is_truthy();
        if is_cancelled(self.destination.bind(py))? && closed()? {
            return Ok(());
        }
        if is_here(py, event_loop.as_unbound(), &self.source_loop)? {
            return self.set_state(py);
        }
        if closed()? {
            return Ok(());
        }
        let set_state =
            ChainCallback { duty: Duty::SetState, ends: Contents::new(GilCell::new(Some(self))) };
        call_soon_threadsafe_on(&event_loop, Bound::new(py, set_state)?.into_any())
    }

    fn set_state(self, py: Python<'_>) -> PyResult<()> {
        let (source, destination) = (self.source.bind(py), self.destination.bind(py));
        if self.destination_loop.is_some() {
            if is_cancelled(destination)? {
                return Ok(());
            }
            if is_cancelled(source)? {
                return destination.call_method0(crate::intern!(py, "cancel")).map(drop);
            }
        } else {
            if is_cancelled(source)? {
                destination.call_method0(crate::intern!(py, "cancel"))?;
            }
            let wanted = crate::intern!(py, "set_running_or_notify_cancel");
            if !destination.call_method0(wanted)?.is_truthy()? {
                return Ok(());
            }
        }
        let exception = source.call_method0(crate::intern!(py, "exception"))?;
        if exception.is_none() {
            let result = source.call_method0(crate::intern!(py, "result"))?;
            if let Ok(destination) = destination.cast_exact::<Future>() {
                return Future::finish(destination, result.unbind());
            }
            destination.call_method1(crate::intern!(py, "set_result"), (result,))?;
        } else {
            let exception = stdlib::convert_future_exception(py)?.call1((exception,))?;
            destination.call_method1(crate::intern!(py, "set_exception"), (exception,))?;
        }
        Ok(())
    }
}

fn is_cancelled(future: &Bound<'_, PyAny>) -> PyResult<bool> {
    future.call_method0(crate::intern!(future.py(), "cancelled"))?.is_truthy()
}

/// Whether a callback of a future of `other` may use a future of `event_loop` directly.
/// Since 3.14, and in later releases of 3.13, this compares with the running loop.
fn is_here(py: Python<'_>, event_loop: &Py<PyAny>, other: &Option<Py<PyAny>>) -> PyResult<bool> {
    if cfg!(Py_3_14) || stdlib::chain_asks_running_loop(py)?.is_truthy()? {
        return Ok(running_loop_or_none(py)?.is(event_loop));
    }
    Ok(other.as_ref().is_some_and(|other| other.is(event_loop)))
}

fn call_soon_threadsafe_on(
    event_loop: &Bound<'_, PyAny>,
    function: Bound<'_, PyAny>,
) -> PyResult<()> {
    let call = crate::intern!(event_loop.py(), "call_soon_threadsafe");
    event_loop.call_method1(call, (function,)).map(drop)
}

#[pymethods]
impl ChainCallback {
    #[pyo3(signature = (*_future))]
    fn __call__(&self, py: Python<'_>, _future: &Bound<'_, PyTuple>) -> PyResult<()> {
        crate::ffi::exiting::arm();
        let Some(ends) = self.ends.clone_ref(py) else {
            return Ok(());
        };
        match self.duty {
            Duty::Cancel => ends.cancel(py),
            Duty::Report => ends.report(py),
            Duty::SetState => ends.set_state(py),
        }
    }

    /// The name of asyncio's callback, for `repr`.
    #[getter]
    fn __qualname__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let name = match self.duty {
            Duty::Cancel => "_chain_future.<locals>._call_check_cancel",
            Duty::Report => "_chain_future.<locals>._call_set_state",
            Duty::SetState => "_chain_future.<locals>._set_state",
        };
        allocate::string(py, name)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let visit_ends = |ends: &Option<Ends>| {
            let Some(ends) = ends else { return Ok(()) };
            visit.call(&ends.source)?;
            visit.call(&ends.destination)?;
            visit.call(&ends.source_loop)?;
            visit.call(&ends.destination_loop)
        };
        self.ends.traverse(|cell| cell.traverse(visit_ends))
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.ends.take(py));
    }
}
