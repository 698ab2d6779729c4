//! Data that waits until the kernel takes it.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::RawFd;

use pyo3::PyTraverseError;
use pyo3::exceptions::PyMemoryError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};
use rustix::io::Errno;
use rustix::net::SendAncillaryBuffer;

use crate::ffi::allocate;
use crate::ffi::file_descriptor::numbered;
use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};

/// The most pieces in one system call.
const MAX_PIECES: usize = 64;

/// One write, or what is left of it.
pub enum Piece {
    /// An object that cannot change.
    Object(Py<PyBytes>),
    /// A copy of what the caller can change. It is not a Python object: when a part is sent
    /// already and no memory is left for an object, the copy can still be made.
    Copy(Box<[u8]>),
}

impl Piece {
    /// A copy of `data`.
    ///
    /// # Errors
    ///
    /// `MemoryError`.
    pub fn copy(data: &[u8]) -> PyResult<Self> {
        let mut copy = Vec::new();
        match copy.try_reserve_exact(data.len()) {
            Ok(()) => copy.extend_from_slice(data),
            Err(_) => return Err(PyMemoryError::new_err(())),
        }
        Ok(Self::Copy(copy.into_boxed_slice()))
    }

    fn bytes<'a>(&'a self, py: Python<'a>) -> &'a [u8] {
        match self {
            Self::Object(object) => object.as_bytes(py),
            Self::Copy(copy) => copy,
        }
    }
}

/// Pieces of data in the order in which they are sent.
#[derive(Default)]
pub struct WriteQueue {
    pieces: VecDeque<Piece>,
    /// How many bytes of the first piece are sent already.
    sent_of_first: usize,
    bytes: usize,
}

impl WriteQueue {
    /// Whether nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many bytes wait.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a piece whose first `sent` bytes are sent already. Only the first piece of
    /// a queue may be partly sent.
    pub fn push(&mut self, py: Python<'_>, piece: Piece, sent: usize) {
        debug_assert!(sent == 0 || self.pieces.is_empty());
        if self.pieces.is_empty() {
            self.sent_of_first = sent;
        }
        self.bytes += piece.bytes(py).len().saturating_sub(sent);
        self.pieces.push_back(piece);
    }

    /// The next pieces to send.
    fn slices<'a>(&'a self, py: Python<'a>) -> Vec<IoSlice<'a>> {
        let mut skip = self.sent_of_first;
        self.pieces
            .iter()
            .take(MAX_PIECES)
            .map(|piece| {
                let rest = piece.bytes(py).get(std::mem::take(&mut skip)..);
                IoSlice::new(rest.unwrap_or_default())
            })
            .collect()
    }

    /// Sends as much as the socket takes.
    pub fn send(&mut self, py: Python<'_>, socket: RawFd) -> Result<usize, Errno> {
        let slices = self.slices(py);
        let mut control = SendAncillaryBuffer::default();
        rustix::net::sendmsg(
            numbered(socket),
            &slices,
            &mut control,
            crate::net::socket_calls::SEND,
        )
    }

    /// Writes as much as the pipe takes.
    pub fn write(&mut self, py: Python<'_>, pipe: RawFd) -> Result<usize, Errno> {
        rustix::io::writev(numbered(pipe), &self.slices(py))
    }

    /// Records that `count` more bytes are sent. Returns the pieces that are
    /// sent completely.
    pub fn advance(&mut self, py: Python<'_>, count: usize) -> Vec<Piece> {
        self.bytes = self.bytes.saturating_sub(count);
        self.sent_of_first += count;
        let mut done = Vec::new();
        while let Some(first) = self.pieces.front() {
            let length = first.bytes(py).len();
            if self.sent_of_first < length {
                return done;
            }
            self.sent_of_first -= length;
            done.extend(self.pieces.pop_front());
        }
        self.sent_of_first = 0;
        done
    }

    /// References to all objects, copies of the other pieces, and how many bytes of the
    /// first are sent.
    pub fn copied(&self, py: Python<'_>) -> PyResult<(Vec<Piece>, usize)> {
        let copy = |piece: &Piece| match piece {
            Piece::Object(object) => Ok(Piece::Object(object.clone_ref(py))),
            Piece::Copy(copy) => Piece::copy(copy),
        };
        let copies = self.pieces.iter().map(copy).collect::<PyResult<_>>()?;
        Ok((copies, self.sent_of_first))
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.pieces.iter().try_for_each(|piece| match piece {
            Piece::Object(object) => visit.call(object),
            Piece::Copy(_) => Ok(()),
        })
    }
}

// SAFETY (of the methods): pieces are moved in and out and counted up; beside that there are
// system calls, which run no Python code. (`copied` may leave a lazy exception, made of no
// object.)
unsafe_cell_methods!(WriteQueue {
    /// See [`WriteQueue::is_empty`].
    fn is_empty(&mut self) -> bool;
    /// See [`WriteQueue::bytes`].
    fn bytes(&mut self) -> usize;
} with py {
    /// See [`WriteQueue::push`].
    fn push(&mut self, piece: Piece, sent: usize);
    /// See [`WriteQueue::send`].
    fn send(&mut self, socket: RawFd) -> Result<usize, Errno>;
    /// See [`WriteQueue::write`].
    fn write(&mut self, pipe: RawFd) -> Result<usize, Errno>;
    /// See [`WriteQueue::advance`].
    fn advance(&mut self, count: usize) -> Vec<Piece>;
    /// See [`WriteQueue::copied`].
    fn copied(&mut self) -> PyResult<(Vec<Piece>, usize)>;
});

impl GilCell<WriteQueue> {
    /// The pieces as objects, the first without the bytes that are sent
    /// already.
    ///
    /// # Errors
    ///
    /// `MemoryError`.
    pub fn objects<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let (pieces, mut sent) = self.copied(py)?;
        let object = |piece: Piece| match (piece, std::mem::take(&mut sent)) {
            (Piece::Object(object), 0) => Ok(object.into_bound(py).into_any()),
            (piece, sent) => {
                let rest = piece.bytes(py).get(sent..).unwrap_or_default();
                Ok(allocate::bytes(py, rest)?.into_any())
            }
        };
        pieces.into_iter().map(object).collect()
    }

    /// The unsent data as asyncio shows it: a `collections.deque`, on 3.11 one
    /// `bytearray`.
    pub fn shown<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if cfg!(not(Py_3_12)) {
            return self.joined(py);
        }
        let objects = allocate::list(py, self.objects(py)?)?;
        let collections = py.import(crate::intern!(py, "collections"))?;
        collections.getattr(crate::intern!(py, "deque"))?.call1((objects,))
    }

    /// The unsent data as one `bytearray`.
    pub fn joined<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let objects = allocate::list(py, self.objects(py)?)?;
        let joined = py.get_type::<PyByteArray>().call0()?;
        joined.call_method1(crate::intern!(py, "join"), (objects,))
    }
}
