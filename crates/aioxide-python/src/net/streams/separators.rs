//! What `readuntil` looks for.

use memchr::{memchr, memmem};
use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::ffi::allocate;

/// Separators, of which the one that ends first counts.
pub enum Separators {
    /// The end of a line.
    Newline,
    /// The argument, not parsed yet.
    Given(Py<PyAny>),
    /// Any of several, the shortest first; none is empty.
    Several(Box<[Box<[u8]>]>),
    /// Any of several, the shortest first, of which at least one is not plain
    /// `bytes`: the buffer's `find` interprets them. Also the lengths of the shortest
    /// and of the longest when they were parsed.
    Objects(Vec<Py<PyAny>>, (usize, usize)),
}

/// The place where a separator begins and ends.
pub struct Match {
    pub start: usize,
    pub end: usize,
}

impl Separators {
    /// Parses the argument.
    pub fn parse(&mut self, py: Python<'_>) -> PyResult<()> {
        let Self::Given(given) = self else {
            return Ok(());
        };
        let given = given.bind(py);
        let mut several = Vec::new();
        if cfg!(Py_3_13) && given.is_instance_of::<PyTuple>() {
            for separator in given.try_iter()? {
                let separator = separator?;
                several.push((separator.len()?, separator));
            }
        } else {
            several.push((given.len()?, given.clone()));
        }
        several.sort_by_key(|(length, _)| *length);
        let (Some((shortest, _)), Some((longest, _))) = (several.first(), several.last()) else {
            return Err(PyValueError::new_err(crate::name!(
                "Separator should contain at least one element"
            )));
        };
        if *shortest == 0 {
            return Err(PyValueError::new_err(crate::name!(
                "Separator should be at least one-byte string"
            )));
        }
        let plain = several.iter().map(|(_, it)| {
            it.cast_exact::<PyBytes>().ok().map(|bytes| Box::<[u8]>::from(bytes.as_bytes()))
        });
        let parsed = match plain.collect::<Option<Vec<_>>>() {
            Some(plain) => Self::Several(plain.into_boxed_slice()),
            None => {
                let lengths = (*shortest, *longest);
                Self::Objects(several.into_iter().map(|(_, it)| it.unbind()).collect(), lengths)
            }
        };
        std::mem::replace(self, parsed).release(py);
        Ok(())
    }

    /// The length of the shortest, and of the longest.
    #[inline]
    pub fn lengths(&self) -> (usize, usize) {
        match self {
            Self::Several(several) => (
                several.first().map_or(1, |first| first.len()),
                several.last().map_or(1, |last| last.len()),
            ),
            Self::Objects(_, lengths) => *lengths,
            Self::Newline | Self::Given(_) => (1, 1),
        }
    }

    /// The separators, if all are plain bytes.
    #[inline]
    pub fn plain(&self) -> Option<Plain<'_>> {
        match self {
            Self::Newline => Some(Plain::Newline),
            Self::Several(several) => Some(Plain::Several(several)),
            Self::Given(_) | Self::Objects(..) => None,
        }
    }

    /// All of them, the shortest first.
    pub fn objects<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let bytes = |bytes: &[u8]| allocate::bytes(py, bytes).map(Bound::into_any);
        match self {
            Self::Newline => Ok(vec![bytes(b"\n")?]),
            Self::Given(given) => Ok(vec![given.bind(py).clone()]),
            Self::Several(several) => several.iter().map(|it| bytes(it)).collect(),
            Self::Objects(several, _) => Ok(several.iter().map(|it| it.bind(py).clone()).collect()),
        }
    }

    #[inline]
    pub fn release(self, py: Python<'_>) {
        match self {
            Self::Newline | Self::Several(_) => {}
            Self::Given(given) => given.drop_ref(py),
            Self::Objects(several, _) => several.into_iter().for_each(|it| it.drop_ref(py)),
        }
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Newline | Self::Several(_) => Ok(()),
            Self::Given(given) => visit.call(given),
            Self::Objects(several, _) => several.iter().try_for_each(|it| visit.call(it)),
        }
    }
}

/// See [`Separators::plain`].
#[derive(Clone, Copy)]
pub enum Plain<'a> {
    Newline,
    Several(&'a [Box<[u8]>]),
}

impl Plain<'_> {
    /// The separator that ends first, searching from `offset`.
    #[inline]
    pub fn find(self, bytes: &[u8], offset: usize) -> Option<Match> {
        let rest = bytes.get(offset..)?;
        let found = |separator: &[u8]| {
            let start = match separator {
                [byte] => memchr(*byte, rest),
                longer => memmem::find(rest, longer),
            }?;
            Some(Match { start: offset + start, end: offset + start + separator.len() })
        };
        match self {
            Self::Newline => found(b"\n"),
            // Of those that end at the same place, the first is the shortest.
            Self::Several(several) => {
                several.iter().filter_map(|separator| found(separator)).min_by_key(|it| it.end)
            }
        }
    }
}
