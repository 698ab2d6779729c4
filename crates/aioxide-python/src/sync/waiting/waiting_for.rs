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

use pyo3::exceptions::{PyTimeoutError, PyTypeError};
use pyo3::prelude::*;

use super::outcomes::result_of;
use crate::core::coroutines::{Coroutine, Step};
use crate::ffi::errors::Settled;
use crate::ffi::fastcall::{CallArguments, FastFunction};
use crate::stdlib;

/// `wait_for(fut, timeout)`.
pub struct WaitForFunction;

impl FastFunction for WaitForFunction {
    const NAME: &'static CStr = c"wait_for";
    const DOC: &'static CStr = c"wait_for(fut, timeout)\n--\n\nWaits for the awaitable `fut` and returns its result.\n\nAfter `timeout` seconds (None: never) it is cancelled, and TimeoutError raised\nonce it has ended; what it returns nevertheless is returned. Cancelling the wait\ncancels it too.\n\nhttps://docs.python.org/3/library/asyncio-task.html#asyncio.wait_for";

    #[inline]
    fn call<'py>(py: Python<'py>, arguments: CallArguments<'_, 'py>) -> PyResult<Py<PyAny>> {
        let (mut fut, mut timeout) = match arguments.positional {
            [] => (None, None),
            [fut] => (Some(&**fut), None),
            [fut, timeout] => (Some(&**fut), Some(&**timeout)),
            more => {
                return Err(PyTypeError::new_err(format!(
                    "wait_for() takes 2 positional arguments but {} were given",
                    more.len()
                )));
            }
        };
        for argument in arguments.named() {
            let (name, value) = argument?;
            let place = match name.to_str()? {
                "fut" => &mut fut,
                "timeout" => &mut timeout,
                other => {
                    return Err(PyTypeError::new_err(format!(
                        "wait_for() got an unexpected keyword argument '{other}'"
                    )));
                }
            };
            if place.replace(value).is_some() {
                return Err(PyTypeError::new_err(format!(
                    "wait_for() got multiple values for argument '{name}'"
                )));
            }
        }
        let missing = match (fut, timeout) {
            (Some(fut), Some(timeout)) => {
                let timeout = (!timeout.is_none()).then(|| timeout.clone().unbind());
                let wait_for = WaitFor::new(fut.clone().unbind(), timeout);
                return Coroutine::new(py, wait_for).map(Py::into_any);
            }
            (None, Some(_)) => "1 required positional argument: 'fut'",
            (Some(_), None) => "1 required positional argument: 'timeout'",
            (None, None) => "2 required positional arguments: 'fut' and 'timeout'",
        };
        Err(PyTypeError::new_err(format!("wait_for() missing {missing}")))
    }
}

/// What a future that was cancelled because of the time has come to.
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
