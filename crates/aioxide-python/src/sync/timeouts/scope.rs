//! Entering and leaving `async with timeout(…)`.

use std::ffi::CStr;

use pyo3::PyTraverseError;
#[cfg(Py_3_12)]
use pyo3::exceptions::PyBaseException;
use pyo3::exceptions::{PyAssertionError, PyRuntimeError, PyTimeoutError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::Timeout;
use super::object::Phase;
use crate::core::coroutines::{Coroutine, Input, Routine, Step};
use crate::core::current_task::{find_current_task, running_loop};
use crate::core::tasks;
use crate::ffi::errors::{Settled, raised};
use crate::ffi::fastcall::{
    CallArguments, FastMethod, Parsed, PlainMethod, Signature, install, install_plain, unless_none,
};
use crate::ffi::free_list;
use crate::stdlib;

/// `Timeout.__aenter__`.
pub struct EnterTimeout {
    timeout: Py<Timeout>,
}

/// Sets the alarm for the task that runs on `event_loop`, the running one. `is_ahead`
/// says that the deadline is known to be in the future.
///
/// # Errors
///
/// `RuntimeError` outside a task.
#[inline]
pub fn enter(
    slf: &Bound<'_, Timeout>,
    event_loop: &Bound<'_, PyAny>,
    is_ahead: bool,
) -> PyResult<()> {
    let py = slf.py();
    let this = slf.get();
    let Some(task) = find_current_task(event_loop)? else {
        return Err(PyRuntimeError::new_err(crate::name!("Timeout should be used inside a task")));
    };
    let cancelling = tasks::cancelling(&task)?;
    this.state.progress.update(py, |progress| {
        progress.phase = Phase::Entered;
        progress.cancelling = cancelling;
    });
    drop(this.state.task.replace(py, Some(task.unbind())));
    if free_list::is_exactly::<Timeout>(slf) {
        return Timeout::arm(slf, event_loop, is_ahead);
    }
    let when = slf.getattr(crate::intern!(py, "_when"))?;
    slf.call_method1(crate::intern!(py, "reschedule"), (when,)).map(drop)
}

impl Routine for EnterTimeout {
    #[inline]
    fn resume(&mut self, py: Python<'_>, _input: Input<'_>) -> PyResult<Step> {
        let timeout = self.timeout.bind(py);
        if Timeout::require_init(timeout)? != Phase::Created {
            return Err(PyRuntimeError::new_err(crate::name!("Timeout has already been entered")));
        }
        enter(timeout, &running_loop(py)?, false)?;
        Ok(Step::Return(self.timeout.clone_ref(py).into_any()))
    }

    fn qualname(&self) -> &'static str {
        "Timeout.__aenter__"
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.timeout.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.timeout)
    }
}

/// `Timeout.__aexit__`.
pub struct ExitTimeout {
    timeout: Py<Timeout>,
    /// The class of the exception that leaves the block, if one does.
    kind: Option<Py<PyAny>>,
    /// That exception.
    error: Option<Py<PyAny>>,
}

/// Cancels the alarm; `error` is the exception that leaves the block, if any.
///
/// # Errors
///
/// `TimeoutError` in its place if the timeout has cancelled the block.
#[cfg(Py_3_12)]
#[inline]
pub fn leave(slf: &Bound<'_, Timeout>, error: Option<&Bound<'_, PyBaseException>>) -> PyResult<()> {
    let Some(error) = error else {
        return has_ended(slf).map(drop);
    };
    if has_ended(slf)? { too_late(error.get_type().as_any(), Some(error.as_any())) } else { Ok(()) }
}

/// The block has ended. Whether the timeout has to raise `TimeoutError`.
#[inline]
fn has_ended(slf: &Bound<'_, Timeout>) -> PyResult<bool> {
    let py = slf.py();
    let this = slf.get();
    let phase = Timeout::require_init(slf)?;
    if !matches!(phase, Phase::Entered | Phase::Expiring) {
        return Err(PyAssertionError::new_err(()));
    }
    this.disarm(py)?;
    let expired = phase == Phase::Expiring;
    // Alarms that the loop still holds must not keep the task alive.
    let before = this.state.progress.update(py, |progress| {
        progress.phase = if expired { Phase::Expired } else { Phase::Exited };
        progress.cancelling
    });
    let task = this.state.task.take(py).map(|task| task.into_bound(py));
    match task.filter(|_| expired) {
        // More requests: the task was cancelled from elsewhere, too.
        Some(task) => Ok(tasks::uncancel(&task)? <= before),
        None => Ok(false),
    }
}

/// The timeout has expired: raises `TimeoutError` for a cancellation that leaves the block;
/// from 3.13 on, puts one into the chain of any other exception.
fn too_late(kind: &Bound<'_, PyAny>, error: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let py = kind.py();
    let cancelled = stdlib::cancelled_error(py)?;
    let was_cancelled = if cfg!(Py_3_13) {
        kind.cast::<PyType>()?.is_subclass(cancelled)?
    } else {
        kind.is(cancelled)
    };
    if was_cancelled {
        let timeout = PyTimeoutError::new_err(()).settled(py);
        timeout.set_cause(py, error.map(|error| PyErr::from_value(error.clone())));
        return Err(raised(py, timeout));
    }
    if cfg!(Py_3_13)
        && let Some(error) = error
    {
        insert_timeout(error)?;
        if error.is_instance(stdlib::exception_group(py)?)? {
            for inner in error.getattr(crate::intern!(py, "exceptions"))?.try_iter()? {
                insert_timeout(&inner?)?;
            }
        }
    }
    Ok(())
}

/// Puts a `TimeoutError` before the cancellation that led to `error`, if one did.
fn insert_timeout(error: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = error.py();
    let (context, cause) = (crate::intern!(py, "__context__"), crate::intern!(py, "__cause__"));
    let cancelled = stdlib::cancelled_error(py)?;
    let mut error = error.clone();
    loop {
        let before = error.getattr(context)?;
        if before.is_none() {
            return Ok(());
        }
        if before.is_instance(cancelled)? {
            let timeout = PyTimeoutError::new_err(()).into_value(py).into_bound(py);
            timeout.setattr(cause, &before)?;
            timeout.setattr(context, &before)?;
            return error.setattr(context, timeout);
        }
        error = before;
    }
}

impl Routine for ExitTimeout {
    #[inline]
    fn resume(&mut self, py: Python<'_>, _input: Input<'_>) -> PyResult<Step> {
        if has_ended(self.timeout.bind(py))?
            && let Some(kind) = &self.kind
        {
            too_late(kind.bind(py), self.error.as_ref().map(|error| error.bind(py)))?;
        }
        Ok(Step::Return(py.None()))
    }

    fn qualname(&self) -> &'static str {
        "Timeout.__aexit__"
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.timeout.drop_ref(py);
        for exception in [self.kind, self.error].into_iter().flatten() {
            exception.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.timeout)?;
        visit.call(&self.kind)?;
        visit.call(&self.error)
    }
}

/// Entering `async with timeout`.
struct Enter;

impl PlainMethod for Enter {
    type Class = Timeout;
    const NAME: &'static CStr = c"__aenter__";
    const DOC: &'static CStr = c"Sets the alarm. RuntimeError outside a task, or the second time.";

    #[inline]
    fn call(slf: &Bound<'_, Timeout>) -> PyResult<Py<PyAny>> {
        let timeout = slf.clone().unbind();
        Coroutine::new(slf.py(), EnterTimeout { timeout }).map(Py::into_any)
    }
}

/// Leaving `async with timeout`.
struct Exit;

const EXIT: Signature<3, 0> =
    Signature::method("Timeout.__aexit__", ["exc_type", "exc_val", "exc_tb"], []);

impl FastMethod for Exit {
    type Class = Timeout;
    const NAME: &'static CStr = c"__aexit__";
    const DOC: &'static CStr = c"Cancels the alarm. TimeoutError if the time was up.";

    #[inline]
    fn call<'py>(
        slf: &Bound<'py, Timeout>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        let Parsed { required: [kind, error, _traceback], .. } = EXIT.parse(&arguments)?;
        let (kind, error) = (unless_none(kind), unless_none(error));
        let timeout = slf.clone().unbind();
        Coroutine::new(slf.py(), ExitTimeout { timeout, kind, error }).map(Py::into_any)
    }
}

/// Adds the fast methods. Called once, at module initialisation.
pub fn install_timeout(py: Python<'_>) -> PyResult<()> {
    install_plain::<Enter>(py)?;
    install::<Exit>(py)
}
