//! One TLS session of the standard `ssl` module, and the two memory buffers
//! that its records go through.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::standard;
use crate::with_cell::WithCell;

/// What came of asking the session for something.
pub enum Attempt<T> {
    Done(T),
    /// It needs more from the peer first.
    Again,
}

/// An `ssl.SSLObject`, taken apart into what every record needs.
pub struct Session(WithCell<Parts>);

struct Parts {
    /// What `get_extra_info("ssl_object")` shows.
    object: Py<PyAny>,
    /// What does the work: the object itself, or the native one in it.
    worker: Py<PyAny>,
    /// The two buffers, and those of their methods and the worker's that are
    /// called for each record, looked up once.
    incoming: Py<PyAny>,
    outgoing: Py<PyAny>,
    read: Py<PyAny>,
    write: Py<PyAny>,
    feed: Py<PyAny>,
    drain: Py<PyAny>,
    /// Whether the worker is the standard module's own, of which is known that
    /// it keeps nothing back: with both it and its buffer empty, reading would
    /// only raise.
    native: bool,
}

impl Session {
    /// Begins a session.
    ///
    /// # Errors
    ///
    /// What `SSLContext.wrap_bio` raises: a server name that is none, a
    /// context of the wrong side.
    pub fn open(
        context: &Bound<'_, PyAny>,
        server_side: bool,
        server_hostname: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = context.py();
        let incoming = standard::memory_bio(py)?.call0()?;
        let outgoing = standard::memory_bio(py)?.call0()?;
        let keywords = PyDict::new(py);
        keywords.set_item("server_side", server_side)?;
        keywords.set_item("server_hostname", server_hostname)?;
        let object = context.call_method("wrap_bio", (&incoming, &outgoing), Some(&keywords))?;
        // A subclass may have its own ideas of reading and writing.
        let exact = object.get_type().is(standard::ssl_object(py)?);
        let inner = if exact { object.getattr_opt("_sslobj")? } else { None };
        let native = inner.is_some();
        let worker = inner.unwrap_or_else(|| object.clone());
        Ok(Self(WithCell::new(Parts {
            read: worker.getattr("read")?.unbind(),
            write: worker.getattr("write")?.unbind(),
            feed: incoming.getattr("write")?.unbind(),
            drain: outgoing.getattr("read")?.unbind(),
            object: object.unbind(),
            worker: worker.unbind(),
            incoming: incoming.unbind(),
            outgoing: outgoing.unbind(),
            native,
        })))
    }

    #[inline]
    fn part<'py>(
        &self,
        py: Python<'py>,
        pick: impl FnOnce(&Parts) -> &Py<PyAny>,
    ) -> Bound<'py, PyAny> {
        self.0.with(py, |parts| pick(parts).bind(py).clone())
    }

    /// The `ssl.SSLObject`.
    pub fn object<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.part(py, |parts| &parts.object)
    }

    /// The buffer of what has come from the peer.
    pub fn incoming_buffer<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.part(py, |parts| &parts.incoming)
    }

    /// Goes on with the handshake.
    pub fn handshake(&self, py: Python<'_>) -> PyResult<Attempt<()>> {
        let worker = self.part(py, |parts| &parts.worker);
        attempt(py, worker.call_method0(pyo3::intern!(py, "do_handshake")))
            .map(|outcome| outcome.map(drop))
    }

    /// Says good-bye to the peer and waits for his answer.
    pub fn shut_down(&self, py: Python<'_>) -> PyResult<Attempt<()>> {
        let native = self.0.with(py, |parts| parts.native);
        let worker = self.part(py, |parts| &parts.worker);
        let method = if native { "shutdown" } else { "unwrap" };
        attempt(py, worker.call_method0(method)).map(|outcome| outcome.map(drop))
    }

    /// Takes in what the peer sent.
    #[inline]
    pub fn feed(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.part(data.py(), |parts| &parts.feed).call1((data,)).map(drop)
    }

    /// Takes out what the peer is to be sent.
    #[inline]
    pub fn drain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(self.part(py, |parts| &parts.drain).call0()?.cast_into()?)
    }

    /// Decrypts at most `room` bytes. No bytes: the peer has said good-bye.
    #[inline]
    pub fn read<'py>(
        &self,
        py: Python<'py>,
        room: usize,
    ) -> PyResult<Attempt<Bound<'py, PyBytes>>> {
        match attempt(py, self.part(py, |parts| &parts.read).call1((room,)))? {
            Attempt::Done(data) => Ok(Attempt::Done(data.cast_into()?)),
            Attempt::Again => Ok(Attempt::Again),
        }
    }

    /// The same into a buffer; the number of bytes.
    pub fn read_into(&self, room: usize, buffer: &Bound<'_, PyAny>) -> PyResult<Attempt<usize>> {
        let py = buffer.py();
        match attempt(py, self.part(py, |parts| &parts.read).call1((room, buffer)))? {
            Attempt::Done(count) => Ok(Attempt::Done(count.extract()?)),
            Attempt::Again => Ok(Attempt::Again),
        }
    }

    /// Encrypts; the number of bytes taken.
    #[inline]
    pub fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<Attempt<usize>> {
        let py = data.py();
        match attempt(py, self.part(py, |parts| &parts.write).call1((data,)))? {
            Attempt::Done(count) => Ok(Attempt::Done(count.extract()?)),
            Attempt::Again => Ok(Attempt::Again),
        }
    }

    /// How many bytes the peer sent that the session has not looked at.
    #[inline]
    pub fn incoming(&self, py: Python<'_>) -> PyResult<usize> {
        self.part(py, |parts| &parts.incoming).getattr(pyo3::intern!(py, "pending"))?.extract()
    }

    /// How many bytes wait to be sent to the peer.
    pub fn outgoing(&self, py: Python<'_>) -> PyResult<usize> {
        self.part(py, |parts| &parts.outgoing).getattr(pyo3::intern!(py, "pending"))?.extract()
    }

    /// Decrypted bytes of the current record that were not read, if a read
    /// without any is known to be in vain.
    #[inline]
    pub fn unread(&self, py: Python<'_>) -> PyResult<Option<usize>> {
        if !self.0.with(py, |parts| parts.native) {
            return Ok(None);
        }
        let worker = self.part(py, |parts| &parts.worker);
        worker.call_method0(pyo3::intern!(py, "pending"))?.extract().map(Some)
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Never cleared: a context's callbacks can close a cycle, and the
        // context clears those.
        self.0.traverse(|parts| {
            visit.call(&parts.object)?;
            visit.call(&parts.worker)?;
            visit.call(&parts.incoming)?;
            visit.call(&parts.outgoing)?;
            visit.call(&parts.read)?;
            visit.call(&parts.write)?;
            visit.call(&parts.feed)?;
            visit.call(&parts.drain)
        })
    }
}

impl<T> Attempt<T> {
    fn map<R>(self, change: impl FnOnce(T) -> R) -> Attempt<R> {
        match self {
            Self::Done(value) => Attempt::Done(change(value)),
            Self::Again => Attempt::Again,
        }
    }
}

/// Sorts out the two exceptions that only ask for patience.
#[inline]
fn attempt<'py>(
    py: Python<'py>,
    outcome: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Attempt<Bound<'py, PyAny>>> {
    match outcome {
        Ok(value) => Ok(Attempt::Done(value)),
        Err(error)
            if error.is_instance(py, standard::ssl_want_read_error(py)?)
                || error.is_instance(py, standard::ssl_syscall_error(py)?) =>
        {
            Ok(Attempt::Again)
        }
        Err(error) => Err(error),
    }
}
