//! What an item of the ready queue concerns, for the recorder: the task, transport or server whose
//! id its event has.
//!
//! No object has a field for this. A done-callback has its future; the end of a sleep or of a
//! thread's call has a future, whose first waiter is the task; a timeout has its task.

use aioxide_engine::recorder::ObjectRecord;
use pyo3::prelude::*;
use pyo3::types::PyCFunction;

use super::Ready;
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::core::handles::Handle;
use crate::core::tasks::{Task, TaskStep, TaskWakeup};
use crate::net::transports::{
    DatagramTransport, Lifecycle, ReadPipeTransport, SocketTransport, WritePipeTransport,
    address_of,
};
use crate::sync::timeouts::Timeout;

impl Ready {
    /// The id of what the item concerns in the recording; 0 if it has none.
    pub(in crate::core) fn concerns(&self, core: &LoopCore, py: Python<'_>) -> u64 {
        match self {
            Self::Handle(handle) => of_handle(core, handle.bind(py)),
            Self::Alarm(future) => of_future(future.bind(py)),
            Self::Deadline(_, timeout) => of_timeout(timeout.bind(py)),
            Self::FutureCallback(parts) => {
                parts.future.as_ref().map_or(0, |future| of_future(future.bind(py)))
            }
            Self::Gathered(parts) => of_future(parts.1.bind(py)),
            Self::Noticed(parts) => of_future(parts.1.bind(py)),
            Self::TaskDone(parts) => of_future(parts.1.bind(py)),
            Self::Socket(_, transport) => of_transport(core, py, transport.get()),
            Self::Datagram(_, transport) => of_transport(core, py, transport.get()),
            Self::ReadPipe(_, transport) => of_transport(core, py, transport.get()),
            Self::WritePipe(_, transport) => of_transport(core, py, transport.get()),
            Self::Accept(index, server) => {
                let record = server.get().record(py, *index, address_of);
                let Some((record, is_new)) = record else { return 0 };
                core.record_object(py, record, is_new);
                record.id()
            }
            Self::SocketIo(call) => {
                call.get().future(py).map_or(0, |future| of_future(future.bind(py)))
            }
            Self::Native(work) => work.future().map_or(0, |future| of_future(future.bind(py))),
            Self::Step(task) | Self::Wake(task) => task.get().recorded_id(py),
            Self::Throw(parts) => parts.0.get().recorded_id(py),
            Self::Poll(_) | Self::Woken | Self::Ring(_) | Self::Signals => 0,
        }
    }
}

/// A callback concerns the object whose native method it is (`call_later(5, task.cancel)`), or else
/// its first argument, as a done-callback does that a loop schedules by `call_soon`.
fn of_handle(core: &LoopCore, handle: &Bound<'_, Handle>) -> u64 {
    let py = handle.py();
    let Some(callback) = handle.get()._callback(py) else { return 0 };
    let callback = callback.bind(py);
    let is_method = callback.is_exact_instance_of::<PyCFunction>()
        || callback.is_exact_instance_of::<TaskStep>()
        || callback.is_exact_instance_of::<TaskWakeup>();
    let receiver = if is_method {
        callback.getattr(crate::intern!(py, "__self__")).map_or(0, |it| of_object(core, &it))
    } else {
        0
    };
    if receiver != 0 {
        return receiver;
    }
    handle.get().first_argument(py).map_or(0, |it| of_object(core, it.bind(py)))
}

/// The id of a task, of a transport, or of the task that waits for a future or has a timeout.
fn of_object(core: &LoopCore, object: &Bound<'_, PyAny>) -> u64 {
    if let Ok(future) = object.cast::<Future>() {
        of_future(future)
    } else if let Ok(transport) = object.cast_exact::<SocketTransport>() {
        of_transport(core, object.py(), transport.get())
    } else if let Ok(transport) = object.cast_exact::<DatagramTransport>() {
        of_transport(core, object.py(), transport.get())
    } else if let Ok(transport) = object.cast_exact::<ReadPipeTransport>() {
        of_transport(core, object.py(), transport.get())
    } else if let Ok(transport) = object.cast_exact::<WritePipeTransport>() {
        of_transport(core, object.py(), transport.get())
    } else if let Ok(timeout) = object.cast::<Timeout>() {
        of_timeout(timeout)
    } else {
        0
    }
}

/// The id of the task that the future is, also when it has ended, or that waits for it.
fn of_future(future: &Bound<'_, Future>) -> u64 {
    let py = future.py();
    if let Ok(task) = future.cast::<Task>() {
        return task.get().recorded_id(py);
    }
    let waiter = future.get().state.outcome.waiting_task(py);
    waiter.map_or(0, |task| task.get().recorded_id(py))
}

fn of_timeout(timeout: &Bound<'_, Timeout>) -> u64 {
    let py = timeout.py();
    let Some(task) = timeout.get()._task(py) else { return 0 };
    task.bind(py).cast::<Task>().map_or(0, |task| task.get().recorded_id(py))
}

fn of_transport<T: Lifecycle>(core: &LoopCore, py: Python<'_>, transport: &T) -> u64 {
    // The number of a descriptor that is closed may be another one's.
    let address = || if transport.is_open(py) { address_of(transport.fd()) } else { None };
    let record = core.transport_record(py, transport.link().mark(), address);
    record.map_or(0, ObjectRecord::id)
}
