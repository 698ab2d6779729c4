//! Received bytes that were not read yet.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
#[cfg(not(Py_3_15))]
use pyo3::types::PyMemoryView;
use pyo3::types::{PyBytes, PySlice};

use super::StreamReader;
use crate::ffi::allocate::{self, Blank};
use crate::ffi::gil_cell::GilCell;

/// An empty buffer keeps its memory up to this many bytes. More is freed, so
/// that many idle connections do not keep the memory of their largest message.
const KEPT_CAPACITY: usize = 16 * 1024;

/// The buffer of a `StreamReader`.
pub enum Buffer {
    /// The attribute `_buffer` was never used.
    Native(ByteQueue),
    /// The object that the attribute `_buffer` returned or was set to. From
    /// then on the bytes are kept there.
    Object(Py<PyAny>),
}

/// Bytes that are added at the end and removed at the beginning.
#[derive(Default)]
pub struct ByteQueue {
    data: Vec<u8>,
    /// How many bytes at the beginning of `data` were removed.
    taken: usize,
}

/// The result of adding bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    Done,
    /// The buffer is a Python object: the caller has to add them to that.
    IntoObject,
    /// There is no memory for them.
    OutOfMemory,
}

impl ByteQueue {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.data.get(self.taken..).unwrap_or_default()
    }

    #[inline]
    fn append(&mut self, bytes: &[u8]) -> Appended {
        // Moving the rest costs no more than removing the bytes before it did.
        if self.taken > 0 && self.taken >= self.data.len() - self.taken {
            self.data.drain(..self.taken);
            self.taken = 0;
        }
        if self.data.try_reserve(bytes.len()).is_err() {
            return Appended::OutOfMemory;
        }
        self.data.extend_from_slice(bytes);
        Appended::Done
    }

    /// Puts back the bytes that were removed last.
    fn put_back(&mut self, bytes: &[u8]) -> Appended {
        if self.data.try_reserve(bytes.len()).is_err() {
            return Appended::OutOfMemory;
        }
        self.data.splice(self.taken..self.taken, bytes.iter().copied());
        Appended::Done
    }

    #[inline]
    fn discard(&mut self, count: usize) {
        self.taken = self.taken.saturating_add(count);
        if self.taken >= self.data.len() {
            self.taken = 0;
            if self.data.capacity() > KEPT_CAPACITY {
                self.data = Vec::new();
            } else {
                self.data.clear();
            }
        }
    }
}

impl Buffer {
    /// The bytes, if they are native.
    #[inline]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Native(queue) => Some(queue.bytes()),
            Self::Object(_) => None,
        }
    }

    fn object(&self) -> Option<&Py<PyAny>> {
        match self {
            Self::Native(_) => None,
            Self::Object(object) => Some(object),
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Native(_) => Ok(()),
            Self::Object(object) => visit.call(object),
        }
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::Native(ByteQueue::default())
    }
}

impl GilCell<Buffer> {
    /// Calls `access` with the bytes, if they are native.
    ///
    /// # Safety
    ///
    /// As [`GilCell::with`].
    #[inline]
    unsafe fn native<R>(
        &self,
        py: Python<'_>,
        access: impl FnOnce(&mut ByteQueue) -> R,
    ) -> Option<R> {
        // SAFETY: promised by the caller.
        unsafe {
            self.with(py, |buffer| match buffer {
                Buffer::Native(queue) => Some(access(queue)),
                Buffer::Object(_) => None,
            })
        }
    }

    /// Adds bytes at the end.
    #[inline]
    pub fn append(&self, py: Python<'_>, bytes: &[u8]) -> Appended {
        // SAFETY: bytes are copied.
        unsafe { self.native(py, |queue| queue.append(bytes)) }.unwrap_or(Appended::IntoObject)
    }

    /// Moves the first bytes into `blank`, which is returned unfilled if there are fewer
    /// by now.
    #[inline]
    pub fn move_into<'py>(
        &self,
        py: Python<'py>,
        blank: Blank<'py, PyBytes>,
    ) -> Result<Bound<'py, PyBytes>, Blank<'py, PyBytes>> {
        let count = blank.len();
        // SAFETY: bytes are copied; the blank is returned, filled or not.
        unsafe {
            self.with(py, |buffer| match buffer {
                Buffer::Native(queue) if queue.bytes().len() >= count => {
                    let filled = blank.filled(&queue.bytes()[..count]);
                    queue.discard(count);
                    filled
                }
                _ => Err(blank),
            })
        }
    }

    /// Moves the first bytes, at most `count`, to the end of `pieces`. Returns how many.
    pub fn move_to(&self, py: Python<'_>, count: usize, pieces: &mut Vec<u8>) -> PyResult<usize> {
        // SAFETY: bytes are copied.
        let moved = unsafe {
            self.native(py, |queue| {
                let count = count.min(queue.bytes().len());
                pieces.try_reserve(count).ok()?;
                pieces.extend_from_slice(&queue.bytes()[..count]);
                queue.discard(count);
                Some(count)
            })
        };
        moved.unwrap_or(Some(0)).ok_or_else(allocate::out_of_memory)
    }

    /// Removes the first `count` bytes.
    pub fn discard(&self, py: Python<'_>, count: usize) {
        // SAFETY: bytes are removed.
        unsafe { self.native(py, |queue| queue.discard(count)) };
    }
}

impl StreamReader {
    /// The number of bytes, if they are native.
    #[inline]
    fn native_length(&self, py: Python<'_>) -> Option<usize> {
        self.state.buffer.read(py, |buffer| buffer.bytes().map(<[u8]>::len))
    }

    /// The object that holds the bytes, if they are not native.
    #[inline]
    pub(super) fn shown<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.state.buffer.clone_of(py, |buffer| buffer.object()).map(|object| object.into_bound(py))
    }

    /// How many bytes there are: `len(self._buffer)`.
    #[inline]
    pub(super) fn buffered(&self, py: Python<'_>) -> PyResult<usize> {
        match self.native_length(py) {
            Some(length) => Ok(length),
            None => self.buffer_object(py)?.len(),
        }
    }

    /// Whether there are none: `not self._buffer`.
    #[inline]
    pub(super) fn is_empty(&self, py: Python<'_>) -> PyResult<bool> {
        match self.native_length(py) {
            Some(length) => Ok(length == 0),
            None => self.buffer_object(py)?.is_truthy().map(|full| !full),
        }
    }

    /// Whether a transport may add bytes directly.
    #[inline]
    pub(super) fn takes_bytes(&self, py: Python<'_>) -> bool {
        self.state.buffer.read(py, |buffer| buffer.bytes().is_some())
    }

    /// Removes the number of bytes that `count` returns for the number in the buffer.
    /// None unless that is all there is to do: the bytes are native, no task waits,
    /// the stream has not failed and the transport is not paused.
    #[inline]
    pub(super) fn take_at_once<'py>(
        &self,
        py: Python<'py>,
        count: impl FnOnce(&[u8]) -> Option<usize> + Copy + Send,
    ) -> Option<Bound<'py, PyBytes>> {
        let state = &self.state;
        if state.flags.get(py).paused || state.exception.is_some(py) || state.waiter.is_some(py) {
            return None;
        }
        let count = state.buffer.read(py, move |buffer| buffer.bytes().and_then(count))?;
        // Creating `bytes` runs no foreign code. If there is no memory, `resume` raises.
        let blank = allocate::blank_bytes(py, count).ok()?;
        state.buffer.move_into(py, blank).ok()
    }

    /// Removes the first bytes, at most `count`: `self._buffer[:count]`.
    #[inline]
    pub(super) fn take<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyBytes>> {
        while let Some(length) = self.native_length(py) {
            let blank = allocate::blank_bytes(py, count.min(length))?;
            if let Ok(bytes) = self.state.buffer.move_into(py, blank) {
                return Ok(bytes);
            }
        }
        take_slice(
            &self.buffer_object(py)?,
            crate::ffi::allocate::Made(count).into_pyobject(py)?.as_any(),
        )
    }

    /// Removes everything.
    pub(super) fn take_all<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        if self.takes_bytes(py) {
            return self.take(py, usize::MAX);
        }
        let object = self.buffer_object(py)?;
        if cfg!(Py_3_15) {
            return Ok(object.call_method0(crate::intern!(py, "take_bytes"))?.cast_into()?);
        }
        let bytes = bytes_of(&object)?;
        self.buffer_object(py)?.call_method0(crate::intern!(py, "clear"))?;
        Ok(bytes)
    }

    /// Moves the first bytes, at most `count`, to the end of `pieces`. Returns how many.
    pub(super) fn take_into(
        &self,
        py: Python<'_>,
        count: usize,
        pieces: &mut Vec<u8>,
    ) -> PyResult<usize> {
        if self.takes_bytes(py) {
            return self.state.buffer.move_to(py, count, pieces);
        }
        let piece = self.take(py, count)?;
        let piece = piece.as_bytes();
        pieces.try_reserve(piece.len()).map_err(|_| allocate::out_of_memory())?;
        pieces.extend_from_slice(piece);
        Ok(piece.len())
    }

    /// Puts bytes back at the beginning that could not be returned to the
    /// caller.
    pub(super) fn put_back(&self, py: Python<'_>, bytes: &[u8]) {
        // SAFETY: bytes are copied.
        let put = unsafe { self.state.buffer.native(py, |queue| queue.put_back(bytes)) };
        if put.is_none()
            && let Ok(object) = self.buffer_object(py)
            && let Ok(bytes) = allocate::bytes(py, bytes)
            && let Ok(slice) = py.get_type::<PySlice>().call1((0, 0))
        {
            // An immutable object fails here, which is ignored: the caller
            // raises already.
            let _ = object.set_item(slice, bytes);
        }
    }

    /// The object that holds the bytes. It is created if the bytes are native,
    /// which they are no longer after that.
    pub(super) fn buffer_object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        loop {
            let Some(length) = self.native_length(py) else {
                match self.shown(py) {
                    Some(object) => return Ok(object),
                    None => continue,
                }
            };
            let blank = allocate::blank_bytearray(py, length)?;
            // SAFETY: bytes are copied; the blank is returned, filled or not.
            let filled = unsafe {
                self.state.buffer.with(py, |buffer| match buffer {
                    Buffer::Native(queue) => blank.filled(queue.bytes()),
                    Buffer::Object(_) => Err(blank),
                })
            };
            if let Ok(object) = filled {
                let object = object.into_any();
                let shown = Buffer::Object(object.clone().unbind());
                drop(self.state.buffer.replace(py, shown));
                return Ok(object);
            }
        }
    }
}

/// Removes at most `end` bytes, as asyncio does from 3.15 on:
/// `buffer.take_bytes(min(len(buffer), end))`.
#[cfg(Py_3_15)]
pub(super) fn take_slice<'py>(
    buffer: &Bound<'py, PyAny>,
    end: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = buffer.py();
    let length = buffer.len()?;
    let end = if end.lt(length)? {
        end.clone()
    } else {
        allocate::Made(length).into_pyobject(py)?.into_any()
    };
    Ok(buffer.call_method1(crate::intern!(py, "take_bytes"), (end,))?.cast_into()?)
}

/// Removes at most `end` bytes, as asyncio does up to 3.14:
/// `bytes(memoryview(buffer)[:end])`, and `del buffer[:end]`.
#[cfg(not(Py_3_15))]
pub(super) fn take_slice<'py>(
    buffer: &Bound<'py, PyAny>,
    end: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let slice = front_slice(end)?;
    let bytes = bytes_of(&PyMemoryView::from(buffer)?.get_item(&slice)?)?;
    buffer.del_item(slice)?;
    Ok(bytes)
}

/// `slice(end)`.
pub(super) fn front_slice<'py>(end: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    // Not `PySlice::new`: in PyO3 0.30 it leaks the numbers it is given.
    end.py().get_type::<PySlice>().call1((end,))
}

/// `bytes(object)`.
pub(super) fn bytes_of<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(object.py().get_type::<PyBytes>().call1((object,))?.cast_into()?)
}
