//! What `get_extra_info` returns for a socket.

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::ffi::allocate;
use crate::stdlib;

/// The entries for the caller's socket object. They are read now, because a
/// socket that was disconnected has no peer name any more.
pub fn of_socket<'py>(
    socket: &Bound<'py, PyAny>,
    extra: Option<Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = socket.py();
    let extra = match extra {
        Some(extra) => extra.copy()?,
        None => allocate::dict(py)?,
    };
    let shown = stdlib::transport_socket(py)?.call1((socket,))?;
    extra.set_item(crate::intern!(py, "socket"), shown)?;
    for (key, method, may_be_known) in [
        (crate::intern!(py, "sockname"), crate::intern!(py, "getsockname"), false),
        (crate::intern!(py, "peername"), crate::intern!(py, "getpeername"), true),
    ] {
        if may_be_known && extra.contains(key)? {
            continue;
        }
        let name = match socket.call_method0(method) {
            Ok(name) => name,
            Err(error) if error.is_instance_of::<PyOSError>(py) => py.None().into_bound(py),
            Err(error) => return Err(error),
        };
        extra.set_item(key, name)?;
    }
    Ok(extra)
}
