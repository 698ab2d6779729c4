//! The relatives of `call_soon`.

use std::sync::atomic::Ordering;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::LoopCore;
use crate::core::coroutines::is_coroutine;
use crate::core::dispatch::Ready;
use crate::core::futures::LoopRef;
#[cfg(Py_3_14)]
use crate::core::handles::ThreadSafeHandle;
use crate::core::handles::{Arguments, Handle};
use crate::ffi::context;
use crate::stdlib;

/// This thread, as Python numbers threads.
#[inline]
pub fn thread_identity() -> u64 {
    // SAFETY: needs neither the GIL nor an interpreter.
    unsafe { ffi::PyThread_get_thread_ident() as u64 }
}

impl LoopCore {
    /// Raises in a thread other than the one that runs the loop.
    pub fn check_thread(&self) -> PyResult<()> {
        let thread = self.thread.load(Ordering::Relaxed);
        if thread == 0 || thread == thread_identity() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(crate::name!(
            "Non-thread-safe operation invoked on an event loop other than the current one"
        )))
    }

    /// What `call_soon_threadsafe` returns.
    fn handle_for(
        slf: &Bound<'_, Self>,
        callback: Bound<'_, PyAny>,
        arguments: Bound<'_, PyTuple>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<Handle>> {
        let py = slf.py();
        let context = context::given_or_copy(py, context)?;
        let event_loop = LoopRef::of_core(slf);
        let (callback, arguments) = (callback.unbind(), Arguments::of(&arguments));
        #[cfg(Py_3_14)]
        return ThreadSafeHandle::create(py, callback, arguments, event_loop, context);
        #[cfg(not(Py_3_14))]
        Handle::create(py, callback, arguments, event_loop, context)
    }
}

/// Debug mode's look at what is to be called: asyncio's texts.
pub fn check_callback(callback: &Bound<'_, PyAny>, method: &str) -> PyResult<()> {
    let py = callback.py();
    if is_coroutine(callback)?
        || stdlib::is_coroutine_function(py)?.call1((callback,))?.is_truthy()?
    {
        return Err(PyTypeError::new_err(format!("coroutines cannot be used with {method}()")));
    }
    if !callback.is_callable() {
        return Err(PyTypeError::new_err(format!(
            "a callable object was expected by {method}(), got {}",
            callback.repr()?
        )));
    }
    Ok(())
}

#[pymethods]
impl LoopCore {
    /// `call_soon` from any thread: the loop wakes up if it sleeps.
    #[pyo3(signature = (callback, *args, context=None))]
    fn call_soon_threadsafe(
        slf: &Bound<'_, Self>,
        callback: Bound<'_, PyAny>,
        args: Bound<'_, PyTuple>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<Handle>> {
        let py = slf.py();
        let this = slf.get();
        crate::ffi::exiting::arm();
        this.check_closed(py)?;
        let debug = this.debug(py);
        if debug {
            check_callback(&callback, "call_soon_threadsafe")?;
        }
        let handle = Self::handle_for(slf, callback, args, context)?;
        if debug {
            handle.get().remember_origin(py)?;
        }
        let item = Ready::Handle(handle.clone_ref(py));
        let runner = this.thread.load(Ordering::Relaxed);
        if runner == 0 || runner == thread_identity() {
            // The order relative to call_soon from the same thread holds.
            this.schedule(py, item);
        } else if let Err(item) = this.inbox(py).push(item) {
            drop(item);
            return this.check_closed(py).map(|()| handle);
        }
        Ok(handle)
    }
}
