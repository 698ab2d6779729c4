//! The methods that are called for each message, as fast methods (see
//! [`crate::ffi::fastcall`]).

use std::ffi::CStr;

use pyo3::prelude::*;

use super::reading::Amount;
use super::separators::Separators;
use super::until::Caller;
use super::{
    Drain, LineBySubclass, Read, ReadAllBySubclass, ReadExactly, ReadUntil, StreamReader,
    StreamWriter,
};
use crate::core::coroutines::Coroutine;
use crate::ffi::fastcall::{CallArguments, FastMethod, PlainMethod, install, install_plain};

/// Adds the methods. Called once, at module initialisation.
pub fn install_streams(py: Python<'_>) -> PyResult<()> {
    install::<ReadMethod>(py)?;
    install::<ReadExactlyMethod>(py)?;
    install::<ReadUntilMethod>(py)?;
    install_plain::<ReadLineMethod>(py)?;
    install::<WriteMethod>(py)?;
    install_plain::<DrainMethod>(py)
}

/// Whether a subclass has overridden the method `name`.
fn replaces(
    reader: &Bound<'_, StreamReader>,
    name: &'static crate::ffi::interning::Name,
) -> PyResult<bool> {
    let class = reader.get_type();
    let base = reader.py().get_type::<StreamReader>();
    Ok(!class.getattr(name)?.is(base.getattr(name)?))
}

/// Whether `read(-1)` has to call `read(limit)`, as asyncio does: the class has
/// overridden `read`, or the limit cannot be read.
fn reads_by_limit(reader: &Bound<'_, StreamReader>) -> PyResult<bool> {
    if reader.get().state.given_limit.is_some(reader.py()) {
        return Ok(true);
    }
    Ok(!reader.is_exact_instance_of::<StreamReader>() && replaces(reader, crate::name!("read"))?)
}

/// `reader.read(n)`.
struct ReadMethod;

impl FastMethod for ReadMethod {
    type Class = StreamReader;
    const NAME: &'static CStr = c"read";
    const DOC: &'static CStr = c"read($self, n=-1)\n--\n\nWaits for data and returns at most `n` bytes; if `n` is negative, everything until the end of the stream. Returns empty bytes at the end of the stream.\n\nRaises the exception that ended the stream, and RuntimeError if another task waits already. Cancellation ends the wait; data that has arrived stays in the buffer.";

    #[inline]
    fn call<'py>(
        slf: &Bound<'py, StreamReader>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let amount = Amount::of(arguments.only("StreamReader.read", "n")?);
        let reader = slf.clone().unbind();
        if matches!(amount, Amount::Bytes(..0)) && reads_by_limit(slf)? {
            let all = ReadAllBySubclass::new(py, reader)?;
            return Coroutine::new(py, all).map(Py::into_any);
        }
        Coroutine::new(py, Read::new(reader, amount)).map(Py::into_any)
    }
}

/// `reader.readexactly(n)`.
struct ReadExactlyMethod;

impl FastMethod for ReadExactlyMethod {
    type Class = StreamReader;
    const NAME: &'static CStr = c"readexactly";
    const DOC: &'static CStr = c"readexactly($self, n)\n--\n\nWaits for exactly `n` bytes and returns them.\n\nIncompleteReadError, with the bytes read so far, if the stream ends before; ValueError if `n` is negative. Raises the exception that ended the stream, and RuntimeError if another task waits already. Cancellation ends the wait; data that has arrived stays in the buffer.";

    #[inline]
    fn call<'py>(
        slf: &Bound<'py, StreamReader>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        let method = "StreamReader.readexactly";
        let amount = Amount::of(Some(arguments.required(method, "n")?));
        let reader = slf.clone().unbind();
        Coroutine::new(slf.py(), ReadExactly { reader, amount }).map(Py::into_any)
    }
}

/// `reader.readuntil(separator)`.
struct ReadUntilMethod;

impl FastMethod for ReadUntilMethod {
    type Class = StreamReader;
    const NAME: &'static CStr = c"readuntil";
    const DOC: &'static CStr = c"readuntil($self, separator=b'\\n')\n--\n\nWaits for the separator and returns everything up to its end. From Python 3.13 on a tuple of separators is accepted; the one that ends first counts.\n\nIncompleteReadError, with the bytes read so far, if the stream ends before; LimitOverrunError if more bytes than the reader's limit come before the separator; they stay in the buffer. Raises the exception that ended the stream, and RuntimeError if another task waits already. Cancellation ends the wait; data that has arrived stays in the buffer.";

    #[inline]
    fn call<'py>(
        slf: &Bound<'py, StreamReader>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        let separators = match arguments.only("StreamReader.readuntil", "separator")? {
            None => Separators::Newline,
            Some(separator) => Separators::Given(separator.clone().unbind()),
        };
        let routine = ReadUntil::new(slf.clone().unbind(), separators, Caller::Until);
        Coroutine::new(slf.py(), routine).map(Py::into_any)
    }
}

/// `reader.readline()`.
struct ReadLineMethod;

impl PlainMethod for ReadLineMethod {
    type Class = StreamReader;
    const NAME: &'static CStr = c"readline";
    const DOC: &'static CStr = c"readline($self)\n--\n\nWaits for a line and returns it with its end; at the end of the stream, returns what is left.\n\nValueError if the line is longer than the reader's limit; the part that has arrived is dropped. Raises the exception that ended the stream, and RuntimeError if another task waits already. Cancellation ends the wait; data that has arrived stays in the buffer.";

    #[inline]
    fn call(slf: &Bound<'_, StreamReader>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let reader = slf.clone().unbind();
        if !slf.is_exact_instance_of::<StreamReader>() && replaces(slf, crate::name!("readuntil"))?
        {
            return Coroutine::new(py, LineBySubclass::new(reader, Caller::Line)).map(Py::into_any);
        }
        let routine = ReadUntil::new(reader, Separators::Newline, Caller::Line);
        Coroutine::new(py, routine).map(Py::into_any)
    }
}

/// `writer.write(data)`.
struct WriteMethod;

impl FastMethod for WriteMethod {
    type Class = StreamWriter;
    const NAME: &'static CStr = c"write";
    const DOC: &'static CStr = c"write($self, data)\n--\n\nPasses `data` to the transport, which sends it or queues it; await `drain()` afterwards.";

    #[inline]
    fn call<'py>(
        slf: &Bound<'py, StreamWriter>,
        arguments: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        StreamWriter::write(slf, arguments.required("StreamWriter.write", "data")?)?;
        Ok(slf.py().None())
    }
}

/// `writer.drain()`.
struct DrainMethod;

impl PlainMethod for DrainMethod {
    type Class = StreamWriter;
    const NAME: &'static CStr = c"drain";
    const DOC: &'static CStr = c"drain($self)\n--\n\nWaits while too much data is queued in the transport; otherwise returns without waiting.\n\nRaises the exception that ended the connection, or ConnectionResetError if there is none. Cancellation only ends the wait.";

    #[inline]
    fn call(slf: &Bound<'_, StreamWriter>) -> PyResult<Py<PyAny>> {
        Coroutine::new(slf.py(), Drain::new(slf.clone().unbind())).map(Py::into_any)
    }
}
