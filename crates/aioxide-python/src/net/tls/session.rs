//! One TLS session of the `ssl` module, and the two memory buffers for its
//! records.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::ffi::allocate;
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::stdlib;

/// The result of a call of the session.
pub enum Attempt<T> {
    Done(T),
    /// It needs more data from the peer first.
    Again,
}

/// An `ssl.SSLObject`, and those of its parts that are used for every record.
pub struct Session(Contents<Parts>);

/// Each may be replaced during a call: a call holds its own reference.
struct Parts {
    /// What `get_extra_info("ssl_object")` returns.
    object: Part,
    /// What is called: the object itself, or the native object in it.
    worker: Part,
    /// The two buffers, and those of their methods that are called for each record,
    /// looked up once.
    incoming: Part,
    outgoing: Part,
    feed: Part,
    drain: Part,
    /// The methods `read` and `write` of the worker, if its class is the `ssl`
    /// module's own. Such a worker holds no other data: if both it and its buffer are
    /// empty, reading would only raise.
    native: GilCell<Option<(Py<PyAny>, Py<PyAny>)>>,
}

type Part = GilCell<Py<PyAny>>;

/// The parts of an `ssl.SSLObject`: what is called, and its methods `read` and
/// `write` if its class is the `ssl` module's own.
#[allow(clippy::type_complexity, reason = "three objects of Python's")]
fn take_apart<'py>(
    object: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyAny>, Option<(Py<PyAny>, Py<PyAny>)>)> {
    let py = object.py();
    // A subclass may override reading and writing.
    let exact = object.get_type().is(stdlib::ssl_object(py)?);
    let inner = if exact { object.getattr_opt(crate::name!("_sslobj"))? } else { None };
    match inner.filter(|inner| !inner.is_none()) {
        Some(inner) => {
            let methods = (
                inner.getattr(crate::name!("read"))?.unbind(),
                inner.getattr(crate::name!("write"))?.unbind(),
            );
            Ok((inner, Some(methods)))
        }
        None => Ok((object.clone(), None)),
    }
}

impl Session {
    /// Begins a session.
    ///
    /// # Errors
    ///
    /// What `SSLContext.wrap_bio` raises: for an invalid server name, or for a
    /// context of the wrong side.
    pub fn open(
        context: &Bound<'_, PyAny>,
        server_side: bool,
        server_hostname: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = context.py();
        let incoming = stdlib::memory_bio(py)?.call0()?;
        let outgoing = stdlib::memory_bio(py)?.call0()?;
        let keywords = allocate::dict(py)?;
        keywords.set_item(crate::name!("server_side"), server_side)?;
        keywords.set_item(crate::name!("server_hostname"), server_hostname)?;
        let object = context.call_method(
            crate::name!("wrap_bio"),
            (&incoming, &outgoing),
            Some(&keywords),
        )?;
        let (worker, native) = take_apart(&object)?;
        Ok(Self(Contents::new(Parts {
            feed: GilCell::new(incoming.getattr(crate::name!("write"))?.unbind()),
            drain: GilCell::new(outgoing.getattr(crate::name!("read"))?.unbind()),
            object: GilCell::new(object.unbind()),
            worker: GilCell::new(worker.unbind()),
            incoming: GilCell::new(incoming.unbind()),
            outgoing: GilCell::new(outgoing.unbind()),
            native: GilCell::new(native),
        })))
    }

    /// The `ssl.SSLObject`.
    pub fn object<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.0.object.clone_ref(py).into_bound(py)
    }

    /// Replaces it.
    pub fn set_object(&self, object: Bound<'_, PyAny>) -> PyResult<()> {
        let py = object.py();
        let (worker, native) = take_apart(&object)?;
        drop(self.0.native.replace(py, native));
        drop(self.0.worker.replace(py, worker.unbind()));
        drop(self.0.object.replace(py, object.unbind()));
        Ok(())
    }

    /// The buffer of records from the peer.
    pub fn incoming_buffer<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.0.incoming.clone_ref(py).into_bound(py)
    }

    /// Replaces it here; the session keeps its own.
    pub fn set_incoming_buffer(&self, buffer: Bound<'_, PyAny>) -> PyResult<()> {
        let py = buffer.py();
        let feed = buffer.getattr(crate::intern!(py, "write"))?;
        drop(self.0.feed.replace(py, feed.unbind()));
        drop(self.0.incoming.replace(py, buffer.unbind()));
        Ok(())
    }

    /// The buffer of records for the peer.
    pub fn outgoing_buffer<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.0.outgoing.clone_ref(py).into_bound(py)
    }

    /// Replaces it here; the session keeps its own.
    pub fn set_outgoing_buffer(&self, buffer: Bound<'_, PyAny>) -> PyResult<()> {
        let py = buffer.py();
        let drain = buffer.getattr(crate::intern!(py, "read"))?;
        drop(self.0.drain.replace(py, drain.unbind()));
        drop(self.0.outgoing.replace(py, buffer.unbind()));
        Ok(())
    }

    #[inline]
    fn worker<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.0.worker.clone_ref(py).into_bound(py)
    }

    /// Continues the handshake.
    pub fn handshake(&self, py: Python<'_>) -> PyResult<Attempt<()>> {
        attempt(py, self.worker(py).call_method0(crate::intern!(py, "do_handshake")))
            .map(|outcome| outcome.map(drop))
    }

    /// Sends `close_notify` to the peer and waits for its answer.
    pub fn shut_down(&self, py: Python<'_>) -> PyResult<Attempt<()>> {
        let method = if self.0.native.is_some(py) { "shutdown" } else { "unwrap" };
        attempt(py, self.worker(py).call_method0(method)).map(|outcome| outcome.map(drop))
    }

    /// Adds records from the peer.
    #[inline]
    pub fn feed(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = data.py();
        self.0.feed.clone_ref(py).into_bound(py).call1((data,)).map(drop)
    }

    /// Takes out the records for the peer.
    #[inline]
    pub fn drain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.0.drain.clone_ref(py).into_bound(py).call0()
    }

    /// Decrypts at most `room` bytes. No bytes: the peer has closed the
    /// session.
    #[inline]
    pub fn read<'py>(&self, py: Python<'py>, room: usize) -> PyResult<Attempt<Bound<'py, PyAny>>> {
        let read = self.0.native.clone_of(py, |native| native.as_ref().map(|(read, _)| read));
        attempt(
            py,
            match read {
                Some(read) => read.into_bound(py).call1((room,)),
                None => self.worker(py).call_method1(crate::intern!(py, "read"), (room,)),
            },
        )
    }

    /// The same into a buffer. Returns the number of bytes.
    pub fn read_into<'py>(
        &self,
        room: usize,
        buffer: &Bound<'py, PyAny>,
    ) -> PyResult<Attempt<Bound<'py, PyAny>>> {
        let py = buffer.py();
        let read = self.0.native.clone_of(py, |native| native.as_ref().map(|(read, _)| read));
        attempt(
            py,
            match read {
                Some(read) => read.into_bound(py).call1((room, buffer)),
                None => self.worker(py).call_method1(crate::intern!(py, "read"), (room, buffer)),
            },
        )
    }

    /// Encrypts `data`. Returns the number of bytes taken.
    #[inline]
    pub fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<Attempt<usize>> {
        let py = data.py();
        let write = self.0.native.clone_of(py, |native| native.as_ref().map(|(_, write)| write));
        let outcome = attempt(
            py,
            match write {
                Some(write) => write.into_bound(py).call1((data,)),
                None => self.worker(py).call_method1(crate::intern!(py, "write"), (data,)),
            },
        );
        match outcome? {
            Attempt::Done(count) => Ok(Attempt::Done(count.extract()?)),
            Attempt::Again => Ok(Attempt::Again),
        }
    }

    /// How many received bytes the session has not read yet.
    #[inline]
    pub fn incoming(&self, py: Python<'_>) -> PyResult<usize> {
        self.incoming_buffer(py).getattr(crate::intern!(py, "pending"))?.extract()
    }

    /// How many bytes wait to be sent to the peer.
    pub fn outgoing(&self, py: Python<'_>) -> PyResult<usize> {
        self.outgoing_buffer(py).getattr(crate::intern!(py, "pending"))?.extract()
    }

    /// How many decrypted bytes of the current record were not read yet. None
    /// if a read may return data even when there are none.
    #[inline]
    pub fn unread(&self, py: Python<'_>) -> PyResult<Option<usize>> {
        if self.0.native.is_none(py) {
            return Ok(None);
        }
        self.worker(py).call_method0(crate::intern!(py, "pending"))?.extract().map(Some)
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Never cleared: a cycle can only pass through a context's callbacks,
        // and the context clears those.
        self.0.traverse(|parts| {
            for part in [
                &parts.object,
                &parts.worker,
                &parts.incoming,
                &parts.outgoing,
                &parts.feed,
                &parts.drain,
            ] {
                part.traverse(|part| visit.call(part))?;
            }
            parts.native.traverse(|native| match native {
                Some((read, write)) => {
                    visit.call(read)?;
                    visit.call(write)
                }
                None => Ok(()),
            })
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

/// Separates the two exceptions that mean: try again when there is more data.
#[inline]
fn attempt<'py>(
    py: Python<'py>,
    outcome: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Attempt<Bound<'py, PyAny>>> {
    match outcome {
        Ok(value) => Ok(Attempt::Done(value)),
        Err(error)
            if error.is_instance(py, stdlib::ssl_want_read_error(py)?)
                || error.is_instance(py, stdlib::ssl_syscall_error(py)?) =>
        {
            Ok(Attempt::Again)
        }
        Err(error) => Err(error),
    }
}
