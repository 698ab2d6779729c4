//! What the kernel has refused to take yet.

use std::collections::VecDeque;
use std::io::IoSlice;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// How many pieces one system call is given at most.
const MAX_PIECES: usize = 64;

/// Pieces of data in the order in which they go out. `bytes` objects are kept
/// as they are; what can change under our hands was copied into one.
#[derive(Default)]
pub struct WriteQueue {
    pieces: VecDeque<Py<PyBytes>>,
    /// How much of the first piece is out already.
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

    /// Adds a piece of `length` bytes, of which the first `sent` are out. Only
    /// the first piece of a queue may have `sent`.
    pub fn push(&mut self, piece: Py<PyBytes>, length: usize, sent: usize) {
        debug_assert!(sent == 0 || self.pieces.is_empty());
        if self.pieces.is_empty() {
            self.sent_of_first = sent;
        }
        self.bytes += length - sent;
        self.pieces.push_back(piece);
    }

    /// The next pieces to go out.
    pub fn slices<'a>(&'a self, py: Python<'a>) -> Vec<IoSlice<'a>> {
        let mut skip = self.sent_of_first;
        self.pieces
            .iter()
            .take(MAX_PIECES)
            .map(|piece| IoSlice::new(&piece.as_bytes(py)[std::mem::take(&mut skip)..]))
            .collect()
    }

    /// Notes that `count` more bytes are out. Returns the pieces that are.
    pub fn advance(&mut self, py: Python<'_>, count: usize) -> Vec<Py<PyBytes>> {
        self.bytes -= count;
        self.sent_of_first += count;
        let mut done = Vec::new();
        while let Some(first) = self.pieces.front() {
            let length = first.as_bytes(py).len();
            if self.sent_of_first < length {
                break;
            }
            self.sent_of_first -= length;
            done.extend(self.pieces.pop_front());
        }
        done
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.pieces.iter().try_for_each(|piece| visit.call(piece))
    }
}
