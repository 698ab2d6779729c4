//! One attempt of a `sock_*` call: does it, or returns that it would block.

use std::os::fd::RawFd;

use aioxide_trace::WaitKind;
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyBlockingIOError, PyInterruptedError, PyOSError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyMemoryView, PySlice};
use rustix::io::Errno;
use rustix::net::RecvFlags;

use crate::core::event_loop::{Direction, LoopCore};
use crate::ffi::allocate;
use crate::ffi::buffers::BufferView;
use crate::ffi::errors::os_error;
use crate::ffi::file_descriptor::numbered;
use crate::net::file_send::{FileSend, Progress};
use crate::stdlib;

/// One operation and its progress.
///
/// Those that are called often make their system call here. Those with
/// addresses call the socket object, which supports every family.
pub enum Operation {
    Recv { limit: Py<PyAny> },
    RecvInto { buffer: Py<PyAny> },
    RecvFrom { limit: Py<PyAny> },
    RecvFromInto { buffer: Py<PyAny>, limit: Option<Py<PyAny>> },
    SendAll { data: Py<PyAny>, sent: usize },
    SendTo { data: Py<PyAny>, address: Py<PyAny> },
    Accept,
    Connect { address: Py<PyAny>, started: bool },
    SendFile { file: Py<FileSend> },
}

/// How an attempt ended.
pub enum Attempt {
    /// The operation is complete.
    Done(Py<PyAny>),
    /// It would block: try again when the socket is ready.
    Blocked,
    /// Its share of this iteration is used up: try again in the next.
    Again,
}

impl Operation {
    /// What the recorder calls the wait for it.
    pub fn wait_kind(&self) -> WaitKind {
        match self {
            Self::Accept => WaitKind::Accept,
            Self::Connect { .. } => WaitKind::Connect,
            Self::SendAll { .. } | Self::SendTo { .. } | Self::SendFile { .. } => WaitKind::Write,
            Self::Recv { .. }
            | Self::RecvInto { .. }
            | Self::RecvFrom { .. }
            | Self::RecvFromInto { .. } => WaitKind::Read,
        }
    }

    /// The readiness that it waits for when it would block.
    pub fn direction(&self) -> Direction {
        match self {
            Self::SendAll { .. }
            | Self::SendTo { .. }
            | Self::Connect { .. }
            | Self::SendFile { .. } => Direction::Write,
            _ => Direction::Read,
        }
    }

    /// The name of the method that made it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Recv { .. } => "sock_recv",
            Self::RecvInto { .. } => "sock_recv_into",
            Self::RecvFrom { .. } => "sock_recvfrom",
            Self::RecvFromInto { .. } => "sock_recvfrom_into",
            Self::SendAll { .. } => "sock_sendall",
            Self::SendTo { .. } => "sock_sendto",
            Self::Accept => "sock_accept",
            Self::Connect { .. } => "sock_connect",
            Self::SendFile { .. } => "sock_sendfile",
        }
    }

    /// Tries once.
    pub fn attempt(
        &mut self,
        core: &Bound<'_, LoopCore>,
        socket: &Bound<'_, PyAny>,
        fd: RawFd,
        plain: bool,
    ) -> PyResult<Attempt> {
        let py = core.py();
        let result = match self {
            Self::Recv { limit } => match limit.extract::<usize>(py) {
                Ok(limit) if plain => receive(core, socket, fd, limit)?,
                // If the number is invalid, the object raises the right error.
                _ => {
                    let received = socket.call_method1(crate::intern!(py, "recv"), (&*limit,));
                    unless_blocking(py, received)?
                }
            },
            Self::RecvInto { buffer } if plain => receive_into(core, socket, fd, buffer.bind(py))?,
            Self::RecvInto { buffer } => {
                let received = socket.call_method1(crate::intern!(py, "recv_into"), (&*buffer,));
                unless_blocking(py, received)?
            }
            Self::SendAll { data, sent } if plain => send_all(fd, data.bind(py), sent)?,
            Self::SendAll { data, sent } => send_all_by(socket, data.bind(py), sent)?,
            Self::RecvFrom { limit } => unless_blocking(
                py,
                socket.call_method1(crate::intern!(py, "recvfrom"), (&*limit,)),
            )?,
            Self::RecvFromInto { buffer, limit } => {
                let limit = match limit {
                    Some(limit) if limit.bind(py).is_truthy()? => limit.bind(py).clone(),
                    _ => allocate::int(py, buffer.bind(py).len()? as i64)?.into_any(),
                };
                let result =
                    socket.call_method1(crate::intern!(py, "recvfrom_into"), (&*buffer, limit));
                unless_blocking(py, result)?
            }
            Self::SendTo { data, address } => {
                let result = socket.call_method1(crate::intern!(py, "sendto"), (&*data, &*address));
                unless_blocking(py, result)?
            }
            Self::Accept => {
                let accepted =
                    unless_blocking(py, socket.call_method0(crate::intern!(py, "accept")))?;
                if let Some(accepted) = &accepted {
                    let connection = accepted.bind(py).get_item(0)?;
                    connection.call_method1(crate::intern!(py, "setblocking"), (false,))?;
                }
                accepted
            }
            Self::Connect { address, started } if !*started => {
                begin_connecting(socket, address.bind(py), started)?
            }
            Self::Connect { address, .. } if plain => connected(fd, address.bind(py))?,
            Self::Connect { address, .. } => connected_by(socket, address.bind(py))?,
            Self::SendFile { file } => {
                return Ok(match file.get().attempt(py, fd)? {
                    Progress::Done => Attempt::Done(py.None()),
                    Progress::Blocked => Attempt::Blocked,
                    Progress::Again => Attempt::Again,
                });
            }
        };
        Ok(result.map_or(Attempt::Blocked, Attempt::Done))
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Accept => Ok(()),
            Self::RecvInto { buffer } => visit.call(buffer),
            Self::RecvFromInto { buffer, limit } => {
                visit.call(buffer)?;
                visit.call(limit)
            }
            Self::Recv { limit } | Self::RecvFrom { limit } => visit.call(limit),
            Self::SendAll { data, .. } => visit.call(data),
            Self::SendTo { data, address } => {
                visit.call(data)?;
                visit.call(address)
            }
            Self::Connect { address, .. } => visit.call(address),
            Self::SendFile { file } => visit.call(file),
        }
    }
}

/// Makes a system call until no signal interrupts it. `None`: it would block.
fn unless_would_block<T>(mut call: impl FnMut() -> Result<T, Errno>) -> PyResult<Option<T>> {
    loop {
        match call() {
            Ok(value) => return Ok(Some(value)),
            Err(Errno::INTR) => {}
            Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => return Ok(None),
            Err(error) => return Err(os_error(error)),
        }
    }
}

/// The same for a call of a socket method.
fn unless_blocking(
    py: Python<'_>,
    result: PyResult<Bound<'_, PyAny>>,
) -> PyResult<Option<Py<PyAny>>> {
    match result {
        Ok(value) => Ok(Some(value.unbind())),
        Err(error)
            if error.is_instance_of::<PyBlockingIOError>(py)
                || error.is_instance_of::<PyInterruptedError>(py) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn receive(
    core: &Bound<'_, LoopCore>,
    socket: &Bound<'_, PyAny>,
    fd: RawFd,
    limit: usize,
) -> PyResult<Option<Py<PyAny>>> {
    let py = core.py();
    let unread = &core.get().unread;
    let object = |data: &[u8]| allocate::bytes(py, data).map(|it| it.into_any().unbind());
    if !unread.is_empty(py)
        && let Some(data) = unread.deliver(socket, limit, object)?
    {
        return Ok(Some(data));
    }
    core.get().with_scratch(py, |scratch| {
        let room = limit.min(scratch.len());
        let received = unless_would_block(|| {
            let room = scratch.get_mut(..room).unwrap_or_default();
            rustix::net::recv(numbered(fd), room, RecvFlags::empty()).map(|(count, _)| count)
        })?;
        let Some(count) = received else {
            return Ok(None);
        };
        core.get().note_read(py, fd, count, room);
        let data = scratch.get(..count).unwrap_or_default();
        object(data).map(Some).inspect_err(|_| {
            unread.keep(py, socket.clone().unbind(), data.to_vec());
        })
    })
}

fn receive_into(
    core: &Bound<'_, LoopCore>,
    socket: &Bound<'_, PyAny>,
    fd: RawFd,
    buffer: &Bound<'_, PyAny>,
) -> PyResult<Option<Py<PyAny>>> {
    let py = buffer.py();
    let mut view = BufferView::writable(buffer)?;
    if !core.get().unread.is_empty(py) {
        let room = view.len();
        let copied = core.get().unread.deliver(socket, room, |data| {
            let count = allocate::int(py, data.len() as i64)?;
            if let Some(place) = view.bytes_mut().get_mut(..data.len()) {
                place.copy_from_slice(data);
            }
            Ok(count.into_any().unbind())
        })?;
        if copied.is_some() {
            return Ok(copied);
        }
    }
    let received = unless_would_block(|| {
        rustix::net::recv(numbered(fd), view.bytes_mut(), RecvFlags::empty())
            .map(|(count, _)| count)
    })?;
    if let Some(count) = received {
        core.get().note_read(py, fd, count, view.len());
    }
    received.map(|count| Ok(allocate::int(py, count as i64)?.into_any().unbind())).transpose()
}

fn send_all(fd: RawFd, data: &Bound<'_, PyAny>, sent: &mut usize) -> PyResult<Option<Py<PyAny>>> {
    let py = data.py();
    let view = BufferView::readable(data)?;
    loop {
        let rest = view.bytes().get(*sent..).unwrap_or_default();
        let count = unless_would_block(|| {
            rustix::net::send(numbered(fd), rest, crate::net::socket_calls::SEND)
        })?;
        match count {
            None => return Ok(None),
            Some(count) => *sent += count,
        }
        if *sent >= view.len() {
            return Ok(Some(py.None()));
        }
    }
}

/// The same with the socket object: first with the data, then with views of the
/// rest.
fn send_all_by(
    socket: &Bound<'_, PyAny>,
    data: &Bound<'_, PyAny>,
    sent: &mut usize,
) -> PyResult<Option<Py<PyAny>>> {
    let py = data.py();
    let (rest, length) = if *sent == 0 {
        (data.clone(), data.len()?)
    } else {
        let view = PyMemoryView::from(data)?;
        let rest = view.get_item(PySlice::new(py, *sent as isize, isize::MAX, 1))?;
        (rest, view.len()?)
    };
    let outcome = socket.call_method1(crate::intern!(py, "send"), (rest,));
    let count = match unless_blocking(py, outcome)? {
        Some(count) => count.extract::<usize>(py)?,
        None => 0,
    };
    *sent = sent.saturating_add(count);
    Ok((*sent >= length).then(|| py.None()))
}

/// Starts to connect. None: the connection is in progress.
fn begin_connecting(
    socket: &Bound<'_, PyAny>,
    address: &Bound<'_, PyAny>,
    started: &mut bool,
) -> PyResult<Option<Py<PyAny>>> {
    let py = socket.py();
    let result = socket.call_method1(crate::intern!(py, "connect"), (address,));
    if let Err(error) = &result
        && is_refusal_for_now(py, error)?
    {
        return result.map(|none| Some(none.unbind()));
    }
    let done = unless_blocking(py, result)?;
    *started = done.is_none();
    Ok(done.map(|_| py.None()))
}

/// The result of connecting. None: it is still in progress.
fn connected(fd: RawFd, address: &Bound<'_, PyAny>) -> PyResult<Option<Py<PyAny>>> {
    let py = address.py();
    // The event may be older than this call: only a writable socket has a
    // result.
    let mut descriptors =
        [rustix::event::PollFd::from_borrowed_fd(numbered(fd), rustix::event::PollFlags::OUT)];
    let ready =
        unless_would_block(|| rustix::event::poll(&mut descriptors, Some(&Default::default())))?;
    if ready != Some(1) {
        return Ok(None);
    }
    match rustix::net::sockopt::socket_error(numbered(fd)).map_err(os_error)? {
        Ok(()) => Ok(Some(py.None())),
        Err(error) => Err(failed_to_connect(error.raw_os_error(), address)?),
    }
}

/// The same with the socket object.
fn connected_by(
    socket: &Bound<'_, PyAny>,
    address: &Bound<'_, PyAny>,
) -> PyResult<Option<Py<PyAny>>> {
    let py = socket.py();
    let (level, option) = (stdlib::sol_socket(py)?, stdlib::so_error(py)?);
    let error = socket.call_method1(crate::intern!(py, "getsockopt"), (level, option));
    match unless_blocking(py, error)? {
        None => Ok(None),
        Some(number) => match number.extract::<i32>(py)? {
            0 => Ok(Some(py.None())),
            number => Err(failed_to_connect(number, address)?),
        },
    }
}

fn failed_to_connect(number: i32, address: &Bound<'_, PyAny>) -> PyResult<PyErr> {
    Ok(PyOSError::new_err((number, format!("Connect call failed {}", address.str()?))))
}

/// Whether `connect` was refused because the queue of the listening Unix socket
/// is full. The kernel gives no readiness event for this, and the socket would
/// look connected.
fn is_refusal_for_now(py: Python<'_>, error: &PyErr) -> PyResult<bool> {
    if !error.is_instance_of::<PyBlockingIOError>(py) {
        return Ok(false);
    }
    let number = error.value(py).getattr(crate::intern!(py, "errno"))?;
    number.eq(Errno::AGAIN.raw_os_error())
}
