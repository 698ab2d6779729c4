//! `readuntil` and `readline`: waiting for a separator.

use memchr::memchr;
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyStopAsyncIteration, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::buffer::{bytes_of, front_slice};
use super::reading::{bytes, incomplete, resumed, taken_at_once};
use super::separators::{Match, Separators};
use super::{LineBySubclass, StreamReader};
use crate::core::coroutines::{Completed, Coroutine, Input, ResumePoint, Routine, Step};
use crate::ffi::allocate;
use crate::ffi::errors::Settled;
use crate::stdlib;

/// Which of the methods that end with a separator was called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// `readuntil`.
    Until,
    /// `readline`.
    Line,
    /// `__anext__`.
    NextLine,
}

/// `StreamReader.readuntil`, and the methods that use it.
pub struct ReadUntil {
    reader: Py<StreamReader>,
    separators: Separators,
    /// No separator begins before this offset.
    offset: usize,
    caller: Caller,
}

/// The result of a search in the buffer.
struct Found {
    /// How many bytes there are.
    length: usize,
    /// The first separator.
    at: Option<Match>,
}

/// Why a line is too long.
enum Overrun {
    /// The separator was found, but after the limit.
    Found,
    /// It was not found, and the buffer is longer than the limit.
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
    pub fn new(reader: Py<StreamReader>, separators: Separators, caller: Caller) -> Self {
        Self { reader, separators, offset: 0, caller }
    }

    #[inline]
    fn returned(&self, data: Bound<'_, PyBytes>) -> PyResult<Step> {
        if self.caller == Caller::NextLine && data.as_bytes().is_empty() {
            return Err(PyStopAsyncIteration::new_err(()));
        }
        bytes(data)
    }

    fn too_long(&self, py: Python<'_>, overrun: &Overrun, consumed: usize) -> PyErr {
        let reader = self.reader.get();
        let raise = || -> PyResult<PyErr> {
            let class = stdlib::limit_overrun_error(py)?;
            let error = PyErr::from_value(class.call1((
                crate::ffi::allocate::Made(overrun.message()),
                crate::ffi::allocate::Made(consumed),
            ))?);
            if self.caller == Caller::Until {
                Ok(error)
            } else if reader.takes_bytes(py) {
                native_line_too_long(reader, py, consumed, error)
            } else {
                line_too_long(
                    reader,
                    crate::ffi::allocate::Made(consumed).into_pyobject(py)?.as_any(),
                    error,
                )
            }
        };
        raise().unwrap_or_else(|error| error)
    }

    /// Searches for the first separator.
    #[inline]
    fn find(&self, reader: &StreamReader, py: Python<'_>) -> PyResult<Found> {
        if let Some(separators) = self.separators.plain() {
            let offset = self.offset;
            let found = reader.state.buffer.read(py, |buffer| {
                let all = buffer.bytes()?;
                // Another task may have read meanwhile.
                let at = all.get(offset..).and_then(|_| separators.find(all, offset));
                Some(Found { length: all.len(), at })
            });
            if let Some(found) = found {
                return Ok(found);
            }
        }
        self.find_in_object(&reader.buffer_object(py)?)
    }

    /// The same in a buffer that is a Python object.
    fn find_in_object(&self, buffer: &Bound<'_, PyAny>) -> PyResult<Found> {
        let py = buffer.py();
        let length = buffer.len()?;
        let (shortest, _) = self.separators.lengths();
        let mut at: Option<Match> = None;
        if length >= self.offset.saturating_add(shortest) {
            for separator in self.separators.objects(py)? {
                let place = (&separator, self.offset);
                let place = buffer.call_method1(crate::intern!(py, "find"), place)?;
                if place.eq(-1)? {
                    continue;
                }
                let start: usize = place.extract()?;
                let end = start.saturating_add(separator.len()?);
                if at.as_ref().is_none_or(|at| end < at.end) {
                    at = Some(Match { start, end });
                }
            }
        }
        Ok(Found { length, at })
    }
}

/// What `readline` raises for a line that is too long. The line, or the part of
/// it in the buffer, is removed.
pub fn line_too_long(
    reader: &StreamReader,
    consumed: &Bound<'_, PyAny>,
    overrun: PyErr,
) -> PyResult<PyErr> {
    let py = consumed.py();
    let newline = allocate::bytes(py, b"\n")?;
    let place = (newline, consumed);
    let is_end = reader.buffer_object(py)?.call_method1(crate::intern!(py, "startswith"), place)?;
    if is_end.is_truthy()? {
        let line = front_slice(&consumed.add(1)?)?;
        reader.buffer_object(py)?.del_item(line)?;
    } else {
        reader.buffer_object(py)?.call_method0(crate::intern!(py, "clear"))?;
    }
    too_long(reader, py, overrun)
}

/// The same for a native buffer.
fn native_line_too_long(
    reader: &StreamReader,
    py: Python<'_>,
    consumed: usize,
    overrun: PyErr,
) -> PyResult<PyErr> {
    let count = reader.state.buffer.read(py, |buffer| {
        let all = buffer.bytes().unwrap_or_default();
        if all.get(consumed) == Some(&b'\n') { consumed + 1 } else { all.len() }
    });
    reader.state.buffer.discard(py, count);
    too_long(reader, py, overrun)
}

fn too_long(reader: &StreamReader, py: Python<'_>, overrun: PyErr) -> PyResult<PyErr> {
    reader.after_read(py)?;
    let overrun = overrun.settled(py);
    let text = overrun.value(py).getattr(crate::intern!(py, "args"))?.get_item(0)?.unbind();
    let error = PyValueError::new_err(text).settled(py);
    error.set_context(py, Some(overrun));
    Ok(error)
}

impl Routine for ReadUntil {
    #[inline]
    fn try_complete(&mut self, py: Python<'_>, _point: ResumePoint) -> Option<Completed> {
        if !matches!(self.separators, Separators::Newline) {
            return None;
        }
        let reader = self.reader.get();
        let (limit, offset) = (reader.limit(py), self.offset);
        taken_at_once(reader, py, |all| {
            let start = offset + memchr(b'\n', all.get(offset..)?)?;
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
        let Found { length, at } = self.find(reader, py)?;
        let limit = reader.limit(py);
        match at {
            Some(Match { start, .. }) if start > limit => {
                Err(self.too_long(py, &Overrun::Found, start))
            }
            Some(Match { end, .. }) => {
                let data = match reader.shown(py) {
                    None => reader.take(py, end)?,
                    Some(buffer) => take_front(&buffer, end)?,
                };
                reader.after_read(py)?;
                self.returned(data)
            }
            None => {
                if length >= self.offset.saturating_add(shortest) {
                    // The beginning of a separator may be in the buffer
                    // already.
                    self.offset = (length + 1).saturating_sub(longest);
                    if self.offset > limit {
                        return Err(self.too_long(py, &Overrun::NotFound, self.offset));
                    }
                }
                if !reader.is_ended(py) {
                    return StreamReader::wait_for_data(self.reader.bind(py), "readuntil");
                }
                if self.caller == Caller::Until {
                    return Err(incomplete(reader, py, None));
                }
                let rest = reader.take_all(py)?;
                self.returned(rest)
            }
        }
    }

    fn qualname(&self) -> &'static str {
        match self.caller {
            Caller::Until => "StreamReader.readuntil",
            Caller::Line => "StreamReader.readline",
            Caller::NextLine => "StreamReader.__anext__",
        }
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.reader.drop_ref(py);
        self.separators.release(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.separators.traverse(visit)?;
        visit.call(&self.reader)
    }
}

/// `buffer.take_bytes(end)`; up to 3.14 `bytes(buffer[:end])`, and `del buffer[:end]`.
fn take_front<'py>(buffer: &Bound<'py, PyAny>, end: usize) -> PyResult<Bound<'py, PyBytes>> {
    let py = buffer.py();
    let end = allocate::Made(end).into_pyobject(py)?.into_any();
    if cfg!(Py_3_15) {
        return Ok(buffer.call_method1(crate::intern!(py, "take_bytes"), (end,))?.cast_into()?);
    }
    let slice = front_slice(&end)?;
    // Copied before anything is deleted: if there is no memory, the buffer
    // keeps the bytes.
    let front = bytes_of(&buffer.get_item(&slice)?)?;
    buffer.del_item(slice)?;
    Ok(front)
}

/// The coroutine of `__anext__`.
pub fn next_line(reader: &Bound<'_, StreamReader>) -> PyResult<Py<Coroutine>> {
    let py = reader.py();
    if reader.is_exact_instance_of::<StreamReader>() {
        let kept = reader.clone().unbind();
        return Coroutine::new(py, ReadUntil::new(kept, Separators::Newline, Caller::NextLine));
    }
    Coroutine::new(py, LineBySubclass::new(reader.clone().unbind(), Caller::NextLine))
}
