//! `get_extra_info`, the protocol, and the socket object.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::SocketTransport;
use super::file_sending::FileSending;
use super::object::Socket;
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::attributes::{count_attributes, flag_attributes};
use crate::net::server::ServerCore;
use crate::net::transports::addresses::bound_to;
use crate::net::transports::link::link_methods;
use crate::net::transports::{Lifecycle, Transport};
use crate::stdlib;

impl SocketTransport {
    /// The dictionary behind `get_extra_info`. Entries are added when they are
    /// first asked for.
    fn extra<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        if let Some(extra) = self.state.extra.clone_ref(py) {
            return Ok(extra.into_bound(py));
        }
        let extra = allocate::dict(py)?;
        drop(self.state.extra.replace(py, Some(extra.clone().unbind())));
        Ok(extra)
    }

    /// The socket object. For an accepted connection it is created here, and it
    /// owns the descriptor from then on.
    pub(super) fn socket_object<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.state.socket.read(py, |socket| matches!(socket, Socket::Native(_))) {
            let keywords = allocate::dict(py)?;
            keywords.set_item(crate::intern!(py, "fileno"), self.fd)?;
            let socket = stdlib::socket_type(py)?.call((), Some(&keywords))?;
            let kept = Socket::Python(socket.clone().unbind());
            match self.state.socket.replace(py, kept) {
                // The object owns the descriptor now.
                Socket::Native(fd) => std::mem::forget(fd),
                // The socket was replaced while the object was created. The new object
                // must not close the same descriptor a second time.
                other => {
                    drop(self.state.socket.replace(py, other));
                    socket.call_method0(crate::intern!(py, "detach"))?;
                }
            }
        }
        Ok(self
            .state
            .socket
            .clone_of(py, |socket| match socket {
                Socket::Python(socket) => Some(socket),
                _ => None,
            })
            .map(|socket| socket.into_bound(py)))
    }

    /// Stores the local address before the socket is closed, for a later
    /// `get_extra_info("sockname")`. If only the last iteration, and the poller's
    /// table if the socket is `registered`, hold a reference to the transport, no
    /// such call can come, and the system call is skipped.
    pub(super) fn remember_local_name(&self, slf: &Bound<'_, Self>, registered: bool) {
        let py = slf.py();
        let ours = 1 + isize::from(registered);
        // SAFETY: the reference is alive.
        if unsafe { ffi::Py_REFCNT(slf.as_ptr()) } > ours {
            let local = bound_to(self.fd);
            drop(self.state.local.replace(py, local));
        }
    }

    /// `sockname` or `peername` of an accepted connection.
    fn name<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let extra = self.extra(py)?;
        if let Some(known) = extra.get_item(key)? {
            return Ok(Some(known));
        }
        let open = self.is_open(py);
        let address = if key == "peername" {
            self.state.peer.clone()
        } else if open {
            bound_to(self.fd)
        } else {
            self.state.local.read(py, |local| local.clone())
        };
        let name = match address.map(|address| address.to_python(py)).transpose()?.flatten() {
            Some(name) => Some(name),
            None if open => {
                let method = if key == "peername" {
                    crate::intern!(py, "getpeername")
                } else {
                    crate::intern!(py, "getsockname")
                };
                match self.socket_object(py)? {
                    Some(socket) => socket.call_method0(method).ok(),
                    None => None,
                }
            }
            None => None,
        };
        if let Some(name) = &name {
            extra.set_item(key, name)?;
        }
        Ok(name)
    }
}

link_methods!(SocketTransport);

flag_attributes!(SocketTransport {
    _paused: stage.paused, get__paused, set__paused;
    _closing: stage.closing, get__closing, set__closing;
    _eof: write_ended, get__eof, set__eof;
});

count_attributes!(SocketTransport {
    _conn_lost: stage.lost_writes, get__conn_lost, set__conn_lost;
});

#[pymethods]
impl SocketTransport {
    /// Information about the connection: `socket`, `sockname`, `peername`;
    /// `default` for any other name.
    #[pyo3(signature = (name, default=None))]
    fn get_extra_info<'py>(
        &self,
        py: Python<'py>,
        name: Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let extra = self.extra(py)?;
        if let Some(known) = extra.get_item(&name)? {
            return Ok(Some(known));
        }
        let key = match name.cast::<PyString>() {
            Ok(name) => name.to_str().unwrap_or_default(),
            Err(_) => "",
        };
        match key {
            "socket" => match self.socket_object(py)? {
                Some(socket) => {
                    let wrapped = stdlib::transport_socket(py)?.call1((socket,))?;
                    extra.set_item(crate::name!("socket"), &wrapped)?;
                    Ok(Some(wrapped))
                }
                None => Ok(default),
            },
            key @ ("sockname" | "peername") => Ok(self.name(py, key)?.or(default)),
            _ => Ok(default),
        }
    }

    #[getter]
    fn get__extra<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        for name in ["socket", "sockname", "peername"] {
            // The dictionary is shown complete; asyncio fills it when the
            // transport is created.
            self.get_extra_info(py, allocate::string(py, name)?.into_any(), None)?;
        }
        self.extra(py)
    }

    #[setter]
    fn set__extra(&self, py: Python<'_>, extra: Py<PyDict>) {
        drop(self.state.extra.replace(py, Some(extra)));
    }

    #[getter]
    fn _sock<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.socket_object(py)
    }

    #[getter]
    fn _server(&self, py: Python<'_>) -> Option<Py<ServerCore>> {
        self.state.server.clone_ref(py)
    }

    /// The unsent data: a copy of asyncio's deque, or of its bytearray on 3.11.
    #[getter]
    fn _buffer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.state.queue.shown(py)
    }

    /// The future of the file that is being sent.
    #[getter]
    fn _empty_waiter(&self, py: Python<'_>) -> Option<Py<Future>> {
        self.state.sending.clone_of(py, |it| it.as_ref().map(FileSending::waiter))
    }
}
