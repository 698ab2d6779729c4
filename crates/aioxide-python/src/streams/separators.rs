//! What `readuntil` looks for.

use memchr::{memchr, memmem};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::buffers::BufferView;

/// Separators, of which the one that ends first counts.
pub enum Separators {
    /// The end of a line.
    Newline,
    /// One that is not looked at yet.
    Given(Py<PyAny>),
    /// Any, the shortest first; none is empty.
    Several(Box<[Box<[u8]>]>),
}

/// Where a separator begins and ends.
pub struct Match {
    pub start: usize,
    pub end: usize,
}

impl Separators {
    /// Looks at what was given.
    pub fn parse(&mut self, py: Python<'_>) -> PyResult<()> {
        let Self::Given(given) = self else {
            return Ok(());
        };
        let given = given.bind(py);
        let mut several = match given.cast::<PyTuple>() {
            Ok(tuple) if cfg!(Py_3_13) => {
                let mut several = Vec::with_capacity(tuple.len());
                for separator in tuple {
                    several.push(bytes_of(&separator)?);
                }
                several
            }
            _ => vec![bytes_of(given)?],
        };
        several.sort_by_key(|separator| separator.len());
        match several.first() {
            None => Err(PyValueError::new_err("Separator should contain at least one element")),
            Some(shortest) if shortest.is_empty() => {
                Err(PyValueError::new_err("Separator should be at least one-byte string"))
            }
            Some(_) => {
                *self = Self::Several(several.into_boxed_slice());
                Ok(())
            }
        }
    }

    /// The length of the shortest, and of the longest.
    #[inline]
    pub fn lengths(&self) -> (usize, usize) {
        match self {
            Self::Several(several) => (
                several.first().map_or(1, |first| first.len()),
                several.last().map_or(1, |last| last.len()),
            ),
            Self::Newline | Self::Given(_) => (1, 1),
        }
    }

    /// The separator that ends first, if there is any from `offset` on.
    #[inline]
    pub fn find(&self, bytes: &[u8], offset: usize) -> Option<Match> {
        let rest = &bytes[offset..];
        let found = |separator: &[u8]| {
            let start = match separator {
                [byte] => memchr(*byte, rest),
                longer => memmem::find(rest, longer),
            }?;
            Some(Match { start: offset + start, end: offset + start + separator.len() })
        };
        match self {
            Self::Newline | Self::Given(_) => found(b"\n"),
            // The first of those that end at the same place is the shortest.
            Self::Several(several) => {
                several.iter().filter_map(|separator| found(separator)).min_by_key(|it| it.end)
            }
        }
    }
}

fn bytes_of(separator: &Bound<'_, PyAny>) -> PyResult<Box<[u8]>> {
    if let Ok(bytes) = separator.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().into());
    }
    if separator.len()? == 0 {
        return Ok(Box::default());
    }
    match BufferView::readable(separator) {
        Ok(view) => Ok(view.bytes().into()),
        Err(_) => Err(PyTypeError::new_err(format!(
            "argument should be integer or bytes-like object, not '{}'",
            separator.get_type().name()?
        ))),
    }
}
