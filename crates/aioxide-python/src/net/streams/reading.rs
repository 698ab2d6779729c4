//! `read` and `readexactly`: waiting for a number of bytes.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};

use super::StreamReader;
use super::buffer::take_slice;
use crate::core::coroutines::{Completed, Input, ResumePoint, Routine, Step};
use crate::ffi::allocate;
use crate::stdlib;

/// How much is to be read.
pub enum Amount {
    /// This many bytes; if negative, all until the end of the stream.
    Bytes(isize),
    /// An object that is not a plain number; it is used for comparisons and slices as
    /// it is.
    Object(Py<PyAny>),
}

impl Amount {
    #[inline]
    pub fn of(given: Option<&Bound<'_, PyAny>>) -> Self {
        match given {
            None => Self::Bytes(-1),
            Some(given) => match given.cast_exact::<PyInt>().map(|number| number.extract()) {
                Ok(Ok(bytes)) => Self::Bytes(bytes),
                _ => Self::Object(given.clone().unbind()),
            },
        }
    }

    /// `n == 0`.
    #[inline]
    fn is_zero(&self, py: Python<'_>) -> PyResult<bool> {
        match self {
            Self::Bytes(bytes) => Ok(*bytes == 0),
            Self::Object(given) => given.bind(py).eq(0),
        }
    }

    /// `n < 0`.
    #[inline]
    pub fn is_negative(&self, py: Python<'_>) -> PyResult<bool> {
        match self {
            Self::Bytes(bytes) => Ok(*bytes < 0),
            Self::Object(given) => given.bind(py).lt(0),
        }
    }

    /// `length < n`.
    #[inline]
    fn exceeds(&self, py: Python<'_>, length: usize) -> PyResult<bool> {
        match self {
            Self::Bytes(bytes) => Ok(length < usize::try_from(*bytes).unwrap_or(0)),
            Self::Object(given) => given.bind(py).gt(length),
        }
    }

    /// The number itself.
    fn given<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.into_pyobject(py)?.into_any()),
            Self::Object(given) => Ok(given.bind(py).clone()),
        }
    }

    /// Removes that many bytes, or all if there are fewer.
    #[inline]
    fn take<'py>(&self, py: Python<'py>, reader: &StreamReader) -> PyResult<Bound<'py, PyBytes>> {
        match self {
            Self::Bytes(bytes) => reader.take(py, usize::try_from(*bytes).unwrap_or(0)),
            Self::Object(given) => take_slice(&reader.buffer_object(py)?, given.bind(py)),
        }
    }

    fn release(self, py: Python<'_>) {
        if let Self::Object(given) = self {
            given.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Bytes(_) => Ok(()),
            Self::Object(given) => visit.call(given),
        }
    }
}

#[inline]
pub(super) fn bytes(bytes: Bound<'_, PyBytes>) -> PyResult<Step> {
    Ok(Step::Return(bytes.into_any().unbind()))
}

/// See `StreamReader::take_at_once`.
#[inline]
pub(super) fn taken_at_once(
    reader: &StreamReader,
    py: Python<'_>,
    count: impl FnOnce(&[u8]) -> Option<usize> + Copy + Send,
) -> Option<Completed> {
    let data = reader.take_at_once(py, count)?;
    Some(Completed::Return(data.into_any().unbind()))
}

fn nothing(py: Python<'_>) -> PyResult<Step> {
    bytes(allocate::bytes(py, b"")?)
}

/// Begins a step. Returns whether it comes after a wait.
#[inline]
pub(super) fn resumed(reader: &StreamReader, py: Python<'_>, input: Input<'_>) -> PyResult<bool> {
    match input {
        Input::Start => Ok(false),
        Input::Value(value) => {
            drop(value);
            reader.stop_waiting(py);
            Ok(true)
        }
        Input::Error(error) => {
            reader.stop_waiting(py);
            Err(error)
        }
    }
}

/// `IncompleteReadError` with everything in the buffer, which is removed.
pub(super) fn incomplete<'py>(
    reader: &StreamReader,
    py: Python<'py>,
    expected: Option<Bound<'py, PyAny>>,
) -> PyErr {
    let raise = || -> PyResult<PyErr> {
        let partial = reader.take_all(py)?;
        let made =
            stdlib::incomplete_read_error(py).and_then(|class| class.call1((&partial, expected)));
        if made.is_err() {
            reader.put_back(py, partial.as_bytes());
        }
        Ok(PyErr::from_value(made?))
    };
    raise().unwrap_or_else(|error| error)
}

/// `StreamReader.read`.
pub struct Read {
    reader: Py<StreamReader>,
    amount: Amount,
    /// What was read so far, if everything is to be read.
    pieces: Vec<u8>,
}

impl Read {
    #[inline]
    pub fn new(reader: Py<StreamReader>, amount: Amount) -> Self {
        Self { reader, amount, pieces: Vec::new() }
    }

    fn all(&mut self, py: Python<'_>, waited: bool) -> PyResult<Step> {
        let reader = self.reader.get();
        let mut waited = waited;
        loop {
            if !std::mem::take(&mut waited) {
                reader.raise_exception(py)?;
                if reader.is_empty(py)? && !reader.is_ended(py) {
                    return StreamReader::wait_for_data(self.reader.bind(py), "read");
                }
            }
            // asyncio reads at most `limit` bytes at a time and checks for an exception
            // before each read, so that some data before the exception stays in the buffer.
            let count = if reader.has_failed(py) { reader.limit(py) } else { usize::MAX };
            let count = reader.take_into(py, count, &mut self.pieces)?;
            reader.after_read(py)?;
            if count == 0 {
                return match allocate::bytes(py, &self.pieces) {
                    Ok(all) => {
                        self.pieces = Vec::new();
                        bytes(all)
                    }
                    Err(error) => {
                        reader.put_back(py, &self.pieces);
                        Err(error)
                    }
                };
            }
        }
    }
}

impl Routine for Read {
    #[inline]
    fn try_complete(&mut self, py: Python<'_>, _point: ResumePoint) -> Option<Completed> {
        let Amount::Bytes(wanted @ 1..) = self.amount else {
            return None;
        };
        taken_at_once(self.reader.get(), py, |all| {
            (!all.is_empty()).then(|| all.len().min(wanted.unsigned_abs()))
        })
    }

    #[inline]
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let reader = self.reader.get();
        let waited = resumed(reader, py, input)?;
        if !waited {
            reader.raise_exception(py)?;
            if self.amount.is_zero(py)? {
                return nothing(py);
            }
            if self.amount.is_negative(py)? {
                let object = std::mem::replace(&mut self.amount, Amount::Bytes(-1));
                object.release(py);
            }
        }
        if matches!(self.amount, Amount::Bytes(..0)) {
            return self.all(py, waited);
        }
        if !waited && reader.is_empty(py)? && !reader.is_ended(py) {
            return StreamReader::wait_for_data(self.reader.bind(py), "read");
        }
        let data = self.amount.take(py, reader)?;
        reader.after_read(py)?;
        bytes(data)
    }

    fn qualname(&self) -> &'static str {
        "StreamReader.read"
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.reader.drop_ref(py);
        self.amount.release(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.amount.traverse(visit)?;
        visit.call(&self.reader)
    }
}

/// `StreamReader.readexactly`.
pub struct ReadExactly {
    pub reader: Py<StreamReader>,
    pub amount: Amount,
}

impl Routine for ReadExactly {
    #[inline]
    fn try_complete(&mut self, py: Python<'_>, _point: ResumePoint) -> Option<Completed> {
        let Amount::Bytes(wanted @ 1..) = self.amount else {
            return None;
        };
        let count = wanted.unsigned_abs();
        taken_at_once(self.reader.get(), py, |all| (all.len() >= count).then_some(count))
    }

    #[inline]
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let reader = self.reader.get();
        if !resumed(reader, py, input)? {
            if self.amount.is_negative(py)? {
                return Err(PyValueError::new_err(crate::name!(
                    "readexactly size can not be less than zero"
                )));
            }
            reader.raise_exception(py)?;
            if self.amount.is_zero(py)? {
                return nothing(py);
            }
        }
        if self.amount.exceeds(py, reader.buffered(py)?)? {
            if reader.is_ended(py) {
                return Err(incomplete(reader, py, Some(self.amount.given(py)?)));
            }
            return StreamReader::wait_for_data(self.reader.bind(py), "readexactly");
        }
        let data = self.amount.take(py, reader)?;
        reader.after_read(py)?;
        bytes(data)
    }

    fn qualname(&self) -> &'static str {
        "StreamReader.readexactly"
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.reader.drop_ref(py);
        self.amount.release(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.amount.traverse(visit)?;
        visit.call(&self.reader)
    }
}

/// `StreamReader._wait_for_data`.
pub struct WaitForData {
    pub reader: Py<StreamReader>,
    /// The calling method, for the message of the error.
    pub method: String,
}

impl Routine for WaitForData {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        if resumed(self.reader.get(), py, input)? {
            return Ok(Step::Return(py.None()));
        }
        StreamReader::wait_for_data(self.reader.bind(py), &self.method)
    }

    fn qualname(&self) -> &'static str {
        "StreamReader._wait_for_data"
    }

    fn release(self, py: Python<'_>) {
        self.reader.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.reader)
    }
}
