//! The watchers of a descriptor.

use std::sync::Arc;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::{AnyTransport, NativeWork, Ready, TransportEvent};
use crate::core::handles::Handle;
use crate::core::rust_futures::Alarm;
use crate::net::server::ServerCore;
use crate::net::sock::SocketCall;
use crate::net::transports::{ReadPipeTransport, WritePipeTransport};

/// The watcher of one direction.
pub enum Watcher {
    /// `add_reader`, `add_writer`: reported while the descriptor is ready.
    Handle(Py<Handle>),
    /// A Rust future.
    Alarm(Arc<Alarm>),
    /// A `sock_*` call: reported once.
    Call(Py<SocketCall>),
    /// A transport that reads from a pipe: reported while the pipe is ready.
    ReadPipe(Py<ReadPipeTransport>),
    /// A transport that writes to a pipe; as a reader, it watches for the end.
    WritePipe(Py<WritePipeTransport>),
}

impl Watcher {
    pub(in crate::core) fn item(&self, py: Python<'_>, flag: u8) -> Ready {
        let event = TransportEvent::Io(flag);
        match self {
            Self::Handle(handle) => Ready::Handle(handle.clone_ref(py)),
            Self::Alarm(alarm) => Ready::Ring(Arc::clone(alarm)),
            Self::Call(call) => Ready::SocketIo(call.clone_ref(py)),
            Self::ReadPipe(transport) => Ready::ReadPipe(event, transport.clone_ref(py)),
            Self::WritePipe(transport) => Ready::WritePipe(event, transport.clone_ref(py)),
        }
    }

    pub(in crate::core) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Handle(handle) => visit.call(handle),
            Self::Alarm(_) => Ok(()),
            Self::Call(call) => visit.call(call),
            Self::ReadPipe(transport) => visit.call(transport),
            Self::WritePipe(transport) => visit.call(transport),
        }
    }
}

/// What a descriptor is used for.
#[derive(Default)]
pub enum Watch {
    /// Nothing.
    #[default]
    Unused,
    /// The program's, which watches it by callbacks or waits in `sock_*` calls.
    Caller {
        /// For [`Direction::Read`](crate::core::event_loop::Direction::Read).
        reader: Option<Watcher>,
        /// For [`Direction::Write`](crate::core::event_loop::Direction::Write).
        writer: Option<Watcher>,
        /// The file object that was passed for the descriptor. It may be closed, and have
        /// no number, when its callbacks are removed.
        file: Option<Py<PyAny>>,
    },
    /// A transport's.
    Transport(AnyTransport),
    /// A server's listening socket, by its index.
    Listener(u32, Py<ServerCore>),
    /// A child process, whose end is reported once.
    Child(Box<dyn NativeWork>),
    /// The loop's own socket pair for signals.
    Signals,
}
