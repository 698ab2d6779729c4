//! `wait_for`.
//!
//! Up to 3.11 it makes a task of what it waits for; later versions wait in place, inside
//! a timeout.

#[cfg(not(Py_3_12))]
mod by_task;
mod cancelling;
#[cfg(Py_3_12)]
mod in_place;

#[cfg(not(Py_3_12))]
pub use by_task::WaitFor;
#[cfg(Py_3_12)]
pub use in_place::WaitFor;

use std::ffi::CStr;

use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;

use super::outcomes::result_of;
use crate::core::coroutines::{Coroutine, Step};
use crate::ffi::errors::Settled;
use crate::ffi::fastcall::{CallArguments, FastFunction, Parsed, Signature, unless_none};
use crate::stdlib;

/// `wait_for(fut, timeout)`.
pub struct WaitForFunction;

const WAIT_FOR: Signature<2, 0> = Signature::function("wait_for", ["fut", "timeout"], []);

impl FastFunction for WaitForFunction {
    const NAME: &'static CStr = c"wait_for";
    const DOC: &'static CStr = c"wait_for(fut, timeout)\n--\n\nWaits for the awaitable `fut` and returns its result.\n\nAfter `timeout` seconds (None: never) it is cancelled, and TimeoutError raised\nonce it has ended; what it returns nevertheless is returned. Cancelling the wait\ncancels it too.\n\nhttps://docs.python.org/3/library/asyncio-task.html#asyncio.wait_for";

    #[inline]
    fn call<'py>(py: Python<'py>, arguments: CallArguments<'_, 'py>) -> PyResult<Py<PyAny>> {
        let Parsed { required: [fut, timeout], .. } = WAIT_FOR.parse(&arguments)?;
        let wait_for = WaitFor::new(fut.clone().unbind(), unless_none(timeout));
        Coroutine::new(py, wait_for).map(Py::into_any)
    }
}

/// The result of a future that was cancelled because the time was up.
fn result_in_time(future: &Bound<'_, PyAny>) -> PyResult<Step> {
    let py = future.py();
    match result_of(future).settled(py) {
        Ok(value) => Ok(Step::Return(value.unbind())),
        Err(error) if error.matches(py, stdlib::cancelled_error(py)?)? => {
            let timeout = PyTimeoutError::new_err(()).settled(py);
            timeout.set_context(py, Some(error.clone_ref(py)));
            timeout.set_cause(py, Some(error));
            Err(timeout)
        }
        Err(error) => Err(error),
    }
}
