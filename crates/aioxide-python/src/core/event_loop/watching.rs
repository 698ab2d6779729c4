//! `add_reader`, `add_writer` and the descriptors of other parts of the loop.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use aioxide_engine::{Interest, Trigger};
use pyo3::exceptions::{PyOverflowError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyTuple};

use super::registration::register;
use super::{Direction, LoopCore};
use crate::core::dispatch::{Watch, Watcher};
use crate::core::futures::LoopRef;
use crate::core::handles::{Arguments, Handle};
use crate::core::rust_futures::Alarm;
use crate::ffi::context;
use crate::ffi::errors::{Settled, os_error};
use crate::ffi::file_descriptor::numbered;

/// The descriptor of an integer or of an object with `fileno()`.
///
/// # Errors
///
/// `ValueError` as the `selectors` module words it.
pub fn file_descriptor(file: &Bound<'_, PyAny>) -> PyResult<RawFd> {
    open_descriptor(file_number(file)?)
}

/// The same for a file that may be closed; then the number is -1.
fn file_number(file: &Bound<'_, PyAny>) -> PyResult<i64> {
    let py = file.py();
    let invalid = || -> PyErr {
        match file.repr() {
            Ok(shown) => PyValueError::new_err(format!("Invalid file object: {shown}")),
            Err(error) => error,
        }
    };
    if file.is_instance_of::<PyInt>() {
        return file.extract().map_err(|_| invalid());
    }
    let number = file
        .call_method0(crate::intern!(py, "fileno"))
        .and_then(|number| number.call_method0(crate::intern!(py, "__int__")))
        .and_then(|number| number.extract::<i64>())
        .settled(file.py());
    match number {
        Err(error)
            if error.is_instance_of::<pyo3::exceptions::PyAttributeError>(py)
                || error.is_instance_of::<pyo3::exceptions::PyTypeError>(py)
                || error.is_instance_of::<PyValueError>(py) =>
        {
            Err(invalid())
        }
        other => other,
    }
}

fn open_descriptor(number: i64) -> PyResult<RawFd> {
    if number < 0 {
        return Err(PyValueError::new_err(format!("Invalid file descriptor: {number}")));
    }
    RawFd::try_from(number).map_err(|_| {
        PyOverflowError::new_err(format!("file descriptor {number} is greater than maximum"))
    })
}

impl LoopCore {
    /// See [`super::descriptors::Descriptors::writing_transports`].
    pub fn writing_transports(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        self.descriptors.writing_transports(py)
    }

    /// Raises asyncio's error if `fd` belongs to a transport or a server.
    pub fn ensure_no_transport(&self, fd: RawFd, file: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = file.py();
        match self.descriptors.transport_of(py, fd) {
            Some(transport) => Err(PyRuntimeError::new_err(format!(
                "File descriptor {} is used by transport {}",
                file.repr()?,
                transport.bind(py).repr()?
            ))),
            None => Ok(()),
        }
    }

    /// Sets the watcher of `fd` in one direction; the previous one is cancelled.
    pub fn set_watcher(
        &self,
        py: Python<'_>,
        fd: RawFd,
        direction: Direction,
        watcher: Watcher,
    ) -> PyResult<()> {
        let previous = self.exchange_watcher(py, fd, direction, Some(watcher))?;
        cancel_watcher(py, previous).map(drop)
    }

    /// Removes the watcher of one direction; returns whether there was one.
    pub fn clear_watcher(&self, py: Python<'_>, fd: RawFd, direction: Direction) -> PyResult<bool> {
        if !self.descriptors.read(py, |table| table.watcher(fd, direction).is_some()) {
            return Ok(false);
        }
        let previous = self.exchange_watcher(py, fd, direction, None)?;
        cancel_watcher(py, previous)
    }

    fn exchange_watcher(
        &self,
        py: Python<'_>,
        fd: RawFd,
        direction: Direction,
        watcher: Option<Watcher>,
    ) -> PyResult<Option<Watcher>> {
        let poller = self.poller(py)?;
        match self.descriptors.set_watcher(py, &poller, fd, direction, watcher) {
            Ok(displaced) => Ok(displaced.watcher),
            Err((error, _refused)) => Err(os_error(error)),
        }
    }

    /// Clears the watcher of one direction if it is the call of this address.
    pub fn clear_call(&self, py: Python<'_>, fd: RawFd, direction: Direction, call: usize) {
        let is_it = self.descriptors.read(py, |table| {
            let watcher = table.watcher(fd, direction);
            matches!(watcher, Some(Watcher::Call(current)) if current.as_ptr().addr() == call)
        });
        if let Some(poller) = self.poller(py).ok().filter(|_| is_it) {
            drop(self.descriptors.set_watcher(py, &poller, fd, direction, None));
        }
    }

    /// Clears the watcher of one direction if it is this alarm.
    pub fn clear_alarm(&self, py: Python<'_>, fd: RawFd, direction: Direction, alarm: &Arc<Alarm>) {
        let is_it = self.descriptors.read(py, |table| {
            let watcher = table.watcher(fd, direction);
            matches!(watcher, Some(Watcher::Alarm(current)) if Arc::ptr_eq(current, alarm))
        });
        if let Some(poller) = self.poller(py).ok().filter(|_| is_it) {
            drop(self.descriptors.set_watcher(py, &poller, fd, direction, None));
        }
    }

    /// Whether a read from `socket` would find nothing until the poller reports an event.
    pub fn is_drained(&self, socket: &Bound<'_, PyAny>, fd: RawFd) -> PyResult<bool> {
        let py = socket.py();
        if !self.descriptors.is_drained(py, fd) {
            return Ok(false);
        }
        // The number may belong to another socket by now.
        match self.descriptors.owner(py, fd) {
            Some(owner) => Ok(owner.bind(py).call0()?.is(socket)),
            None => Ok(false),
        }
    }

    /// A read of `fd` has found nothing.
    pub fn set_drained(&self, py: Python<'_>, fd: RawFd) {
        self.descriptors.set_drained(py, fd);
    }

    /// A read of `fd` has returned `count` bytes of at most `room`.
    #[inline]
    pub fn note_read(&self, py: Python<'_>, fd: RawFd, count: usize, room: usize) {
        self.descriptors.note_read(py, fd, count, room);
    }

    /// Drops a registration that was left by calls of another socket object with the
    /// same number.
    pub fn own_registration(&self, socket: &Bound<'_, PyAny>, fd: RawFd) -> PyResult<()> {
        let py = socket.py();
        if let Some(owner) = self.descriptors.owner(py, fd)
            && owner.bind(py).call0()?.is(socket)
        {
            return Ok(());
        }
        let descriptor = numbered(fd);
        self.ensure_open(py, descriptor)?;
        let reference = pyo3::types::PyWeakrefReference::new(socket)?.into_any().unbind();
        let is_tcp = crate::ffi::file_descriptor::is_internet_stream(fd);
        drop(self.descriptors.set_owner(py, descriptor, reference, is_tcp));
        Ok(())
    }

    /// Checks that the descriptor is open, so that the table does not grow for a number
    /// that is not one.
    fn ensure_open(&self, py: Python<'_>, descriptor: BorrowedFd<'_>) -> PyResult<()> {
        let fd = descriptor.as_raw_fd();
        if self.descriptors.read(py, |table| table.is_new(fd)) {
            rustix::io::fcntl_getfd(descriptor)
                .map_err(|error| os_error(std::io::Error::from(error)))?;
        }
        Ok(())
    }

    /// Registers a descriptor that belongs to a part of the loop.
    pub fn occupy(
        &self,
        py: Python<'_>,
        descriptor: BorrowedFd<'_>,
        watch: Watch,
        interest: Interest,
        trigger: Trigger,
    ) -> PyResult<()> {
        let poller = self.poller(py)?;
        let fd = descriptor.as_raw_fd();
        self.ensure_open(py, descriptor)?;
        let (token, left_behind) = self.descriptors.occupy(py, descriptor, watch);
        // What a caller left there with the number's last use is dead.
        drop(left_behind);
        let outcome = register(&poller, descriptor, token, interest, trigger, false);
        match outcome {
            Ok(()) => {
                self.descriptors.set_registered(py, fd, interest, trigger);
                Ok(())
            }
            Err(error) => {
                drop(self.descriptors.vacate(py, fd));
                Err(os_error(error))
            }
        }
    }

    /// Whether such a descriptor's number still belongs to `transport`: if other code closes
    /// the number, another file may get it.
    pub fn is_occupied_by(&self, py: Python<'_>, fd: RawFd, transport: &Bound<'_, PyAny>) -> bool {
        self.descriptors.transport_of(py, fd).is_some_and(|owner| owner.is(transport))
    }

    /// Takes such a descriptor back before it is closed.
    pub fn vacate(&self, py: Python<'_>, fd: RawFd) {
        self.unregister(py, numbered(fd));
        drop(self.descriptors.vacate(py, fd));
    }

    /// Takes such a descriptor back and closes it, with one system call. No other code
    /// may use it.
    pub fn vacate_and_close(&self, py: Python<'_>, descriptor: OwnedFd) {
        // First, because the number may be reused as soon as it is closed.
        let watch = self.descriptors.vacate(py, descriptor.as_raw_fd());
        match self.registered_poller(py) {
            Some(poller) => poller.remove_and_close(descriptor),
            None => crate::ffi::file_descriptor::close(descriptor),
        }
        drop(watch);
    }

    /// Registers such a descriptor, which is registered for reading, for writing as well.
    pub fn watch_writing_too(&self, py: Python<'_>, descriptor: BorrowedFd<'_>) -> PyResult<()> {
        let poller = self.poller(py)?;
        self.descriptors.register_for_both(py, &poller, descriptor).map_err(os_error)
    }

    /// Removes a descriptor from the poller, if it is registered.
    pub fn unregister(&self, py: Python<'_>, descriptor: BorrowedFd<'_>) {
        if let Some(poller) = self.registered_poller(py) {
            let _ = poller.remove(descriptor);
        }
    }

    /// Like `ensure_no_transport`, for a number that need not be a descriptor.
    fn ensure_number_is_free(&self, number: i64, file: &Bound<'_, PyAny>) -> PyResult<()> {
        match RawFd::try_from(number) {
            Ok(fd) => self.ensure_no_transport(fd, file),
            Err(_) => Ok(()),
        }
    }

    fn add_callback(
        slf: &Bound<'_, Self>,
        file: &Bound<'_, PyAny>,
        direction: Direction,
        callback: Py<PyAny>,
        arguments: Bound<'_, PyTuple>,
    ) -> PyResult<Py<Handle>> {
        let py = slf.py();
        let this = slf.get();
        let number = file_number(file)?;
        this.ensure_number_is_free(number, file)?;
        // The thread is not checked, not even in debug mode: asyncio does not check it, and
        // some programs call from other threads. The poller allows it, and the GIL guards the
        // table.
        this.check_closed(py)?;
        let fd = open_descriptor(number)?;
        let context = context::copy_current(py)?;
        let event_loop = LoopRef::of_core(slf);
        let handle = Handle::create(py, callback, Arguments::of(&arguments), event_loop, context)?;
        if this.debug(py) {
            handle.get().remember_origin(py)?;
        }
        this.set_watcher(py, fd, direction, Watcher::Handle(handle.clone_ref(py)))?;
        if !file.is_instance_of::<PyInt>() {
            drop(this.descriptors.remember_file(py, fd, file.clone().unbind()));
        }
        Ok(handle)
    }

    /// The number that a file had when its watch began, if it is closed by now.
    fn remembered_number(&self, file: &Bound<'_, PyAny>, number: i64) -> Option<RawFd> {
        let address = file.as_ptr().addr();
        if number >= 0 {
            return None;
        }
        self.descriptors.read(file.py(), |table| table.number_of(address))
    }

    fn remove_callback(&self, file: &Bound<'_, PyAny>, direction: Direction) -> PyResult<bool> {
        let py = file.py();
        let number = file_number(file)?;
        self.ensure_number_is_free(number, file)?;
        if self.flags.closed.get(py) {
            return Ok(false);
        }
        let fd = match self.remembered_number(file, number) {
            Some(fd) => fd,
            None => open_descriptor(number)?,
        };
        self.clear_watcher(py, fd, direction)
    }
}

/// A replaced or removed callback must not run even if it is ready already.
fn cancel_watcher(py: Python<'_>, watcher: Option<Watcher>) -> PyResult<bool> {
    match watcher {
        None => Ok(false),
        Some(Watcher::Handle(handle)) => {
            handle.bind(py).call_method0(crate::intern!(py, "cancel"))?;
            Ok(true)
        }
        Some(
            Watcher::Alarm(_) | Watcher::Call(_) | Watcher::ReadPipe(_) | Watcher::WritePipe(_),
        ) => Ok(true),
    }
}

#[pymethods]
impl LoopCore {
    /// Calls `callback(*args)` whenever a read from `fd` would not block.
    ///
    /// `fd` is a descriptor or an object with `fileno()`. It replaces an earlier reader
    /// callback of `fd`. Raises `RuntimeError` if the loop is closed or a transport uses
    /// `fd`, and `ValueError` for an invalid descriptor.
    ///
    /// https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.add_reader
    #[pyo3(signature = (fd, callback, *args))]
    fn add_reader(
        slf: &Bound<'_, Self>,
        fd: Bound<'_, PyAny>,
        callback: Py<PyAny>,
        args: Bound<'_, PyTuple>,
    ) -> PyResult<()> {
        Self::add_callback(slf, &fd, Direction::Read, callback, args).map(drop)
    }

    /// Calls `callback(*args)` whenever a write to `fd` would not block.
    ///
    /// Otherwise as `add_reader`.
    ///
    /// https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.add_writer
    #[pyo3(signature = (fd, callback, *args))]
    fn add_writer(
        slf: &Bound<'_, Self>,
        fd: Bound<'_, PyAny>,
        callback: Py<PyAny>,
        args: Bound<'_, PyTuple>,
    ) -> PyResult<()> {
        Self::add_callback(slf, &fd, Direction::Write, callback, args).map(drop)
    }

    /// The same under the private name that some libraries use; returns the
    /// handle.
    #[pyo3(signature = (fd, callback, *args))]
    fn _add_reader(
        slf: &Bound<'_, Self>,
        fd: Bound<'_, PyAny>,
        callback: Py<PyAny>,
        args: Bound<'_, PyTuple>,
    ) -> PyResult<Py<Handle>> {
        Self::add_callback(slf, &fd, Direction::Read, callback, args)
    }

    /// See `_add_reader`.
    #[pyo3(signature = (fd, callback, *args))]
    fn _add_writer(
        slf: &Bound<'_, Self>,
        fd: Bound<'_, PyAny>,
        callback: Py<PyAny>,
        args: Bound<'_, PyTuple>,
    ) -> PyResult<Py<Handle>> {
        Self::add_callback(slf, &fd, Direction::Write, callback, args)
    }

    /// Removes the reader callback of `fd`; returns whether there was one.
    fn remove_reader(&self, fd: Bound<'_, PyAny>) -> PyResult<bool> {
        self.remove_callback(&fd, Direction::Read)
    }

    /// Removes the writer callback of `fd`; returns whether there was one.
    fn remove_writer(&self, fd: Bound<'_, PyAny>) -> PyResult<bool> {
        self.remove_callback(&fd, Direction::Write)
    }

    fn _remove_reader(&self, fd: Bound<'_, PyAny>) -> PyResult<bool> {
        self.remove_callback(&fd, Direction::Read)
    }

    fn _remove_writer(&self, fd: Bound<'_, PyAny>) -> PyResult<bool> {
        self.remove_callback(&fd, Direction::Write)
    }
}
