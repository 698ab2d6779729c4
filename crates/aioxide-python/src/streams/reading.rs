//! `read`, `readexactly`, `readuntil` and `readline`: what waits for data.

use memchr::memchr;
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyStopAsyncIteration, PyTypeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::separators::{Match, Separators};
use super::{LineBySubclass, StreamReader};
use crate::coroutines::{AtOnce, Coroutine, Input, Moment, Routine, Step};
use crate::standard;

/// How much is to be read.
pub enum Amount {
    /// This many bytes; below zero, all there will be.
    Bytes(isize),
    /// What somebody gave as a number and is none that fits.
    Odd(Py<PyAny>),
}

impl Amount {
    #[inline]
    pub fn of(given: Option<&Bound<'_, PyAny>>) -> Self {
        match given {
            None => Self::Bytes(-1),
            Some(given) => match given.extract::<isize>() {
                Ok(bytes) => Self::Bytes(bytes),
                Err(_) => Self::Odd(given.clone().unbind()),
            },
        }
    }

    /// The number, or what comparing and slicing with it raises.
    fn number(&self, py: Python<'_>) -> PyResult<isize> {
        let given = match self {
            Self::Bytes(bytes) => return Ok(*bytes),
            Self::Odd(given) => given.bind(py),
        };
        if given.lt(0)? {
            return Ok(-1);
        }
        if given.is_instance_of::<pyo3::types::PyInt>() {
            return Ok(isize::MAX);
        }
        Err(PyTypeError::new_err(
            "slice indices must be integers or None or have an __index__ method",
        ))
    }

    fn release(self, py: Python<'_>) {
        if let Self::Odd(given) = self {
            given.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Bytes(_) => Ok(()),
            Self::Odd(given) => visit.call(given),
        }
    }
}

#[inline]
fn bytes(bytes: Bound<'_, PyBytes>) -> PyResult<Step> {
    Ok(Step::Return(bytes.into_any().unbind()))
}

/// What is taken out as it lies there.
#[inline]
fn taken_at_once(
    reader: &StreamReader,
    py: Python<'_>,
    count: impl FnOnce(&[u8]) -> Option<usize>,
) -> Option<AtOnce> {
    let data = reader.state.with(py, |state| state.take_at_once(py, count))?;
    Some(AtOnce::Return(data.into_any().unbind()))
}

fn nothing(py: Python<'_>) -> PyResult<Step> {
    bytes(PyBytes::new(py, b""))
}

/// Goes on after a wait, if there was one. Returns whether there was.
#[inline]
fn resumed(reader: &StreamReader, py: Python<'_>, input: Input<'_>) -> PyResult<bool> {
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

/// `IncompleteReadError` with everything there is, which is taken out.
fn incomplete(reader: &StreamReader, py: Python<'_>, expected: Option<isize>) -> PyErr {
    let raise = || -> PyResult<PyErr> {
        let partial = reader.take(py, reader.buffered(py))?;
        let class = standard::incomplete_read_error(py)?;
        Ok(PyErr::from_value(class.call1((partial, expected))?))
    };
    raise().unwrap_or_else(|error| error)
}

/// `StreamReader.read`.
pub struct Read {
    reader: Py<StreamReader>,
    amount: Amount,
    /// What was read so far, when all is to be read.
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
                let eof = reader.state.with(py, |state| state.eof);
                if reader.buffered(py) == 0 && !eof {
                    return StreamReader::wait_for_data(self.reader.bind(py), "read");
                }
            }
            let count = reader.buffered(py);
            if count == 0 {
                return bytes(PyBytes::new(py, &std::mem::take(&mut self.pieces)));
            }
            // asyncio reads a limit's worth at a time and looks for a failure each time, so
            // that some of what came before one stays in the buffer.
            let (failed, limit) =
                reader.state.with(py, |state| (state.exception.is_some(), state.limit));
            let count = if failed { count.min(limit) } else { count };
            reader.look(py, |all| self.pieces.extend_from_slice(&all[..count]));
            reader.discard(py, count)?;
            reader.after_read(py)?;
        }
    }
}

impl Routine for Read {
    #[inline]
    fn at_once(&mut self, py: Python<'_>, _moment: Moment) -> Option<AtOnce> {
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
            if let Amount::Odd(given) = &self.amount
                && given.bind(py).eq(0)?
            {
                return nothing(py);
            }
            self.amount = Amount::Bytes(self.amount.number(py)?);
        }
        let Amount::Bytes(wanted) = self.amount else {
            unreachable!("replaced at the start");
        };
        if wanted < 0 {
            return self.all(py, waited);
        }
        if wanted == 0 {
            return nothing(py);
        }
        if !waited && reader.buffered(py) == 0 && !reader.state.with(py, |state| state.eof) {
            return StreamReader::wait_for_data(self.reader.bind(py), "read");
        }
        let data = reader.take(py, reader.buffered(py).min(wanted.unsigned_abs()))?;
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
    fn at_once(&mut self, py: Python<'_>, _moment: Moment) -> Option<AtOnce> {
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
            let wanted = self.amount.number(py)?;
            if wanted < 0 {
                return Err(PyValueError::new_err("readexactly size can not be less than zero"));
            }
            reader.raise_exception(py)?;
            self.amount = Amount::Bytes(wanted);
        }
        let wanted = self.amount.number(py)?;
        let count = wanted.unsigned_abs();
        if reader.buffered(py) < count {
            if reader.state.with(py, |state| state.eof) {
                return Err(incomplete(reader, py, Some(wanted)));
            }
            return StreamReader::wait_for_data(self.reader.bind(py), "readexactly");
        }
        if count == 0 {
            return nothing(py);
        }
        let data = reader.take(py, count)?;
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

/// Which of the methods that end with a separator was called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// `readuntil`.
    Until,
    /// `readline`.
    Line,
    /// `__anext__`.
    NextLine,
}

/// `StreamReader.readuntil`, and what rests on it.
pub struct ReadUntil {
    reader: Py<StreamReader>,
    separators: Separators,
    /// No separator begins before this place.
    offset: usize,
    wish: Wish,
}

/// What stands in the way of a line.
enum Overrun {
    /// The separator was found, but too late.
    Found,
    /// It was not found yet, and there is too much already.
    NotFound,
}

impl Overrun {
    fn message(&self) -> &'static str {
        match self {
            Self::Found => "Separator is found, but chunk is longer than limit",
            Self::NotFound => "Separator is not found, and chunk exceed the limit",
        }
    }
}

impl ReadUntil {
    #[inline]
    pub fn new(reader: Py<StreamReader>, separators: Separators, wish: Wish) -> Self {
        Self { reader, separators, offset: 0, wish }
    }

    #[inline]
    fn returned(&self, data: Bound<'_, PyBytes>) -> PyResult<Step> {
        if self.wish == Wish::NextLine && data.as_bytes().is_empty() {
            return Err(PyStopAsyncIteration::new_err(()));
        }
        bytes(data)
    }

    fn too_long(&self, py: Python<'_>, overrun: &Overrun, consumed: usize) -> PyErr {
        let raise = || -> PyResult<PyErr> {
            let class = standard::limit_overrun_error(py)?;
            let error = PyErr::from_value(class.call1((overrun.message(), consumed))?);
            if self.wish == Wish::Until {
                return Ok(error);
            }
            line_too_long(self.reader.get(), py, consumed, error)
        };
        raise().unwrap_or_else(|error| error)
    }
}

/// What `readline` raises for an overrun: the line is gone, or everything there
/// is of it.
pub fn line_too_long(
    reader: &StreamReader,
    py: Python<'_>,
    consumed: usize,
    overrun: PyErr,
) -> PyResult<PyErr> {
    let is_end = reader.look(py, |all| all.get(consumed) == Some(&b'\n'));
    let count = if is_end { consumed + 1 } else { reader.buffered(py) };
    reader.discard(py, count)?;
    reader.after_read(py)?;
    let text = overrun.value(py).getattr("args")?.get_item(0)?.unbind();
    let error = PyValueError::new_err(text);
    error.set_context(py, Some(overrun));
    Ok(error)
}

impl Routine for ReadUntil {
    #[inline]
    fn at_once(&mut self, py: Python<'_>, _moment: Moment) -> Option<AtOnce> {
        if !matches!(self.separators, Separators::Newline) {
            return None;
        }
        let reader = self.reader.get();
        let limit = reader.state.with(py, |state| state.limit);
        taken_at_once(reader, py, |all| {
            let start = self.offset + memchr(b'\n', all.get(self.offset..)?)?;
            (start <= limit).then_some(start + 1)
        })
    }

    #[inline]
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let reader = self.reader.get();
        if !resumed(reader, py, input)? {
            self.separators.parse(py)?;
            reader.raise_exception(py)?;
        }
        let (shortest, longest) = self.separators.lengths();
        let limit = reader.state.with(py, |state| state.limit);
        let (length, found) = reader.look(py, |all| {
            // Somebody else may have read meanwhile.
            let found = if all.len() >= self.offset.saturating_add(shortest) {
                self.separators.find(all, self.offset)
            } else {
                None
            };
            (all.len(), found)
        });
        match found {
            Some(Match { start, .. }) if start > limit => {
                Err(self.too_long(py, &Overrun::Found, start))
            }
            Some(Match { end, .. }) => {
                let data = reader.take(py, end)?;
                reader.after_read(py)?;
                self.returned(data)
            }
            None => {
                if length >= self.offset.saturating_add(shortest) {
                    // The beginning of a separator may be there already.
                    self.offset = (length + 1).saturating_sub(longest);
                    if self.offset > limit {
                        return Err(self.too_long(py, &Overrun::NotFound, self.offset));
                    }
                }
                if !reader.state.with(py, |state| state.eof) {
                    return StreamReader::wait_for_data(self.reader.bind(py), "readuntil");
                }
                if self.wish == Wish::Until {
                    return Err(incomplete(reader, py, None));
                }
                let rest = reader.take(py, length)?;
                self.returned(rest)
            }
        }
    }

    fn qualname(&self) -> &'static str {
        match self.wish {
            Wish::Until => "StreamReader.readuntil",
            Wish::Line => "StreamReader.readline",
            Wish::NextLine => "StreamReader.__anext__",
        }
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.reader.drop_ref(py);
        if let Separators::Given(given) = self.separators {
            given.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Separators::Given(given) = &self.separators {
            visit.call(given)?;
        }
        visit.call(&self.reader)
    }
}

/// The coroutine of `__anext__`.
pub fn next_line(reader: &Bound<'_, StreamReader>) -> PyResult<Py<Coroutine>> {
    let py = reader.py();
    if reader.is_exact_instance_of::<StreamReader>() {
        let kept = reader.clone().unbind();
        return Coroutine::new(py, ReadUntil::new(kept, Separators::Newline, Wish::NextLine));
    }
    Coroutine::new(py, LineBySubclass::new(reader.clone().unbind(), Wish::NextLine))
}

/// `StreamReader._wait_for_data`.
pub struct WaitForData {
    pub reader: Py<StreamReader>,
    /// Who asks, for the text of the error.
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
