//! `ServerCore`: listening sockets and the connections they accept
//! (`asyncio.base_events.Server`). The Python class `aioxide.Server` inherits
//! it and adds its coroutines.

use std::collections::HashSet;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr::NonNull;

use aioxide_engine::{Interest, Trigger};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rustix::io::Errno;
use rustix::net::SocketFlags;

use crate::accepting::Pace;
use crate::errors::os_error;
use crate::event_loop::{LoopCore, Watch, file_descriptor};
use crate::tls::{Origin, SslProtocol, TlsOptions};
use crate::transports::{Accepted, Address, SocketTransport, hands_on_no_delay};
use crate::with_cell::WithCell;
use crate::{context, standard};

/// Seconds until accepting goes on after the process ran out of descriptors
/// or memory: asyncio's `ACCEPT_RETRY_DELAY`.
const ACCEPT_RETRY_DELAY: f64 = 1.0;

/// The native half of `aioxide.Server`.
///
/// ServerCore(loop, sockets, protocol_factory, backlog, tls=None). `tls` is
/// `(sslcontext, ssl_handshake_timeout, ssl_shutdown_timeout)`.
#[pyclass(frozen, subclass, module = "aioxide")]
pub struct ServerCore {
    state: WithCell<State>,
    /// How many connections wait in the kernel, and how many are accepted in
    /// one go.
    backlog: i32,
}

struct State {
    core: Option<Py<LoopCore>>,
    /// None once accepting has stopped.
    protocol_factory: Option<Py<PyAny>>,
    /// The context in which accepting began; each connection gets a copy.
    context: Option<Py<PyAny>>,
    listeners: Vec<Listener>,
    tls: Option<Tls>,
    /// Addresses of the transports, which detach themselves before they go.
    clients: HashSet<NonNull<ffi::PyObject>>,
    /// Connections that others have attached without naming them.
    strangers: usize,
}

/// How connections are encrypted: the context, and the seconds that the
/// handshake and the good-bye may take (None for asyncio's defaults).
#[derive(FromPyObject)]
struct Tls(Py<PyAny>, Option<Py<PyAny>>, Option<Py<PyAny>>);

impl Tls {
    fn options<'py>(&self, py: Python<'py>) -> TlsOptions<'py> {
        let seconds = |it: &Option<Py<PyAny>>| it.as_ref().map(|it| it.bind(py).clone());
        TlsOptions {
            context: Some(self.0.bind(py).clone()),
            server_side: true,
            server_hostname: None,
            handshake_timeout: seconds(&self.1),
            shutdown_timeout: seconds(&self.2),
        }
    }
}

struct Listener {
    socket: Py<PyAny>,
    fd: RawFd,
    watched: bool,
    pace: Pace,
    /// Its connections need not be told to send small writes at once.
    hands_on_no_delay: bool,
}

// SAFETY: the addresses in `clients` are used under the GIL only.
unsafe impl Send for State {}

impl ServerCore {
    /// A connection belongs to this server from now on.
    pub fn attach(&self, py: Python<'_>, transport: *mut ffi::PyObject) {
        if let Some(transport) = NonNull::new(transport) {
            self.state.with(py, |state| state.clients.insert(transport));
        }
    }

    /// A connection is gone. The Python half is told of the last one.
    pub fn detach(&self, slf: &Bound<'_, Self>, transport: *mut ffi::PyObject) {
        let py = slf.py();
        let last = NonNull::new(transport).is_some_and(|transport| {
            self.state.with(py, |state| {
                state.clients.remove(&transport) && state.clients.is_empty() && state.strangers == 0
            })
        });
        if last && let Err(error) = slf.call_method0(pyo3::intern!(py, "_clients_gone")) {
            error.write_unraisable(py, Some(slf.as_any()));
        }
    }

    /// Accepts connections that wait at a listening socket; what is left the
    /// next poll reports again.
    pub fn accept(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        index: u32,
    ) -> PyResult<()> {
        let py = core.py();
        let poll = core.get().polls(py);
        let limit = self.state.with(py, |state| {
            let listener = state.listeners.get_mut(index as usize);
            listener.map_or(0, |listener| listener.pace.after_report(poll, self.backlog))
        });
        for _ in 0..limit {
            let listener = self.state.with(py, |state| {
                let listener =
                    state.listeners.get(index as usize).filter(|listener| listener.watched)?;
                let factory = state.protocol_factory.as_ref()?;
                Some((listener.fd, listener.hands_on_no_delay, factory.clone_ref(py)))
            });
            let Some((fd, has_no_delay, factory)) = listener else {
                return Ok(());
            };
            // SAFETY: a watched listener's descriptor is open: `stop` ends the
            // watching before it closes the socket.
            let descriptor = unsafe { BorrowedFd::borrow_raw(fd) };
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            match rustix::net::acceptfrom_with(descriptor, flags) {
                Ok((fd, peer)) => {
                    let connection = Accepted { fd, peer: Address::of(peer), has_no_delay };
                    self.connect(core, slf, factory.bind(py), connection)?;
                }
                Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => {
                    self.state.with(py, |state| {
                        if let Some(listener) = state.listeners.get_mut(index as usize) {
                            listener.pace.found_nobody();
                        }
                    });
                    return Ok(());
                }
                Err(Errno::INTR | Errno::CONNABORTED) => return Ok(()),
                Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)) => {
                    return self.pause(core, slf, index, error);
                }
                Err(error) => return self.report_accept_error(core, os_error(error)),
            }
        }
        Ok(())
    }

    /// Makes a protocol and a transport for an accepted connection.
    fn connect(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        factory: &Bound<'_, PyAny>,
        connection: Accepted,
    ) -> PyResult<()> {
        let py = core.py();
        let mut protocol = None;
        let make = || {
            let made = factory.call0()?;
            protocol = Some(made.clone().unbind());
            let tls = self.state.with(py, |state| state.tls.as_ref().map(|tls| tls.options(py)));
            let made = match tls {
                Some(options) => {
                    let tls = SslProtocol::create(core, made, options, Origin::Accepted)?;
                    tls.into_bound(py).into_any()
                }
                None => made,
            };
            SocketTransport::over_accepted(core, connection, made, slf.clone().unbind())
        };
        let made = self.connection_context(py).and_then(|context| context::run_in(&context, make));
        let Err(error) = made else {
            return Ok(());
        };
        if error.is_instance_of::<PySystemExit>(py)
            || error.is_instance_of::<PyKeyboardInterrupt>(py)
        {
            return Err(error);
        }
        if core.get().debug(py) {
            let details = PyDict::new(py);
            details.set_item("message", "Error on transport creation for incoming connection")?;
            details.set_item("exception", error.into_value(py))?;
            if let Some(protocol) = protocol {
                details.set_item("protocol", protocol)?;
            }
            core.call_method1(pyo3::intern!(py, "call_exception_handler"), (details,))?;
        }
        Ok(())
    }

    /// What a new connection's protocol runs in.
    fn connection_context<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let began =
            self.state.with(py, |state| state.context.as_ref().map(|it| it.bind(py).clone()));
        match began {
            Some(began) => context::copy_of(&began),
            None => context::copy_current(py).map(|context| context.into_bound(py)),
        }
    }

    /// The process is out of descriptors or memory. The kernel would go on to
    /// report the socket as ready, so accepting pauses for a while.
    fn pause(
        &self,
        core: &Bound<'_, LoopCore>,
        slf: &Bound<'_, Self>,
        index: u32,
        error: Errno,
    ) -> PyResult<()> {
        let py = core.py();
        let socket = self.state.with(py, |state| {
            let listener = &mut state.listeners[index as usize];
            listener.watched = false;
            (listener.socket.clone_ref(py), listener.fd)
        });
        core.get().vacate(py, socket.1);
        let details = PyDict::new(py);
        details.set_item("message", "socket.accept() out of system resource")?;
        details.set_item("exception", os_error(error).into_value(py))?;
        details.set_item("socket", standard::transport_socket(py)?.call1((socket.0,))?)?;
        core.call_method1(pyo3::intern!(py, "call_exception_handler"), (details,))?;
        let resume = slf.getattr(pyo3::intern!(py, "_resume_accepting"))?;
        core.call_method1(pyo3::intern!(py, "call_later"), (ACCEPT_RETRY_DELAY, resume, index))?;
        Ok(())
    }

    fn report_accept_error(&self, core: &Bound<'_, LoopCore>, error: PyErr) -> PyResult<()> {
        let py = core.py();
        let details = PyDict::new(py);
        details.set_item("message", "Exception in callback ServerCore.accept()")?;
        details.set_item("exception", error.into_value(py))?;
        core.call_method1(pyo3::intern!(py, "call_exception_handler"), (details,))?;
        Ok(())
    }

    fn watch(&self, slf: &Bound<'_, Self>, index: u32) -> PyResult<()> {
        let py = slf.py();
        let found = self.state.with(py, |state| {
            let core = state.core.as_ref()?.clone_ref(py);
            let listener = state.listeners.get_mut(index as usize)?;
            (!std::mem::replace(&mut listener.watched, true)).then_some((core, listener.fd))
        });
        let Some((core, fd)) = found else {
            return Ok(());
        };
        // SAFETY: the listener's socket object is open and kept in the state.
        let descriptor = unsafe { BorrowedFd::borrow_raw(fd) };
        let watch = Watch::Listener(index, slf.clone().unbind());
        core.get().occupy(py, descriptor, watch, Interest::READ, Trigger::Level)
    }
}

#[pymethods]
impl ServerCore {
    #[new]
    #[pyo3(signature = (r#loop, sockets, protocol_factory, backlog, tls=None))]
    fn __new__(
        r#loop: Bound<'_, LoopCore>,
        sockets: Vec<Bound<'_, PyAny>>,
        protocol_factory: Py<PyAny>,
        backlog: i32,
        tls: Option<Tls>,
    ) -> PyResult<Self> {
        let py = r#loop.py();
        let listeners = sockets
            .into_iter()
            .map(|socket| {
                let fd = file_descriptor(&socket)?;
                Ok(Listener {
                    socket: socket.unbind(),
                    fd,
                    watched: false,
                    pace: Pace::default(),
                    hands_on_no_delay: hands_on_no_delay(fd),
                })
            })
            .collect::<PyResult<_>>()?;
        Ok(Self {
            state: WithCell::new(State {
                core: Some(r#loop.unbind()),
                protocol_factory: Some(protocol_factory),
                // Since 3.15 accepting begins, as to this, when the server is made.
                context: if cfg!(Py_3_15) { Some(context::copy_current(py)?) } else { None },
                listeners,
                tls,
                clients: HashSet::new(),
                strangers: 0,
            }),
            backlog,
        })
    }

    /// Listens on every socket and accepts what comes.
    fn _start_accepting(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if cfg!(not(Py_3_15)) {
            let context = context::copy_current(py)?;
            drop(this.state.with(py, |state| state.context.replace(context)));
        }
        let sockets: Vec<Py<PyAny>> = this.state.with(py, |state| {
            state.listeners.iter().map(|listener| listener.socket.clone_ref(py)).collect()
        });
        for (index, socket) in sockets.iter().enumerate() {
            socket.call_method1(py, pyo3::intern!(py, "listen"), (this.backlog,))?;
            this.watch(slf, index as u32)?;
        }
        Ok(())
    }

    /// Stops watching the sockets and closes them. Connections stay.
    fn _stop_accepting(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let (core, factory, listeners) = slf.get().state.with(py, |state| {
            (
                state.core.as_ref().map(|core| core.clone_ref(py)),
                state.protocol_factory.take(),
                std::mem::take(&mut state.listeners),
            )
        });
        drop(factory);
        for listener in listeners {
            if let Some(core) = core.as_ref().filter(|_| listener.watched) {
                core.get().vacate(py, listener.fd);
            }
            listener.socket.call_method0(py, pyo3::intern!(py, "close"))?;
        }
        Ok(())
    }

    /// Accepts again after a pause.
    fn _resume_accepting(slf: &Bound<'_, Self>, index: u32) -> PyResult<()> {
        slf.get().watch(slf, index)
    }

    /// Counts a connection that is not a transport of ours. (Before 3.13
    /// asyncio only counts, and is not told which it is.)
    #[pyo3(signature = (transport=None))]
    fn _attach(&self, py: Python<'_>, transport: Option<Bound<'_, PyAny>>) {
        match transport {
            Some(transport) => self.attach(py, transport.as_ptr()),
            None => self.state.with(py, |state| state.strangers += 1),
        }
    }

    #[pyo3(signature = (transport=None))]
    fn _detach(slf: &Bound<'_, Self>, transport: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        let py = slf.py();
        if let Some(transport) = transport {
            slf.get().detach(slf, transport.as_ptr());
            return Ok(());
        }
        let last = slf.get().state.with(py, |state| {
            state.strangers = state.strangers.saturating_sub(1);
            state.strangers == 0 && state.clients.is_empty()
        });
        if last { slf.call_method0(pyo3::intern!(py, "_clients_gone")).map(drop) } else { Ok(()) }
    }

    /// The connections that are not lost.
    fn _client_list<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyAny>> {
        self.state.with(py, |state| {
            let alive = |client: &NonNull<ffi::PyObject>| {
                // SAFETY: a transport detaches itself in its finalizer at the
                // latest, before its memory goes, so the address is alive.
                unsafe { Bound::from_borrowed_ptr(py, client.as_ptr()) }
            };
            state.clients.iter().map(alive).collect()
        })
    }

    /// How many connections are not lost.
    #[getter]
    fn _client_count(&self, py: Python<'_>) -> usize {
        self.state.with(py, |state| state.clients.len() + state.strangers)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            visit.call(&state.core)?;
            visit.call(&state.protocol_factory)?;
            visit.call(&state.context)?;
            if let Some(tls) = &state.tls {
                visit.call(&tls.0)?;
                visit.call(&tls.1)?;
                visit.call(&tls.2)?;
            }
            state.listeners.iter().try_for_each(|listener| visit.call(&listener.socket))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.with(py, |state| {
            (
                state.core.take(),
                state.protocol_factory.take(),
                state.context.take(),
                state.tls.take(),
                std::mem::take(&mut state.listeners),
            )
        }));
    }
}
