//! `get_extra_info`, the protocol, and the socket object.

use std::os::fd::IntoRawFd;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::SocketTransport;
use super::object::Socket;
use crate::standard;
use crate::transports::Transport;
use crate::transports::addresses::bound_to;
use crate::transports::link::link_methods;

impl SocketTransport {
    /// The dictionary behind `get_extra_info`, made of what is known now.
    fn extra<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
        if let Some(extra) =
            self.state.with(py, |state| state.extra.as_ref().map(|it| it.clone_ref(py)))
        {
            return extra.into_bound(py);
        }
        let extra = PyDict::new(py);
        let kept = extra.clone().unbind();
        self.state.with(py, |state| state.extra = Some(kept));
        extra
    }

    /// The socket object of an accepted connection, which from now on closes
    /// the descriptor.
    fn socket_object<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let native = self.state.with(py, |state| match &state.socket {
            Socket::Native(_) => match std::mem::replace(&mut state.socket, Socket::Closed) {
                Socket::Native(fd) => Some(fd),
                other => {
                    state.socket = other;
                    None
                }
            },
            _ => None,
        });
        if let Some(fd) = native {
            let keywords = PyDict::new(py);
            keywords.set_item("fileno", fd.into_raw_fd())?;
            let socket = standard::socket_type(py)?.call((), Some(&keywords))?;
            let kept = socket.clone().unbind();
            self.state.with(py, |state| state.socket = Socket::Python(kept));
            return Ok(Some(socket));
        }
        Ok(self.state.with(py, |state| match &state.socket {
            Socket::Python(socket) => Some(socket.clone_ref(py).into_bound(py)),
            _ => None,
        }))
    }

    /// Asks the kernel for the name that somebody may ask for yet, before the
    /// socket is closed: nobody will whose transport is held by its last turn
    /// alone, and by the poller's table if it is `registered`.
    pub(super) fn remember_local_name(&self, slf: &Bound<'_, Self>, registered: bool) {
        let py = slf.py();
        let ours = 1 + isize::from(registered);
        // SAFETY: the reference is alive.
        if unsafe { ffi::Py_REFCNT(slf.as_ptr()) } > ours {
            let local = bound_to(self.fd);
            self.state.with(py, |state| state.local = local);
        }
    }

    /// `sockname` or `peername` of an accepted connection.
    fn name<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let extra = self.extra(py);
        if let Some(known) = extra.get_item(key)? {
            return Ok(Some(known));
        }
        let open = self.state.with(py, |state| !matches!(state.socket, Socket::Closed));
        let address = if key == "peername" {
            self.state.with(py, |state| state.peer.clone())
        } else if open {
            bound_to(self.fd)
        } else {
            self.state.with(py, |state| state.local.clone())
        };
        let name = match address.map(|address| address.to_python(py)).transpose()?.flatten() {
            Some(name) => Some(name),
            None if open => {
                let method = if key == "peername" { "getpeername" } else { "getsockname" };
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

#[pymethods]
impl SocketTransport {
    /// Facts of the connection: `socket`, `sockname`, `peername`; `default`
    /// for anything else.
    #[pyo3(signature = (name, default=None))]
    fn get_extra_info<'py>(
        &self,
        py: Python<'py>,
        name: Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let extra = self.extra(py);
        if let Some(known) = extra.get_item(&name)? {
            return Ok(Some(known));
        }
        match name.extract::<String>().unwrap_or_default().as_str() {
            "socket" => match self.socket_object(py)? {
                Some(socket) => {
                    let wrapped = standard::transport_socket(py)?.call1((socket,))?;
                    extra.set_item("socket", &wrapped)?;
                    Ok(Some(wrapped))
                }
                None => Ok(default),
            },
            key @ ("sockname" | "peername") => Ok(self.name(py, key)?.or(default)),
            _ => Ok(default),
        }
    }

    #[getter]
    fn _extra<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
        self.extra(py)
    }

    #[getter]
    fn _sock<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.socket_object(py)
    }

    #[getter]
    fn _sock_fd(&self) -> i32 {
        self.fd
    }

    #[getter]
    fn _paused(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.paused)
    }

    #[getter]
    fn _closing(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.closing)
    }
}
