//! The items of the ready queue.

use std::sync::Arc;

use aioxide_engine::Cancellable;
use aioxide_engine::futures::Key;
use aioxide_trace::ItemKind;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::TransportEvent;
use crate::core::event_loop::LoopCore;
use crate::core::futures::{Future, FutureCallback};
use crate::core::handles::Handle;
use crate::core::rust_futures::Alarm;
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
/// The peer has closed its side, or the connection is lost.
pub const HANGUP: u8 = 4;
/// Not from the poller: a transport has scheduled another read of its own.
pub const AGAIN: u8 = 8;

/// One item of the ready queue: a value, not an object, so that a task step or a wake-up
/// allocates nothing. Two words; variants with more data are boxed.
pub enum Ready {
    /// A callback or a timer.
    Handle(Py<Handle>),
    /// A future to set to None unless it is done: the end of a sleep.
    Alarm(Py<Future>),
    /// A timeout whose deadline has passed, unless it was rescheduled since.
    Deadline(u32, Py<Timeout>),
    /// A task that starts, or resumes after a bare yield.
    Step(Py<Task>),
    /// A task whose awaited future is done.
    Wake(Py<Task>),
    /// A task to throw an exception into.
    Throw(Box<(Py<Task>, Py<PyAny>)>),
    /// A done-callback of a future.
    FutureCallback(Box<FutureCallback>),
    /// A done future that is part of a `gather()`.
    Gathered(Box<(Py<GatheringFuture>, Py<Future>)>),
    /// A done future with a native done-callback.
    Noticed(Box<(Py<DoneCallback>, Py<Future>)>),
    /// A done task of a task group.
    TaskDone(Box<(Py<TaskGroup>, Py<Future>)>),
    /// An event of a stream transport.
    Socket(TransportEvent, Py<SocketTransport>),
    /// An event of a datagram transport.
    Datagram(TransportEvent, Py<DatagramTransport>),
    /// An event of the reading end of a pipe.
    ReadPipe(TransportEvent, Py<ReadPipeTransport>),
    /// An event of the writing end of a pipe.
    WritePipe(TransportEvent, Py<WritePipeTransport>),
    /// Waiting connections of a server's listening socket, by the socket's index.
    Accept(u32, Py<ServerCore>),
    /// A `sock_*` operation that can continue.
    SocketIo(Py<crate::net::sock::SocketCall>),
    /// A Rust future that another thread has woken.
    Poll(Key),
    /// Rust futures were woken on this thread.
    Woken,
    /// What a Rust future waits for: a time, or the readiness of a descriptor.
    Ring(Arc<Alarm>),
    /// Signals have arrived.
    Signals,
    /// Work that was finished in another thread, without a Python callable.
    Native(Box<Box<dyn NativeWork>>),
}

const _: () = assert!(size_of::<Ready>() == 2 * size_of::<usize>());

/// Work that was finished in another thread and that the loop has to conclude.
pub trait NativeWork: Send {
    /// Runs on the loop's thread.
    fn conclude(self: Box<Self>, core: &Bound<'_, LoopCore>) -> PyResult<()>;

    /// What the recorder calls it.
    fn kind(&self) -> ItemKind {
        ItemKind::ThreadResult
    }

    /// The future that it sets, if there is one.
    fn future(&self) -> Option<&Py<Future>> {
        None
    }

    /// Visits its references for the garbage collector, if they can refer to the loop.
    fn traverse(&self, _visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        Ok(())
    }
}

impl Ready {
    /// A step that throws `exception`.
    pub fn throw(task: Py<Task>, exception: Py<PyAny>) -> Self {
        Self::Throw(Box::new((task, exception)))
    }

    /// Drops it, with the GIL held.
    #[inline]
    pub fn release(self, py: Python<'_>) {
        match self {
            Self::Handle(handle) => handle.drop_ref(py),
            Self::Alarm(future) => future.drop_ref(py),
            Self::Deadline(_, timeout) => timeout.drop_ref(py),
            // Other items are not scheduled for later and cancelled in large numbers.
            other => drop(other),
        }
    }

    /// Whether this is a step of a task: the only items before which the
    /// entry of the last task may stay in asyncio's table.
    #[inline]
    pub fn is_task_step(&self) -> bool {
        matches!(self, Self::Step(_) | Self::Wake(_) | Self::Throw(_))
    }

    /// The object that represents the item in `_ready`: the handle, or the object that
    /// acts.
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
            Self::Poll(_) | Self::Woken | Self::Ring(_) | Self::Signals | Self::Native(_) => {
                return None;
            }
        })
    }

    /// The task whose step this is, borrowed.
    #[inline(always)]
    pub(in crate::core) fn task_ref(&self) -> Option<&Py<Task>> {
        match self {
            Self::Step(task) | Self::Wake(task) => Some(task),
            Self::Throw(parts) => Some(&parts.0),
            _ => None,
        }
    }

    /// The task whose step this is.
    pub(in crate::core) fn task<'py>(&self, py: Python<'py>) -> Option<Bound<'py, Task>> {
        match self {
            Self::Step(task) | Self::Wake(task) => Some(task.bind(py).clone()),
            Self::Throw(parts) => Some(parts.0.bind(py).clone()),
            _ => None,
        }
    }

    /// The protocol that the transport is going to call.
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
            Self::Poll(_) | Self::Woken | Self::Ring(_) | Self::Signals => Ok(()),
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
            // SAFETY: as above.
            Self::Ring(alarm) => alarm.is_called_off(unsafe { Python::assume_attached() }),
            _ => false,
        }
    }
}
