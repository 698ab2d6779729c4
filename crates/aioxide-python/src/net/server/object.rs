//! `ServerCore`. The Python class `aioxide.Server` inherits it and adds its coroutines.

use std::os::fd::RawFd;

use aioxide_engine::recorder::{Address, ObjectRecord};
use aioxide_engine::{Interest, Trigger};
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::clients::Clients;
use super::listeners::{Listener, Listeners};
use crate::core::dispatch::Watch;
use crate::core::event_loop::LoopCore;
use crate::ffi::file_descriptor::numbered;
use crate::ffi::gil_cell::{CloneRef, Contents, GilCell};
use crate::ffi::{allocate, context};
use crate::net::tls_options::TlsOptions;
use crate::recorder::Maker;
use crate::watchdog;

/// The native half of `aioxide.Server`.
///
/// ServerCore(loop, sockets, protocol_factory, backlog, tls=None). `tls` is
/// `(sslcontext, ssl_handshake_timeout, ssl_shutdown_timeout)`.
#[pyclass(frozen, subclass, module = "aioxide")]
pub struct ServerCore {
    pub(in crate::net) state: Contents<State>,
}

pub(in crate::net) struct State {
    pub core: GilCell<Option<Py<LoopCore>>>,
    /// None once accepting has stopped.
    pub protocol_factory: GilCell<Option<Py<PyAny>>>,
    /// The context in which accepting began; each connection gets a copy.
    pub context: GilCell<Option<Py<PyAny>>>,
    pub listeners: GilCell<Listeners>,
    pub tls: GilCell<Option<Tls>>,
    pub clients: GilCell<Clients>,
    /// The argument of `listen()`: how many connections may wait in the kernel.
    backlog: Py<PyAny>,
    /// The most connections that are accepted per iteration.
    pub max_accepts: GilCell<i32>,
    /// The line that has made it, if anybody wanted to know.
    pub maker: Maker,
}

/// The TLS arguments of a server: the context, and the timeouts of the
/// handshake and the shutdown, in seconds (None for asyncio's defaults).
#[derive(FromPyObject)]
pub(in crate::net) struct Tls(Py<PyAny>, Option<Py<PyAny>>, Option<Py<PyAny>>);

impl Tls {
    pub fn options<'py>(self, py: Python<'py>) -> TlsOptions<'py> {
        TlsOptions {
            context: Some(self.0.into_bound(py)),
            server_side: true,
            server_hostname: None,
            handshake_timeout: self.1.map(|it| it.into_bound(py)),
            shutdown_timeout: self.2.map(|it| it.into_bound(py)),
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.0)?;
        visit.call(&self.1)?;
        visit.call(&self.2)
    }
}

// SAFETY: reference counts go up.
unsafe impl CloneRef for Tls {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        Self(self.0.clone_ref(py), self.1.clone_ref(py), self.2.clone_ref(py))
    }
}

impl ServerCore {
    /// The record of a listening socket, and whether it was made now: then with what `address` says
    /// of its descriptor. None once accepting has stopped.
    pub fn record(
        &self,
        py: Python<'_>,
        index: u32,
        address: impl FnOnce(RawFd) -> Option<Address>,
    ) -> Option<(&'static ObjectRecord, bool)> {
        let location = self.state.maker.line();
        let (record, is_new) = self.state.listeners.record(py, index, location)?;
        if is_new {
            let facts = self.state.listeners.facts(py, index)?;
            record.set_address(address(facts.fd).as_ref());
        }
        Some((record, is_new))
    }

    /// Registers a listening socket with the poller.
    fn watch(&self, slf: &Bound<'_, Self>, index: u32) -> PyResult<()> {
        let py = slf.py();
        let state = &self.state;
        let Some(core) = state.core.clone_ref(py) else {
            return Ok(());
        };
        let Some(facts) = state.listeners.set_watched(py, index, true).filter(|it| !it.watched)
        else {
            return Ok(());
        };
        let descriptor = numbered(facts.fd);
        let watch = Watch::Listener(index, slf.clone().unbind());
        let registered = core.get().occupy(py, descriptor, watch, Interest::READ, Trigger::Level);
        if registered.is_err() {
            self.state.listeners.set_watched(py, index, false);
        }
        registered
    }
}

#[pymethods]
impl ServerCore {
    #[new]
    #[pyo3(signature = (r#loop, sockets, protocol_factory, backlog, tls=None))]
    fn __new__(
        r#loop: Bound<'_, LoopCore>,
        sockets: Bound<'_, PyAny>,
        protocol_factory: Py<PyAny>,
        backlog: Py<PyAny>,
        tls: Option<Tls>,
    ) -> PyResult<Self> {
        let py = r#loop.py();
        let listeners =
            allocate::tuple_from(&sockets)?.iter().map(Listener::new).collect::<PyResult<_>>()?;
        // Since 3.15 the context is that in which the server was created.
        let context = if cfg!(Py_3_15) { Some(context::copy_current(py)?) } else { None };
        Ok(Self {
            state: Contents::new(State {
                core: GilCell::new(Some(r#loop.unbind())),
                protocol_factory: GilCell::new(Some(protocol_factory)),
                context: GilCell::new(context),
                listeners: GilCell::new(Listeners::new(listeners)),
                tls: GilCell::new(tls),
                clients: GilCell::new(Clients::default()),
                backlog,
                max_accepts: GilCell::new(1),
                maker: watchdog::maker(py)?,
            }),
        })
    }

    /// Listens on every socket and accepts connections.
    fn _start_accepting(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if cfg!(not(Py_3_15)) {
            let context = context::copy_current(py)?;
            drop(this.state.context.replace(py, Some(context)));
        }
        let mut index = 0;
        while let Some(socket) = this.state.listeners.socket(py, index) {
            let backlog = this.state.backlog.bind(py);
            socket.call_method1(py, crate::intern!(py, "listen"), (backlog,))?;
            this.state.max_accepts.set(py, backlog.extract().unwrap_or(i32::MAX));
            this.watch(slf, index)?;
            index += 1;
        }
        Ok(())
    }

    /// Stops watching the sockets and closes them. Connections stay.
    fn _stop_accepting(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let state = &slf.get().state;
        let core = state.core.clone_ref(py);
        let listeners = state.listeners.take(py).into_vec();
        drop(state.protocol_factory.take(py));
        for listener in listeners {
            if let Some(core) = core.as_ref().filter(|_| listener.facts.watched) {
                core.get().vacate(py, listener.facts.fd);
            }
            listener.socket.call_method0(py, crate::intern!(py, "close"))?;
        }
        Ok(())
    }

    /// Accepts again after a pause.
    fn _resume_accepting(slf: &Bound<'_, Self>, index: u32) -> PyResult<()> {
        slf.get().watch(slf, index)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.core.traverse(|it| visit.call(it))?;
            state.protocol_factory.traverse(|it| visit.call(it))?;
            state.context.traverse(|it| visit.call(it))?;
            state.tls.traverse(|it| it.as_ref().map_or(Ok(()), |tls| tls.traverse(&visit)))?;
            visit.call(&state.backlog)?;
            state.listeners.traverse(|it| it.traverse(&visit))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        let state = &self.state;
        drop(state.core.take(py));
        drop(state.protocol_factory.take(py));
        drop(state.context.take(py));
        drop(state.tls.take(py));
        drop(state.listeners.take(py));
    }
}
