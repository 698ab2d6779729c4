//! From the transport below to the protocol above.

use pyo3::exceptions::{
    PyException, PyKeyboardInterrupt, PyMemoryError, PyRuntimeError, PySystemExit,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView, PySlice};

use super::protocol::SslProtocol;
use super::session::Attempt;
use super::state::{Notified, Phase};
use crate::core::dispatch::{Receiver, byte_stream, feed_stream};
use crate::ffi::allocate;
use crate::ffi::buffers::BufferView;
use crate::ffi::errors::Settled;
use crate::stdlib;

/// The most bytes that one read of the session returns: asyncio's `max_size`.
const MAX_READ: usize = 256 * 1024;

/// The data of one call of `read`: mostly one piece.
enum Pieces<'py> {
    None,
    One(Bound<'py, PyAny>),
    Several(Vec<Bound<'py, PyAny>>),
}

impl<'py> Pieces<'py> {
    #[inline]
    fn add(&mut self, piece: Bound<'py, PyAny>) {
        *self = match std::mem::replace(self, Self::None) {
            Self::None => Self::One(piece),
            Self::One(first) => Self::Several(vec![first, piece]),
            Self::Several(mut several) => {
                several.push(piece);
                Self::Several(several)
            }
        };
    }

    /// The pieces joined to one; if there is no memory for that, the pieces.
    #[inline]
    fn join(self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        match self {
            Self::None => Ok(Vec::new()),
            Self::One(piece) => Ok(vec![piece]),
            Self::Several(several) => {
                let joined = allocate::list(py, several.iter().cloned()).and_then(|list| {
                    allocate::bytes(py, b"")?.call_method1(crate::intern!(py, "join"), (list,))
                });
                match joined {
                    Ok(joined) => Ok(vec![joined]),
                    Err(error) if error.is_instance_of::<PyMemoryError>(py) => Ok(several),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

/// Whether a read returned nothing, which means that the peer has closed the
/// session.
#[inline]
fn is_closed(data: &Bound<'_, PyAny>) -> PyResult<bool> {
    match data.cast_exact::<PyBytes>() {
        Ok(data) => Ok(data.as_bytes().is_empty()),
        Err(_) => data.is_truthy().map(|full| !full),
    }
}

/// A view of single bytes: other views count and slice wider items.
fn bytewise<'py>(buffer: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    PyMemoryView::from(buffer)?
        .call_method1(crate::intern!(buffer.py(), "cast"), (crate::name!("B"),))
}

/// The part after the first `filled` bytes.
fn rest_of<'py>(view: &Bound<'py, PyAny>, filled: usize) -> PyResult<Bound<'py, PyAny>> {
    // Not `PySlice::new`: in PyO3 0.30 it leaks the numbers it is given.
    view.get_item(
        view.py()
            .get_type::<PySlice>()
            .call1((crate::ffi::allocate::Made(filled), view.py().None()))?,
    )
}

impl SslProtocol {
    /// Takes data that the transport below has received.
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

    /// Passes what can be decrypted to the protocol above, and sends the
    /// records that this produces.
    pub(super) fn read(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if !matches!(slf.get().phase(py), Phase::Wrapped | Phase::Flushing) {
            return Ok(());
        }
        match Self::read_and_answer(slf).settled(py) {
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
        let flags = this.state.flags.get(py);
        if !flags.app_reading_paused {
            if flags.receiver == Receiver::Buffer {
                Self::read_into_protocol(slf)?;
            } else {
                Self::read_bytes(slf)?;
            }
            if this.state.backlog.is_empty(py) {
                Self::send_outgoing(slf)?;
            } else {
                Self::write_backlog(slf)?;
            }
        }
        Self::control_reading(slf)
    }

    /// How many bytes the next read may return. `None`: it would only raise
    /// `SSLWantReadError`.
    #[inline]
    fn room(&self, py: Python<'_>) -> PyResult<Option<usize>> {
        let waiting = self.session.incoming(py)?;
        if waiting > 0 {
            // Decrypted data is never longer than its record.
            return Ok(Some(waiting.min(MAX_READ)));
        }
        Ok(match self.session.unread(py)? {
            Some(0) => None,
            Some(unread) => Some(unread.min(MAX_READ)),
            None => Some(MAX_READ),
        })
    }

    fn read_bytes(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let mut pieces = Pieces::None;
        let outcome = loop {
            let room = match this.room(py) {
                Ok(Some(room)) => room,
                Ok(None) => break Ok(false),
                Err(error) => break Err(error),
            };
            match this.session.read(py, room) {
                Ok(Attempt::Again) => break Ok(false),
                Ok(Attempt::Done(data)) => match is_closed(&data) {
                    Ok(false) => pieces.add(data),
                    peer_closed => break peer_closed,
                },
                Err(error) => break Err(error),
            }
        };
        // If memory ran out, what was decrypted before is passed on before the connection
        // ends. After any other failure it is dropped, as in asyncio.
        if outcome.as_ref().err().is_none_or(|error| error.is_instance_of::<PyMemoryError>(py)) {
            pieces.join(py)?.into_iter().try_for_each(|data| Self::deliver(slf, data))?;
        }
        if outcome? { Self::peer_closed(slf) } else { Ok(()) }
    }

    /// Passes data to the current protocol above; reading runs code that may have replaced
    /// it.
    #[inline]
    fn deliver(slf: &Bound<'_, Self>, data: Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let Some(protocol) = this.app_protocol(py) else {
            return Ok(());
        };
        match this.state.flags.get(py).receiver {
            Receiver::Tls => {
                if let Ok(inner) = protocol.cast_exact::<SslProtocol>() {
                    return Self::feed(inner, &data);
                }
            }
            Receiver::Stream => {
                if let Some(fed) = feed_stream(&protocol, &data) {
                    return fed;
                }
            }
            Receiver::Rust => {
                if let Some(stream) = byte_stream(&protocol) {
                    stream.get().feed(py, BufferView::readable(&data)?.bytes());
                    return stream.get().after_feed(py);
                }
            }
            Receiver::Buffer => {
                let feed = py.import(crate::name!("asyncio.protocols"))?;
                let feed = feed.getattr(crate::name!("_feed_data_to_buffered_proto"))?;
                return feed.call1((protocol, data)).map(drop);
            }
            Receiver::Bytes => {}
        }
        protocol.call_method1(crate::intern!(py, "data_received"), (data,)).map(drop)
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
        let buffer = protocol.call_method1(crate::intern!(py, "get_buffer"), (hint,))?;
        // The size in bytes, not in items.
        let size = BufferView::readable(&buffer)?.len();
        if size == 0 {
            return Err(PyRuntimeError::new_err(crate::name!(
                "get_buffer() returned an empty buffer"
            )));
        }
        let mut filled = 0;
        let mut peer_closed = false;
        let mut view: Option<Bound<'_, PyAny>> = None;
        let outcome = loop {
            let place = match (filled, &view) {
                (0, _) => Ok(buffer.clone()),
                (_, Some(view)) => rest_of(view, filled),
                (_, None) => {
                    bytewise(&buffer).and_then(|whole| rest_of(view.insert(whole), filled))
                }
            };
            let place = match place {
                // The buffer has shrunk: what was filled in is passed on.
                Ok(place) if place.len().unwrap_or(0) == 0 => break Ok(()),
                Ok(place) => place,
                Err(error) => break Err(error),
            };
            match this.session.read_into(size - filled, &place) {
                Ok(Attempt::Again) => break Ok(()),
                Ok(Attempt::Done(count)) => match count.extract::<isize>() {
                    Ok(0) => {
                        peer_closed = true;
                        break Ok(());
                    }
                    // A negative count means no data, but not the end.
                    Ok(count) => match usize::try_from(count) {
                        Ok(count) => filled = filled.saturating_add(count).min(size),
                        Err(_) => break Ok(()),
                    },
                    Err(error) => break Err(error),
                },
                Err(error) => break Err(error),
            }
            match this.room(py) {
                Ok(more) => hint = more.unwrap_or(0),
                Err(error) => break Err(error),
            }
            if hint == 0 || filled == size {
                break Ok(());
            }
        };
        drop(view);
        // As in `read_bytes`.
        if outcome.as_ref().err().is_none_or(|error| error.is_instance_of::<PyMemoryError>(py)) {
            if filled == size && hint > 0 {
                // The protocol's buffer is full: asks for another one in the
                // next iteration.
                this.call_soon(slf.getattr(crate::intern!(py, "_do_read"))?)?;
            }
            Self::notify_filled(slf, &protocol, &buffer, filled)?;
        }
        outcome?;
        if peer_closed { Self::peer_closed(slf) } else { Ok(()) }
    }

    /// Calls `buffer_updated` of the owner of `buffer`. If the protocol above was
    /// replaced meanwhile, the new one gets the data.
    fn notify_filled(
        slf: &Bound<'_, Self>,
        owner: &Bound<'_, PyAny>,
        buffer: &Bound<'_, PyAny>,
        filled: usize,
    ) -> PyResult<()> {
        let py = slf.py();
        if filled == 0 {
            return Ok(());
        }
        match slf.get().app_protocol(py) {
            Some(protocol) if !protocol.is(owner) => {
                let view = BufferView::readable(buffer)?;
                let data = view.bytes().get(..filled).unwrap_or_else(|| view.bytes());
                let data = allocate::bytes(py, data)?;
                drop(view);
                Self::deliver(slf, data.into_any())
            }
            _ => owner.call_method1(crate::intern!(py, "buffer_updated"), (filled,)).map(drop),
        }
    }

    /// The peer has closed the session (`close_notify`).
    fn peer_closed(slf: &Bound<'_, Self>) -> PyResult<()> {
        Self::notify_eof(slf)?;
        Self::start_shutdown(slf)
    }

    /// Calls `eof_received` of the protocol above, once.
    pub(super) fn notify_eof(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let notify = this.state.flags.update(py, |flags| {
            let notify = flags.notified == Notified::Made;
            if notify {
                flags.notified = Notified::Eof;
            }
            notify
        });
        let Some(protocol) = this.app_protocol(py).filter(|_| notify) else {
            return Ok(());
        };
        let keep_open = protocol
            .call_method0(crate::intern!(py, "eof_received"))
            .and_then(|answer| answer.is_truthy());
        match keep_open {
            Ok(false) => Ok(()),
            Ok(true) => stdlib::logger(py)?
                .call_method1(
                    crate::name!("warning"),
                    (crate::name!(
                        "returning true from eof_received() has no effect when using ssl"
                    ),),
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

    /// Pauses the transport below while too much data waits to be decrypted.
    pub(super) fn control_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let size = this.session.incoming(py)?;
        let marks = this.state.read_marks.whole.get(py);
        let method = this.state.flags.update(py, |flags| {
            if size >= marks.high && !flags.reading_paused {
                flags.reading_paused = true;
                Some("pause_reading")
            } else if size <= marks.low && flags.reading_paused {
                flags.reading_paused = false;
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

    /// The protocol above has paused reading.
    pub(super) fn pause_app_reading(&self, py: Python<'_>) {
        self.state.flags.update(py, |flags| flags.app_reading_paused = true);
    }

    /// The protocol above has resumed reading; it gets data in the next
    /// iteration.
    pub(super) fn resume_app_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get();
        let flags = &this.state.flags;
        if flags.update(py, |flags| std::mem::replace(&mut flags.app_reading_paused, false)) {
            this.call_soon(slf.getattr(crate::intern!(py, "_resume"))?)?;
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
