//! From the transport below to the protocol above.

use pyo3::exceptions::{PyException, PyKeyboardInterrupt, PyRuntimeError, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyMemoryView, PySlice};

use super::protocol::SslProtocol;
use super::session::Attempt;
use super::state::{Phase, Told};
use crate::standard;
use crate::streams::StreamProtocolCore;
use crate::transports::Receiver;

/// What one read of the session asks for at most: asyncio's `max_size`.
const MAX_READ: usize = 256 * 1024;

impl SslProtocol {
    /// Takes in what the transport below has received.
    #[inline]
    pub fn feed(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        slf.get().session.feed(data)?;
        match slf.get().phase(slf.py()) {
            Phase::Wrapped => Self::read(slf),
            Phase::Handshake => Self::handshake(slf),
            Phase::Flushing => Self::flush(slf),
            Phase::Shutdown => Self::shut_down(slf),
            Phase::Unwrapped => Ok(()),
        }
    }

    /// Hands over what can be decrypted, and sends what that leads to.
    pub(super) fn read(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if !matches!(slf.get().phase(py), Phase::Wrapped | Phase::Flushing) {
            return Ok(());
        }
        match Self::read_and_answer(slf) {
            Err(error) if error.is_instance_of::<PyException>(py) => {
                let error = error.into_value(py).into_bound(py).into_any();
                Self::fatal_error(slf, error, "Fatal error on SSL protocol")
            }
            other => other,
        }
    }

    fn read_and_answer(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let (paused, receiver) =
            this.state.with(py, |state| (state.app_reading_paused, state.receiver));
        if !paused {
            match receiver {
                Receiver::Buffer => Self::read_into_protocol(slf)?,
                Receiver::Bytes | Receiver::Tls | Receiver::Stream => {
                    Self::read_bytes(slf, receiver)?
                }
            }
            if this.state.with(py, |state| state.backlog.is_empty()) {
                Self::send_outgoing(slf)?;
            } else {
                Self::write_backlog(slf)?;
            }
        }
        Self::control_reading(slf)
    }

    /// Whether a read could bring anything, and how much room it needs. `None`:
    /// reading would only be told to wait.
    #[inline]
    fn room(&self, py: Python<'_>) -> PyResult<Option<usize>> {
        let waiting = self.session.incoming(py)?;
        if waiting > 0 {
            // No record decrypts to more than it is long.
            return Ok(Some(waiting.min(MAX_READ)));
        }
        Ok(match self.session.unread(py)? {
            Some(0) => None,
            Some(unread) => Some(unread.min(MAX_READ)),
            None => Some(MAX_READ),
        })
    }

    fn read_bytes(slf: &Bound<'_, Self>, receiver: Receiver) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let mut first: Option<Bound<'_, PyBytes>> = None;
        let mut rest: Option<Bound<'_, PyList>> = None;
        let mut good_bye = false;
        while let Some(room) = this.room(py)? {
            let Attempt::Done(data) = this.session.read(py, room)? else {
                break;
            };
            if data.as_bytes().is_empty() {
                good_bye = true;
                break;
            }
            match (&first, &rest) {
                (None, _) => first = Some(data),
                (Some(first), None) => rest = Some(PyList::new(py, [first, &data])?),
                (Some(_), Some(rest)) => rest.append(data)?,
            }
        }
        let data = match rest {
            Some(pieces) => {
                let empty = PyBytes::new(py, b"");
                Some(empty.call_method1(pyo3::intern!(py, "join"), (pieces,))?)
            }
            None => first.map(Bound::into_any),
        };
        if let (Some(data), Some(protocol)) = (data, this.app_protocol(py)) {
            match receiver {
                Receiver::Tls => {
                    // SAFETY: `Receiver::of` has looked at the type.
                    let inner = unsafe { protocol.cast_unchecked::<SslProtocol>() };
                    Self::feed(inner, &data)?;
                }
                Receiver::Stream => {
                    // SAFETY: as above.
                    let stream = unsafe { protocol.cast_unchecked::<StreamProtocolCore>() };
                    stream.get().receive(&data)?;
                }
                _ => drop(protocol.call_method1(pyo3::intern!(py, "data_received"), (data,))?),
            }
        }
        if good_bye { Self::good_bye(slf) } else { Ok(()) }
    }

    fn read_into_protocol(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let Some(protocol) = this.app_protocol(py) else {
            return Ok(());
        };
        let Some(mut hint) = this.room(py)? else {
            return Ok(());
        };
        let buffer = protocol.call_method1(pyo3::intern!(py, "get_buffer"), (hint,))?;
        let size = buffer.len()?;
        if size == 0 {
            return Err(PyRuntimeError::new_err("get_buffer() returned an empty buffer"));
        }
        let mut filled = 0;
        let mut good_bye = false;
        let mut view: Option<Bound<'_, PyMemoryView>> = None;
        while filled < size {
            let outcome = if filled == 0 {
                this.session.read_into(size, &buffer)?
            } else {
                let whole = match &view {
                    Some(view) => view,
                    None => view.insert(PyMemoryView::from(&buffer)?),
                };
                // Not `PySlice::new`: in PyO3 0.30 it leaks the numbers it is given.
                let slice = py.get_type::<PySlice>().call1((filled, size))?;
                this.session.read_into(size - filled, &whole.get_item(slice)?)?
            };
            match outcome {
                Attempt::Done(0) => {
                    good_bye = true;
                    break;
                }
                Attempt::Done(count) => filled += count,
                Attempt::Again => break,
            }
            match this.room(py)? {
                Some(more) => hint = more,
                None => {
                    hint = 0;
                    break;
                }
            }
        }
        drop(view);
        if filled == size && hint > 0 {
            // The protocol's buffer is full; it is asked for another one.
            this.call_soon(slf.getattr(pyo3::intern!(py, "_do_read"))?)?;
        }
        if filled > 0 {
            protocol.call_method1(pyo3::intern!(py, "buffer_updated"), (filled,))?;
        }
        if good_bye { Self::good_bye(slf) } else { Ok(()) }
    }

    /// The peer has ended the session.
    fn good_bye(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::tell_eof(slf)?;
        Self::start_shutdown(slf)
    }

    /// Tells the protocol above, once, that nothing more will come.
    pub(super) fn tell_eof(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let tell = this.state.with(py, |state| {
            let tell = state.told == Told::Made;
            if tell {
                state.told = Told::Eof;
            }
            tell
        });
        let Some(protocol) = this.app_protocol(py).filter(|_| tell) else {
            return Ok(());
        };
        let keep_open = protocol
            .call_method0(pyo3::intern!(py, "eof_received"))
            .and_then(|answer| answer.is_truthy());
        match keep_open {
            Ok(false) => Ok(()),
            Ok(true) => standard::logger(py)?
                .call_method1(
                    "warning",
                    ("returning true from eof_received() has no effect when using ssl",),
                )
                .map(drop),
            Err(error)
                if error.is_instance_of::<PyKeyboardInterrupt>(py)
                    || error.is_instance_of::<PySystemExit>(py) =>
            {
                Err(error)
            }
            Err(error) => {
                let error = error.into_value(py).into_bound(py).into_any();
                Self::fatal_error(slf, error, "Error calling eof_received()")
            }
        }
    }

    /// Stops the transport below while too much waits to be decrypted.
    pub(super) fn control_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let size = this.session.incoming(py)?;
        let method = this.state.with(py, |state| {
            if size >= state.read_marks.high && !state.reading_paused {
                state.reading_paused = true;
                Some("pause_reading")
            } else if size <= state.read_marks.low && state.reading_paused {
                state.reading_paused = false;
                Some("resume_reading")
            } else {
                None
            }
        });
        match (method, this.lower(py)) {
            (Some(method), Some(lower)) => lower.call_method0(method).map(drop),
            _ => Ok(()),
        }
    }

    /// The protocol above wants nothing for now.
    pub(super) fn pause_app_reading(&self, py: Python<'_>) {
        self.state.with(py, |state| state.app_reading_paused = true);
    }

    /// The protocol above goes on, in the next turn.
    pub(super) fn resume_app_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        if this.state.with(py, |state| std::mem::replace(&mut state.app_reading_paused, false)) {
            this.call_soon(slf.getattr(pyo3::intern!(py, "_resume"))?)?;
        }
        Ok(())
    }
}

#[pymethods]
impl SslProtocol {
    fn _do_read(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::read(slf)
    }

    fn _resume(slf: &Bound<'_, Self>) -> PyResult<()> {
        match slf.get().phase(slf.py()) {
            Phase::Wrapped => Self::read(slf),
            Phase::Flushing => Self::flush(slf),
            Phase::Shutdown => Self::shut_down(slf),
            Phase::Handshake | Phase::Unwrapped => Ok(()),
        }
    }
}
