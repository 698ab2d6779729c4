//! The task of an accepted connection: asyncio's `_accept_connection2`.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyAssertionError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::core::coroutines::{Input, Routine, Step};
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::ffi::allocate;
use crate::ffi::errors::Settled;
use crate::net::server::ServerCore;
use crate::net::tls::{Origin, SslProtocol};
use crate::net::transports::{Accepted, SocketTransport, ends_the_loop};
use crate::recorder::Maker;

/// A connection that has no transport yet.
pub enum Connection {
    Native(Accepted),
    /// The socket object that `accept` has returned, and the entries for
    /// `get_extra_info`.
    Object(Py<PyAny>, Py<PyDict>),
}

/// Creates the protocol and the transport, and waits for `connection_made`.
pub struct AcceptConnection {
    server: Py<ServerCore>,
    factory: Py<PyAny>,
    connection: Option<Box<Connection>>,
    protocol: Option<Py<PyAny>>,
    transport: Option<Py<PyAny>>,
}

impl AcceptConnection {
    pub fn new(server: Py<ServerCore>, factory: Py<PyAny>, connection: Connection) -> Self {
        let connection = Some(Box::new(connection));
        Self { server, factory, connection, protocol: None, transport: None }
    }

    /// On whose behalf it is made.
    fn maker(&self) -> Maker {
        self.server.get().state.maker
    }

    fn begin(&mut self, py: Python<'_>) -> PyResult<Option<Py<Future>>> {
        let server = self.server.clone_ref(py);
        let Some((core, connection)) =
            server.get().state.core.clone_ref(py).zip(self.connection.take())
        else {
            return Ok(None);
        };
        let core = core.into_bound(py);
        let protocol = self.factory.bind(py).call0()?;
        self.protocol = Some(protocol.clone().unbind());
        let waiter = Future::on_loop(py, &core)?;
        // asyncio: `assert self._sockets is not None`, when the transport is attached.
        if server.get().state.protocol_factory.is_none(py) {
            return Err(PyAssertionError::new_err(()));
        }
        match server.get().state.tls.clone_ref(py) {
            None => {
                let waiter = Some(waiter.clone_ref(py));
                let transport = transport(&core, *connection, protocol, waiter, server)?;
                self.transport = Some(transport.into_any());
            }
            Some(tls) => {
                let options = tls.options(py);
                let origin = Origin::Connected(Some(waiter.clone_ref(py)));
                let tls = SslProtocol::create(&core, protocol, options, origin)?;
                let below = tls.bind(py).clone().into_any();
                transport(&core, *connection, below, None, server)?;
                self.transport = tls.get().app_transport(py).map(Py::into_any);
            }
        }
        Ok(Some(waiter))
    }

    /// Creating the protocol or the transport has failed.
    fn failed(&mut self, py: Python<'_>, error: PyErr) -> PyResult<Step> {
        let error = error.settled(py);
        if ends_the_loop(py, &error) {
            return Err(error);
        }
        let Some(core) = self.server.get().state.core.clone_ref(py) else {
            return Ok(Step::Return(py.None()));
        };
        let core = core.bind(py);
        if core.get().debug(py) {
            let details = allocate::dict(py)?;
            let message =
                allocate::string(py, "Error on transport creation for incoming connection")?;
            details.set_item(crate::intern!(py, "message"), message)?;
            details.set_item(crate::intern!(py, "exception"), error.into_value(py))?;
            if let Some(protocol) = &self.protocol {
                details.set_item(crate::intern!(py, "protocol"), protocol)?;
            }
            if let Some(transport) = &self.transport {
                details.set_item(crate::intern!(py, "transport"), transport)?;
            }
            core.call_method1(crate::intern!(py, "call_exception_handler"), (details,))?;
        }
        Ok(Step::Return(py.None()))
    }
}

/// A transport over the connection.
fn transport(
    core: &Bound<'_, LoopCore>,
    connection: Connection,
    protocol: Bound<'_, PyAny>,
    waiter: Option<Py<Future>>,
    server: Py<ServerCore>,
) -> PyResult<Py<SocketTransport>> {
    let py = core.py();
    match connection {
        Connection::Native(accepted) => {
            SocketTransport::over_descriptor(core, accepted, protocol, waiter, Some(server))
        }
        Connection::Object(socket, extra) => {
            let (socket, extra) = (socket.into_bound(py), extra.into_bound(py));
            SocketTransport::over_socket(core, socket, protocol, waiter, Some(extra), Some(server))
        }
    }
}

impl Routine for AcceptConnection {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let error = match input {
            Input::Start => match self.maker().within(|| self.begin(py)) {
                Ok(Some(waiter)) => return Ok(Step::Wait(waiter)),
                Ok(None) => return Ok(Step::Return(py.None())),
                Err(error) => error,
            },
            Input::Value(_) => return Ok(Step::Return(py.None())),
            Input::Error(error) => {
                let transport = self.transport.as_ref().map(|it| it.clone_ref(py));
                match transport.map(|it| it.call_method0(py, crate::intern!(py, "close"))) {
                    Some(Err(other)) => other,
                    _ => error,
                }
            }
        };
        self.failed(py, error)
    }

    fn qualname(&self) -> &'static str {
        "BaseSelectorEventLoop._accept_connection2"
    }

    fn release(self, py: Python<'_>) {
        self.server.drop_ref(py);
        self.factory.drop_ref(py);
        for other in [self.protocol, self.transport].into_iter().flatten() {
            other.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.server)?;
        visit.call(&self.factory)?;
        visit.call(&self.protocol)?;
        visit.call(&self.transport)?;
        match self.connection.as_deref() {
            Some(Connection::Object(socket, extra)) => {
                visit.call(socket)?;
                visit.call(extra)
            }
            _ => Ok(()),
        }
    }
}
