//! Adding data to a `StreamReader`, and ending it.

use pyo3::exceptions::{PyAssertionError, PyNotImplementedError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::StreamReader;
use super::buffer::Appended;
use crate::core::dispatch::as_native;
use crate::core::futures::Future;
use crate::ffi::allocate;

/// What happened to received data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fed {
    /// It can be read.
    Buffered,
    /// Dropped: the stream had ended before.
    AfterEnd,
    /// Dropped: there is no memory for it.
    OutOfMemory,
}

impl StreamReader {
    /// Wakes the task that waits.
    #[inline]
    pub(super) fn wake(&self, py: Python<'_>) -> PyResult<()> {
        let Some(waiter) = self.state.waiter.take(py) else {
            return Ok(());
        };
        let waiter = waiter.into_bound(py);
        match as_native(&waiter) {
            Some(future) if future.get().is_cancelled(py) => Ok(()),
            Some(future) => Future::finish(future, py.None()),
            None if waiter.call_method0(crate::intern!(py, "cancelled"))?.is_truthy()? => Ok(()),
            None => waiter.call_method1(crate::intern!(py, "set_result"), (py.None(),)).map(drop),
        }
    }

    /// Adds data that a transport has received, which is not empty. No Python code
    /// runs; [`Self::after_feed`] does the rest.
    #[inline]
    pub fn feed_bytes(&self, py: Python<'_>, bytes: &[u8]) -> Fed {
        if self.is_ended(py) {
            return Fed::AfterEnd;
        }
        match self.state.buffer.append(py, bytes) {
            Appended::Done => Fed::Buffered,
            Appended::IntoObject | Appended::OutOfMemory => Fed::OutOfMemory,
        }
    }

    /// The second half of [`Self::feed_bytes`]: wakes the task that waits, or
    /// raises.
    #[inline]
    pub fn after_feed(&self, py: Python<'_>, fed: Fed) -> PyResult<()> {
        match fed {
            Fed::Buffered => self.announce(py),
            Fed::AfterEnd => {
                Err(PyAssertionError::new_err(crate::name!("feed_data after feed_eof")))
            }
            Fed::OutOfMemory => Err(allocate::out_of_memory()),
        }
    }

    /// Wakes the task that waits for data, and pauses the transport if there is
    /// too much.
    #[inline]
    fn announce(&self, py: Python<'_>) -> PyResult<()> {
        self.wake(py)?;
        let state = &self.state;
        let flags = state.flags.get(py);
        if flags.paused || state.transport.is_none(py) || self.buffered(py)? <= flags.high_water {
            return Ok(());
        }
        let Some(transport) = state.transport.clone_ref(py) else {
            return Ok(());
        };
        match transport.into_bound(py).call_method0(crate::intern!(py, "pause_reading")) {
            Ok(_) => {
                state.flags.update(py, |flags| flags.paused = true);
                Ok(())
            }
            // It cannot be paused, and is not asked again.
            Err(error) if error.is_instance_of::<PyNotImplementedError>(py) => {
                drop(state.transport.take(py));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// `feed_data`.
    pub(super) fn feed(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = data.py();
        if self.is_ended(py) {
            return self.after_feed(py, Fed::AfterEnd);
        }
        let appended = if let Ok(bytes) = data.cast_exact::<PyBytes>() {
            let bytes = bytes.as_bytes();
            if bytes.is_empty() {
                return Ok(());
            }
            self.state.buffer.append(py, bytes)
        } else if !data.is_truthy()? {
            return Ok(());
        } else if self.takes_bytes(py) {
            // Converted as a bytearray does it, because asyncio's buffer is
            // one.
            let copy = allocate::blank_bytearray(py, 0)?.filled(&[]);
            let copy = copy.map_err(|_| allocate::out_of_memory())?;
            copy.call_method1(crate::intern!(py, "extend"), (data,))?;
            // SAFETY: no other code has a reference to the object.
            self.state.buffer.append(py, unsafe { copy.as_bytes() })
        } else {
            Appended::IntoObject
        };
        match appended {
            Appended::Done => {}
            Appended::OutOfMemory => return Err(allocate::out_of_memory()),
            Appended::IntoObject => {
                self.buffer_object(py)?.call_method1(crate::intern!(py, "extend"), (data,))?;
            }
        }
        self.announce(py)
    }

    /// `feed_eof`.
    pub(super) fn end(&self, py: Python<'_>) -> PyResult<()> {
        self.state.flags.update(py, |flags| flags.eof = true);
        self.wake(py)
    }

    /// `set_exception`.
    pub(super) fn fail(&self, exception: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = exception.py();
        let kept = Some(exception.clone().unbind()).filter(|it| !it.is_none(py));
        drop(self.state.exception.replace(py, kept));
        let Some(waiter) = self.state.waiter.take(py) else {
            return Ok(());
        };
        let waiter = waiter.into_bound(py);
        if waiter.call_method0(crate::intern!(py, "cancelled"))?.is_truthy()? {
            return Ok(());
        }
        waiter.call_method1(crate::intern!(py, "set_exception"), (exception,)).map(drop)
    }
}
