//! Headers that come again: the same tuple is checked and written once.

use std::sync::Arc;

use aioxide_http::HeaderBlock;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::ffi::gil_cell::GilCell;

/// As many are kept: a session has one for each kind of method.
const KEPT: usize = 8;

/// The blocks of the tuples that were used last.
pub struct HeaderBlocks {
    kept: [GilCell<Option<Kept>>; KEPT],
    /// The place of the next one.
    next: GilCell<usize>,
}

struct Kept {
    /// It is alive, so no other tuple has its address.
    headers: Py<PyTuple>,
    block: Arc<HeaderBlock>,
}

impl HeaderBlocks {
    /// None yet.
    pub fn new() -> Self {
        Self { kept: [const { GilCell::new(None) }; KEPT], next: GilCell::new(0) }
    }

    /// The block of exactly this tuple.
    pub fn find(&self, headers: &Bound<'_, PyTuple>) -> Option<Arc<HeaderBlock>> {
        let (py, address) = (headers.py(), headers.as_ptr().addr());
        self.kept.iter().find_map(|place| {
            place.read(py, |kept| {
                let kept = kept.as_ref().filter(|kept| kept.headers.as_ptr().addr() == address)?;
                Some(Arc::clone(&kept.block))
            })
        })
    }

    /// Keeps the block of a tuple whose contents never change.
    pub fn keep(&self, headers: &Bound<'_, PyTuple>, block: Arc<HeaderBlock>) {
        let py = headers.py();
        let place = self.next.get(py);
        self.next.set(py, (place + 1) % KEPT);
        let kept = Kept { headers: headers.clone().unbind(), block };
        drop(self.kept[place].replace(py, Some(kept)));
    }

    /// Drops the references.
    pub fn clear(&self, py: Python<'_>) {
        self.kept.iter().for_each(|place| drop(place.take(py)));
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.kept.iter().try_for_each(|place| {
            place.traverse(|kept| match kept {
                Some(kept) => visit.call(&kept.headers),
                None => Ok(()),
            })
        })
    }
}
