//! Bytes that `sock_recv` has received and could not return, for want of memory.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};

/// The bytes by socket. The next call on the same socket returns them. Nearly always
/// empty.
#[derive(Default)]
pub struct Unread(Vec<Leftover>);

struct Leftover {
    socket: Py<PyAny>,
    data: Vec<u8>,
}

impl Unread {
    /// Whether there is anything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps `data` for the next call.
    pub fn keep(&mut self, socket: Py<PyAny>, data: Vec<u8>) {
        self.0.push(Leftover { socket, data });
    }

    /// Removes the bytes for the socket of this address. The caller drops the object.
    pub fn take_of(&mut self, socket: usize) -> Option<(Py<PyAny>, Vec<u8>)> {
        let is_its = |it: &Leftover| it.socket.as_ptr().addr() == socket;
        let index = self.0.iter().position(is_its)?;
        let Leftover { socket, data } = self.0.remove(index);
        Some((socket, data))
    }

    /// Visits the references, for the garbage collector.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.iter().try_for_each(|it| visit.call(&it.socket))
    }
}

// SAFETY (of the methods): references are moved in and out.
unsafe_cell_methods!(Unread {
    /// See [`Unread::is_empty`].
    fn is_empty(&mut self) -> bool;
    /// See [`Unread::keep`].
    fn keep(&mut self, socket: Py<PyAny>, data: Vec<u8>);
    /// See [`Unread::take_of`].
    fn take_of(&mut self, socket: usize) -> Option<(Py<PyAny>, Vec<u8>)>;
});

impl GilCell<Unread> {
    /// Passes up to `room` bytes for `socket` to `hand_over`. Returns None if there are none.
    /// The rest, or everything if that fails, is kept.
    ///
    /// # Errors
    ///
    /// The error of `hand_over`.
    #[cold]
    pub fn deliver<R>(
        &self,
        socket: &Bound<'_, PyAny>,
        room: usize,
        hand_over: impl FnOnce(&[u8]) -> PyResult<R>,
    ) -> PyResult<Option<R>> {
        let py = socket.py();
        let Some((owner, mut data)) = self.take_of(py, socket.as_ptr().addr()) else {
            return Ok(None);
        };
        let count = room.min(data.len());
        let outcome = hand_over(data.get(..count).unwrap_or_default());
        if outcome.is_ok() {
            data.drain(..count);
        }
        if data.is_empty() {
            drop(owner);
        } else {
            self.keep(py, owner, data);
        }
        outcome.map(Some)
    }
}
