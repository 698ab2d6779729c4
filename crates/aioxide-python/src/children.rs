//! Ends of child processes as callbacks of a loop.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use aioxide_engine::children::{self, Exit};
use aioxide_engine::{Inbox, Interest, Trigger};
use pyo3::PyTraverseError;
use pyo3::exceptions::PyBlockingIOError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use rustix::io::Errno;

use crate::context;
use crate::errors::os_error;
use crate::event_loop::{LoopCore, NativeWork, Ready, Watch, run_handle};
use crate::futures::LoopRef;
use crate::handles::{Arguments, Handle};

/// The end of one child process, to be told to a callback once.
pub struct ChildExit {
    /// Readable when the child has ended. None where a thread waits.
    descriptor: Option<OwnedFd>,
    handle: Py<Handle>,
}

impl NativeWork for ChildExit {
    fn conclude(self: Box<Self>, core: &Bound<'_, LoopCore>) -> PyResult<()> {
        let Self { descriptor, handle } = *self;
        if let Some(descriptor) = descriptor {
            core.get().unregister(core.py(), descriptor.as_fd());
        }
        run_handle(&handle.into_bound(core.py()))
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.handle)
    }
}

/// From the waiting thread to the loop.
fn tell(inbox: &Inbox<Ready>, child: Box<ChildExit>) {
    if let Err(child) = inbox.push(Ready::Native(child)) {
        // The loop is closed. None: the interpreter shuts down.
        let _ = Python::try_attach(|_| drop(child));
    }
}

impl LoopCore {
    /// Waits for a child by its descriptor.
    fn watch_child(
        &self,
        py: Python<'_>,
        descriptor: OwnedFd,
        handle: &Py<Handle>,
    ) -> PyResult<()> {
        let fd = descriptor.as_raw_fd();
        let handle = handle.clone_ref(py);
        let child = Box::new(ChildExit { descriptor: Some(descriptor), handle });
        // SAFETY: `child` owns the descriptor, and the table owns `child`
        // until after the registration, even if that fails.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        self.occupy(py, borrowed, Watch::Child(child), Interest::READ, Trigger::Level)
    }
}

#[pymethods]
impl LoopCore {
    /// Calls `callback()` once when the child process `pid` has ended, and in
    /// the next turn if it is no child any more. Its exit status is left for
    /// `_reap_child`. With `on_thread`, a thread waits for it in any case.
    #[pyo3(signature = (pid, callback, *, on_thread=false))]
    fn _call_at_exit(
        slf: &Bound<'_, Self>,
        pid: i32,
        callback: Py<PyAny>,
        on_thread: bool,
    ) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        this.check_closed(py)?;
        let context = context::copy_current(py)?;
        let event_loop = LoopRef::of_core(slf);
        let handle = Handle::create(py, callback, Arguments::None, event_loop, context)?;
        if !on_thread {
            match children::exit_descriptor(pid) {
                Ok(descriptor) => {
                    if this.watch_child(py, descriptor, &handle).is_ok() {
                        return Ok(());
                    }
                }
                Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => {
                    this.schedule(py, Ready::Handle(handle));
                    return Ok(());
                }
                // The system gives none, or none now.
                Err(_) => {}
            }
        }
        let child = Box::new(ChildExit { descriptor: None, handle });
        let inbox = Arc::clone(this.inbox());
        children::on_exit(pid, move || tell(&inbox, child)).map_err(os_error)
    }
}

/// Takes the exit status of the child process `pid`, which has ended: the exit
/// code, or the negative number of the signal that ended it. None if somebody
/// else has taken it.
///
/// # Errors
///
/// `BlockingIOError` if it has not ended, or a debugger holds it.
#[pyfunction]
pub fn _reap_child(pid: i32) -> PyResult<Option<i32>> {
    match children::reap(pid).map_err(os_error)? {
        Some(Exit::Code(code)) => Ok(Some(code)),
        Some(Exit::Signal(number)) => Ok(Some(-number)),
        Some(Exit::Lost) => Ok(None),
        None => Err(PyBlockingIOError::new_err(format!("process {pid} has not ended"))),
    }
}

/// Whether loops may wait for child processes by descriptor, as they do at
/// first; otherwise each child costs a thread.
#[pyfunction]
pub fn _use_exit_descriptors(allowed: bool) {
    children::use_exit_descriptors(allowed);
}
