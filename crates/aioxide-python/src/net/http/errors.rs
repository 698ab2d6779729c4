//! The exceptions of `aioxide.http._errors` for the client's errors.

use aioxide_http::client::{Error, Timeout};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::runtime::Shared;
use crate::core::rust_futures::turn;
use crate::ffi::allocate::Made;
use crate::ffi::errors::Settled;

/// The exception for an error of a request.
pub fn raised(shared: &Shared, error: Error<PyErr>) -> PyErr {
    turn::with(|turn| raised_by(turn.py(), shared, error))
}

/// The same outside of a future.
pub fn raised_by(py: Python<'_>, shared: &Shared, error: Error<PyErr>) -> PyErr {
    let text = error.to_string();
    let (class, arguments, cause) = match error {
        // What `connect` raises is the door's own.
        Error::Connect(error) => return error,
        Error::PoolClosed => ("PoolClosed", None, None),
        Error::Timeout(timeout) => (class_of(timeout), None, None),
        Error::Request(_) => ("LocalProtocolError", None, None),
        Error::Response(error) if error.asks_for_http1() => ("Http11Required", None, None),
        Error::Response(_) => ("RemoteProtocolError", None, None),
        Error::Disconnected { is_reused, sending, .. } => {
            let arguments = (Made(text.clone()), is_reused).into_py_any(py);
            ("ServerDisconnected", Some(arguments), sending)
        }
        Error::IncompleteBody { received, expected } => {
            let arguments =
                (Made(String::new()), Made(received), expected.map(Made)).into_py_any(py);
            ("IncompleteBody", Some(arguments), None)
        }
        Error::Read(error) => ("ReadError", None, Some(error)),
        Error::Write(error) => ("WriteError", None, Some(error)),
        Error::Ended => return PyRuntimeError::new_err(crate::name!("the exchange has ended")),
        Error::Busy => {
            return PyRuntimeError::new_err(crate::name!("the response is being read already"));
        }
        other => return PyRuntimeError::new_err(other.to_string()),
    };
    let made = shared.error_class(py, class).and_then(|class| match arguments {
        Some(arguments) => class.call1(arguments?.bind(py).cast::<pyo3::types::PyTuple>()?),
        None => class.call1((Made(text),)),
    });
    match made {
        Ok(exception) => {
            let raised = PyErr::from_value(exception);
            if let Some(cause) = cause {
                raised.set_cause(py, Some(cause.settled(py)));
            }
            raised
        }
        Err(error) => error,
    }
}

fn class_of(timeout: Timeout) -> &'static str {
    match timeout {
        Timeout::Pool => "PoolTimeout",
        Timeout::Connect => "ConnectTimeout",
        Timeout::Acquire => "AcquireTimeout",
        Timeout::Read => "ReadTimeout",
        Timeout::Write => "WriteTimeout",
        Timeout::Total => "TotalTimeout",
    }
}
