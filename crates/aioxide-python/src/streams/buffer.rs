//! What has arrived and was not read yet.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PySlice};

use super::StreamReader;
use super::reader::State;

/// A buffer that is empty keeps its memory up to this many bytes; ten thousand
/// idle connections must not keep what their largest message took.
const KEPT_CAPACITY: usize = 16 * 1024;

/// The bytes.
pub enum Buffer {
    /// Nobody has looked into it.
    Native(ByteQueue),
    /// In the object that asyncio keeps as `_buffer`, from the moment that
    /// somebody asked for it.
    Object(Py<PyByteArray>),
}

/// Bytes that are put in at the end and taken out at the beginning.
#[derive(Default)]
pub struct ByteQueue {
    data: Vec<u8>,
    /// How many at the beginning of `data` were taken out.
    taken: usize,
}

impl ByteQueue {
    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.data[self.taken..]
    }

    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        // Moving what is left costs no more than what was taken out did.
        if self.taken > 0 && self.taken >= self.data.len() - self.taken {
            self.data.drain(..self.taken);
            self.taken = 0;
        }
        self.data.extend_from_slice(bytes);
    }

    #[inline]
    fn discard(&mut self, count: usize) {
        self.taken += count;
        if self.taken == self.data.len() {
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
    #[inline]
    fn len(&self, py: Python<'_>) -> usize {
        match self {
            Self::Native(queue) => queue.data.len() - queue.taken,
            Self::Object(object) => object.bind(py).len(),
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

impl State {
    /// Takes as many bytes out as `count` says of those that there are, if that is all
    /// there is to do: nobody has looked into the buffer, nobody waits, nothing has
    /// failed and no transport is to go on. `count` must not run Python code.
    #[inline]
    pub fn take_at_once<'py>(
        &mut self,
        py: Python<'py>,
        count: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Option<Bound<'py, PyBytes>> {
        if self.paused || self.exception.is_some() || self.waiter.is_some() {
            return None;
        }
        let Buffer::Native(queue) = &mut self.buffer else {
            return None;
        };
        let count = count(queue.bytes())?;
        let bytes = PyBytes::new(py, &queue.bytes()[..count]);
        queue.discard(count);
        Some(bytes)
    }
}

impl StreamReader {
    /// How many bytes there are.
    #[inline]
    pub(super) fn buffered(&self, py: Python<'_>) -> usize {
        self.state.with(py, |state| state.buffer.len(py))
    }

    /// Gives `look`, which must not run Python code, the bytes.
    #[inline]
    pub(super) fn look<R>(&self, py: Python<'_>, look: impl FnOnce(&[u8]) -> R) -> R {
        self.state.with(py, |state| match &state.buffer {
            Buffer::Native(queue) => look(queue.bytes()),
            // SAFETY: no Python code runs that could change the object.
            Buffer::Object(object) => look(unsafe { object.bind(py).as_bytes() }),
        })
    }

    /// Adds `bytes`, unless they have to go to an object: then false.
    #[inline]
    pub(super) fn append(&self, py: Python<'_>, bytes: &[u8]) -> bool {
        self.state.with(py, |state| match &mut state.buffer {
            Buffer::Native(queue) => {
                queue.append(bytes);
                true
            }
            Buffer::Object(_) => false,
        })
    }

    /// Takes the first `count` bytes out; there must be as many.
    #[inline]
    pub(super) fn take<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyBytes>> {
        // Out of the cell while the interpreter allocates.
        let taken = self.state.with(py, |state| match &mut state.buffer {
            Buffer::Native(queue) => Ok(std::mem::take(queue)),
            Buffer::Object(object) => Err(object.bind(py).clone()),
        });
        match taken {
            Ok(mut queue) => {
                let bytes = PyBytes::new(py, &queue.bytes()[..count]);
                queue.discard(count);
                self.state.with(py, |state| state.buffer = Buffer::Native(queue));
                Ok(bytes)
            }
            Err(object) => {
                // SAFETY: copied at once, before any Python code runs.
                let bytes = PyBytes::new(py, unsafe { &object.as_bytes()[..count] });
                object.del_item(PySlice::new(py, 0, count as isize, 1))?;
                Ok(bytes)
            }
        }
    }

    /// Takes the first `count` bytes out and forgets them.
    pub(super) fn discard(&self, py: Python<'_>, count: usize) -> PyResult<()> {
        let object = self.state.with(py, |state| match &mut state.buffer {
            Buffer::Native(queue) => {
                queue.discard(count);
                None
            }
            Buffer::Object(object) => Some(object.bind(py).clone()),
        });
        match object {
            None => Ok(()),
            Some(object) => object.del_item(PySlice::new(py, 0, count as isize, 1)),
        }
    }

    /// The object that holds the bytes, made now if there is none yet: from
    /// then on it is what counts.
    pub(super) fn buffer_object<'py>(&self, py: Python<'py>) -> Bound<'py, PyByteArray> {
        let taken = self.state.with(py, |state| match &mut state.buffer {
            Buffer::Native(queue) => Ok(std::mem::take(queue)),
            Buffer::Object(object) => Err(object.bind(py).clone()),
        });
        match taken {
            Ok(queue) => {
                let object = PyByteArray::new(py, queue.bytes());
                self.put_buffer(py, Buffer::Object(object.clone().unbind()));
                object
            }
            Err(object) => object,
        }
    }

    /// Puts another buffer in place.
    pub(super) fn put_buffer(&self, py: Python<'_>, buffer: Buffer) {
        drop(self.state.with(py, |state| std::mem::replace(&mut state.buffer, buffer)));
    }
}
