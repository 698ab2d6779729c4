//! What the ready queue holds.

use aioxide_engine::Cancellable;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::TransportEvent;
use crate::core::event_loop::LoopCore;
use crate::core::futures::{Future, FutureCallback};
use crate::core::handles::Handle;
use crate::core::tasks::Task;
use crate::net::server::ServerCore;
use crate::net::transports::{
    DatagramTransport, ReadPipeTransport, SocketTransport, Transport, WritePipeTransport,
};
use crate::sync::taskgroups::TaskGroup;
use crate::sync::timeouts::Timeout;
use crate::sync::waiting::{DoneCallback, GatheringFuture};

/// Readiness for reading, in a set of flags.
pub const READABLE: u8 = 1;
/// Readiness for writing.
pub const WRITABLE: u8 = 2;
/// The peer has closed its side, or the connection is broken.
pub const HANGUP: u8 = 4;
/// Not the poller's: a transport has said itself that it reads once more.
pub const AGAIN: u8 = 8;

/// One thing to do in an iteration: a value, not an object, so that a task step or a
/// wake-up allocates nothing. Two words; what needs more is boxed.
pub enum Ready {
    /// A callback or a timer.
    Handle(Py<Handle>),
    /// A future that gets None unless it is done: a sleep that is over.
    Alarm(Py<Future>),
    /// A timeout whose deadline has come, if its alarm of this number still counts.
    Deadline(u32, Py<Timeout>),
    /// A task that starts, or goes on after a bare yield.
    Step(Py<Task>),
    /// A task whose awaited future is done.
    Wake(Py<Task>),
    /// A task that has to be told what it did wrong.
    Throw(Box<(Py<Task>, Py<PyAny>)>),
    /// A done-callback of a future.
    FutureCallback(Box<FutureCallback>),
    /// A future that is done and part of a `gather()`.
    Gathered(Box<(Py<GatheringFuture>, Py<Future>)>),
    /// A future that is done and whose callback is a value.
    Noticed(Box<(Py<DoneCallback>, Py<Future>)>),
    /// A task of a group is done.
    TaskDone(Box<(Py<TaskGroup>, Py<Future>)>),
    /// Something that has happened to a stream transport.
    Socket(TransportEvent, Py<SocketTransport>),
    /// The same of a datagram transport.
    Datagram(TransportEvent, Py<DatagramTransport>),
    /// The same of a pipe that is read from.
    ReadPipe(TransportEvent, Py<ReadPipeTransport>),
    /// The same of a pipe that is written to.
    WritePipe(TransportEvent, Py<WritePipeTransport>),
    /// Connections that wait at a listening socket of a server, by its index.
    Accept(u32, Py<ServerCore>),
    /// A low-level socket operation that can go on.
    SocketIo(Py<crate::net::sock::SocketCall>),
    /// Signals have arrived.
    Signals,
    /// Work finished elsewhere that no Python callable stands for.
    Native(Box<Box<dyn NativeWork>>),
}

const _: () = assert!(size_of::<Ready>() == 2 * size_of::<usize>());

/// Work that was finished elsewhere and that the loop has to conclude.
pub trait NativeWork: Send {
    /// Runs on the loop's thread.
    fn conclude(self: Box<Self>, core: &Bound<'_, LoopCore>) -> PyResult<()>;

    /// Shows the collector what it holds, if that can lead back to the loop.
    fn traverse(&self, _visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        Ok(())
    }
}

impl Ready {
    /// A step that throws `exception`.
    pub fn throw(task: Py<Task>, exception: Py<PyAny>) -> Self {
        Self::Throw(Box::new((task, exception)))
    }

    /// Lets go of it.
    #[inline]
    pub fn release(self, py: Python<'_>) {
        match self {
            Self::Handle(handle) => handle.drop_ref(py),
            Self::Alarm(future) => future.drop_ref(py),
            Self::Deadline(_, timeout) => timeout.drop_ref(py),
            // Nothing else waits for its time, and is called off in numbers.
            other => drop(other),
        }
    }

    /// Whether this is a step of a task: the only items before which the
    /// entry of the last task may stay in asyncio's table.
    #[inline]
    pub fn is_task_step(&self) -> bool {
        matches!(self, Self::Step(_) | Self::Wake(_) | Self::Throw(_))
    }

    /// What asyncio would have a handle for: the handle, or the object that is
    /// to do something.
    pub(in crate::core) fn subject(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        Some(match self {
            Self::Handle(handle) => handle.clone_ref(py).into_any(),
            Self::Alarm(future) => future.clone_ref(py).into_any(),
            Self::Deadline(_, timeout) => timeout.clone_ref(py).into_any(),
            Self::TaskDone(parts) => parts.0.clone_ref(py).into_any(),
            Self::Step(task) | Self::Wake(task) => task.clone_ref(py).into_any(),
            Self::Throw(parts) => parts.0.clone_ref(py).into_any(),
            Self::FutureCallback(parts) => parts.function.clone_ref(py),
            Self::Gathered(parts) => parts.0.clone_ref(py).into_any(),
            Self::Noticed(parts) => parts.0.clone_ref(py).into_any(),
            Self::Socket(_, transport) => transport.clone_ref(py).into_any(),
            Self::Datagram(_, transport) => transport.clone_ref(py).into_any(),
            Self::ReadPipe(_, transport) => transport.clone_ref(py).into_any(),
            Self::WritePipe(_, transport) => transport.clone_ref(py).into_any(),
            Self::Accept(_, server) => server.clone_ref(py).into_any(),
            Self::SocketIo(call) => call.clone_ref(py).into_any(),
            Self::Signals | Self::Native(_) => return None,
        })
    }

    /// The task whose step this is.
    pub(in crate::core) fn task<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Task>> {
        match self {
            Self::Step(task) | Self::Wake(task) => Some(task.bind(py).clone()),
            Self::Throw(parts) => Some(parts.0.bind(py).clone()),
            _ => None,
        }
    }

    /// The protocol that the transport concerned is going to call.
    pub(in crate::core) fn protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        match self {
            Self::Socket(_, transport) => transport.get().protocol(py),
            Self::Datagram(_, transport) => transport.get().protocol(py),
            Self::ReadPipe(_, transport) => transport.get().protocol(py),
            Self::WritePipe(_, transport) => transport.get().protocol(py),
            _ => None,
        }
    }

    pub(in crate::core) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Handle(handle) => visit.call(handle),
            Self::Alarm(future) => visit.call(future),
            Self::Deadline(_, timeout) => visit.call(timeout),
            Self::Step(task) | Self::Wake(task) => visit.call(task),
            Self::TaskDone(parts) => {
                visit.call(&parts.0)?;
                visit.call(&parts.1)
            }
            Self::Throw(parts) => {
                visit.call(&parts.0)?;
                visit.call(&parts.1)
            }
            Self::FutureCallback(callback) => callback.traverse(visit),
            Self::Noticed(parts) => {
                visit.call(&parts.0)?;
                visit.call(&parts.1)
            }
            Self::Gathered(parts) => {
                visit.call(&parts.0)?;
                visit.call(&parts.1)
            }
            Self::Socket(_, transport) => visit.call(transport),
            Self::Datagram(_, transport) => visit.call(transport),
            Self::ReadPipe(_, transport) => visit.call(transport),
            Self::WritePipe(_, transport) => visit.call(transport),
            Self::Accept(_, server) => visit.call(server),
            Self::SocketIo(call) => visit.call(call),
            Self::Native(work) => work.traverse(visit),
            Self::Signals => Ok(()),
        }
    }
}

impl Cancellable for Ready {
    #[inline]
    fn is_cancelled(&self) -> bool {
        match self {
            // SAFETY: the engine belongs to the loop, which is touched under
            // the GIL only.
            Self::Handle(handle) => handle.get().is_cancelled(unsafe { Python::assume_attached() }),
            // SAFETY: as above.
            Self::Alarm(future) => future.get().is_done(unsafe { Python::assume_attached() }),
            Self::Deadline(number, timeout) => {
                // SAFETY: as above.
                !timeout.get().awaits_alarm(unsafe { Python::assume_attached() }, *number)
            }
            _ => false,
        }
    }
}
