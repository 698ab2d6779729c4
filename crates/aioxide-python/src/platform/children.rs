//! Ends of child processes as callbacks of a loop.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use aioxide_engine::children::{self, Exit};
use aioxide_engine::{Inbox, Interest, Trigger};
use aioxide_trace::ItemKind;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyBlockingIOError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use rustix::io::Errno;

use crate::core::dispatch::{NativeWork, Ready, Watch, run_handle};
use crate::core::event_loop::LoopCore;
use crate::core::futures::LoopRef;
use crate::core::handles::{Arguments, Handle};
use crate::ffi::context;
use crate::ffi::errors::os_error;
use crate::ffi::file_descriptor::numbered;

/// The end of one child process, for which a callback is called once.
pub struct ChildExit {
    source: Source,
    handle: Py<Handle>,
}

/// What waits for the child.
enum Source {
    /// The poller: the descriptor is readable when the child has ended.
    Poller(OwnedFd),
    /// A thread; set once it is started.
    Thread(Arc<Mutex<Option<JoinHandle<()>>>>),
}

impl NativeWork for ChildExit {
    fn conclude(self: Box<Self>, core: &Bound<'_, LoopCore>) -> PyResult<()> {
        match self.source {
            Source::Poller(descriptor) => {
                core.get().unregister(core.py(), descriptor.as_fd());
            }
            Source::Thread(thread) => {
                let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
                // It has reported and is about to end, and then drops its reference to
                // the loop's descriptors.
                if let Some(thread) = thread {
                    let _ = thread.join();
                }
            }
        }
        run_handle(&self.handle.into_bound(core.py()))
    }

    fn kind(&self) -> ItemKind {
        ItemKind::Child
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.handle)
    }
}

impl ChildExit {
    /// As an item of the ready queue.
    pub fn into_ready(self: Box<Self>) -> Ready {
        let work: Box<dyn NativeWork> = self;
        Ready::Native(Box::new(work))
    }
}

/// Sends the end of the child from the waiting thread to the loop.
fn report(inbox: &Inbox<Ready>, child: Box<ChildExit>) {
    if let Err(child) = inbox.push(child.into_ready()) {
        // The loop is closed. None: the interpreter shuts down.
        crate::ffi::exiting::arm();
        #[expect(clippy::disallowed_methods, reason = "a thread's own way into the interpreter")]
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
        let child = Box::new(ChildExit { source: Source::Poller(descriptor), handle });
        let borrowed = numbered(fd);
        self.occupy(py, borrowed, Watch::Child(child), Interest::READ, Trigger::Level)
    }
}

#[pymethods]
impl LoopCore {
    /// Calls `callback()` once when the child process `pid` has ended, and in
    /// the next iteration if it is no child any more. Its exit status is left for
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
        let thread = Arc::new(Mutex::new(None));
        let source = Source::Thread(Arc::clone(&thread));
        let child = Box::new(ChildExit { source, handle });
        let inbox = this.inbox(py);
        let started = children::on_exit(pid, move || report(&inbox, child)).map_err(os_error)?;
        *thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
        Ok(())
    }
}

/// Takes the exit status of the child process `pid`, which has ended: the exit
/// code, or the negative number of the signal that ended it. None if other
/// code has taken it.
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
