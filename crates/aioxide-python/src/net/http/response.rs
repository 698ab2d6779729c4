//! The Python class `HttpResponse`.

use std::future::Future;
use std::rc::Rc;

use aioxide_http::client::{Error, Response};
use pyo3::PyTraverseError;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};

use super::errors::{raised, raised_by};
use super::in_turn::{InTurn, in_turn};
use super::pool::HttpPool;
use super::runtime::{LoopRuntime, Shared};
use crate::core::coroutines::Coroutine;
use crate::core::rust_futures::{coroutine, turn};
use crate::ffi::allocate::{self, Made};
use crate::ffi::gil_cell::{Contents, GilCell, UnderGil};

/// The head of a response, and its body as it arrives.
#[pyclass(frozen, weakref, module = "aioxide")]
pub struct HttpResponse {
    state: Contents<State>,
}

struct State {
    pool: GilCell<Option<Py<HttpPool>>>,
    shared: UnderGil<Rc<Shared>>,
    response: UnderGil<InTurn<Rc<Response<LoopRuntime>>>>,
    info: GilCell<Option<Py<PyAny>>>,
    headers: GilCell<Option<Py<PyTuple>>>,
}

/// What a field is called and says, as text: latin-1.
fn latin_1<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyString>> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => allocate::string(py, text),
        _ => allocate::string(py, &bytes.iter().copied().map(char::from).collect::<String>()),
    }
}

impl HttpResponse {
    /// The object for a response that has arrived.
    pub fn create<'py>(
        pool: &Bound<'py, HttpPool>,
        response: Response<LoopRuntime>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = pool.py();
        let info = response.origin_stream().info(py).map(Bound::unbind);
        let state = State {
            pool: GilCell::new(Some(pool.clone().unbind())),
            shared: UnderGil::new(Rc::clone(pool.get().shared(py))),
            info: GilCell::new(info),
            headers: GilCell::new(None),
            response: UnderGil::new(InTurn::new(Rc::new(response))),
        };
        Bound::new(py, Self { state: Contents::new(state) })
    }

    fn response<'a>(&'a self, py: Python<'a>) -> &'a Rc<Response<LoopRuntime>> {
        self.state.response.get(py)
    }

    fn pairs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        pairs(py, self.response(py).head().headers())
    }
}

/// Names and values, as a tuple of pairs of bytes.
fn pairs<'py>(py: Python<'py>, fields: &aioxide_http::Fields) -> PyResult<Bound<'py, PyTuple>> {
    let mut made = Vec::with_capacity(fields.len());
    for (name, value) in fields.iter() {
        let pair = [allocate::bytes(py, name)?, allocate::bytes(py, value)?];
        made.push(allocate::tuple(py, pair)?.into_any());
    }
    allocate::tuple_of(py, made)
}

/// A coroutine that reads.
fn reading<F>(
    slf: &Bound<'_, HttpResponse>,
    name: &'static str,
    read: impl FnOnce(Rc<Response<LoopRuntime>>) -> F,
) -> PyResult<Py<Coroutine>>
where
    F: Future<Output = Result<PyResult<Py<PyAny>>, Error<PyErr>>> + 'static,
{
    let (py, this) = (slf.py(), slf.get());
    let shared = Rc::clone(this.state.shared.get(py));
    let reads = read(Rc::clone(this.response(py)));
    let owner = slf.clone().into_any().unbind();
    coroutine(py, name, Some(owner), async move {
        match reads.await {
            Ok(bytes) => bytes,
            Err(error) => Err(raised(&shared, error)),
        }
    })
}

/// `bytes` with this content.
fn bytes_object(data: &[u8]) -> PyResult<Py<PyAny>> {
    turn::with(|turn| allocate::bytes(turn.py(), data).map(|bytes| bytes.into_any().unbind()))
}

#[pymethods]
impl HttpResponse {
    /// Three digits, from 100 to 999.
    #[getter]
    fn status(&self, py: Python<'_>) -> Made<i32> {
        Made(i32::from(self.response(py).head().status()))
    }

    /// What stands behind the status.
    #[getter]
    fn reason<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        allocate::bytes(py, self.response(py).head().reason())
    }

    /// Major and minor version of the server's HTTP.
    #[getter]
    fn version(&self, py: Python<'_>) -> (u8, u8) {
        match self.response(py).head().version() {
            aioxide_http::Version::Http10 => (1, 0),
            aioxide_http::Version::Http11 => (1, 1),
            aioxide_http::Version::Http2 => (2, 0),
        }
    }

    /// The headers, in order, as pairs of bytes.
    #[getter]
    fn raw_headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        if let Some(headers) = self.state.headers.clone_ref(py) {
            return Ok(headers.into_bound(py));
        }
        let headers = self.pairs(py)?;
        drop(self.state.headers.replace(py, Some(headers.clone().unbind())));
        Ok(headers)
    }

    /// The value of the first header of this name, whatever its case; None without one.
    fn get<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyString>>> {
        self.response(py).head().headers().get(name).map(|value| latin_1(py, value)).transpose()
    }

    /// The values of all headers of this name.
    fn get_all<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Vec<Bound<'py, PyString>>> {
        self.response(py).head().headers().get_all(name).map(|value| latin_1(py, value)).collect()
    }

    /// Whether it sets no cookie and its body is not compressed.
    #[getter]
    fn is_plain(&self, py: Python<'_>) -> bool {
        self.response(py).head().headers().iter().all(|(name, _)| match name.len() {
            10 => !name.eq_ignore_ascii_case(b"set-cookie"),
            16 => !name.eq_ignore_ascii_case(b"content-encoding"),
            _ => true,
        })
    }

    /// Waits for the rest of the body and returns it.
    fn read(slf: &Bound<'_, Self>) -> PyResult<Py<Coroutine>> {
        reading(slf, "HttpResponse.read", |response| async move {
            response.read_all().await.map(|body| bytes_object(&body))
        })
    }

    /// The rest of the body if all of it has arrived; else None.
    fn read_nowait<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        match in_turn(py, || self.response(py).try_read_all()) {
            Some(Ok(body)) => allocate::bytes(py, &body).map(Some),
            Some(Err(error)) => Err(raised_by(py, self.state.shared.get(py), error)),
            None => Ok(None),
        }
    }

    /// Waits for the next bytes of the body, at most `limit` of them. Nothing: it is over.
    #[pyo3(signature = (limit=65536))]
    fn read_some(slf: &Bound<'_, Self>, limit: usize) -> PyResult<Py<Coroutine>> {
        if limit == 0 {
            return Err(PyValueError::new_err(crate::name!("limit must be at least 1")));
        }
        reading(slf, "HttpResponse.read_some", |response| async move {
            response.read_some(limit, bytes_object).await
        })
    }

    /// The next bytes of the body, at most `limit` of them, if some have arrived; else None.
    #[pyo3(signature = (limit=65536))]
    fn read_some_nowait<'py>(
        &self,
        py: Python<'py>,
        limit: usize,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let read = in_turn(py, || {
            let take = |data: &[u8]| allocate::bytes(py, data);
            self.response(py).try_read_some(limit.max(1), take)
        });
        match read {
            Some(Ok(data)) => data.map(Some),
            Some(Err(error)) => Err(raised_by(py, self.state.shared.get(py), error)),
            None => Ok(None),
        }
    }

    /// Where the chunks end that the body was sent in, counted in bytes from its begin, as far as
    /// it has been handed out or has arrived since. Each end is told once; those that nobody asks
    /// for before more is read are forgotten, and `read` forgets them all.
    fn take_chunk_ends(&self, py: Python<'_>) -> Vec<u64> {
        self.response(py).take_chunk_ends()
    }

    /// Whether the whole body has arrived, and the connection is back in the pool or closed.
    #[getter]
    fn is_complete(&self, py: Python<'_>) -> bool {
        self.response(py).is_complete()
    }

    /// What a chunked body was followed by, as pairs of bytes.
    #[getter]
    fn trailers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let trailers = self.response(py).trailers().clone();
        pairs(py, &trailers)
    }

    /// The transport, while the connection belongs to the response.
    #[getter]
    fn transport<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        in_turn(py, || self.response(py).stream().and_then(|stream| stream.transport(py)))
    }

    /// Whether the connection had served another request before.
    #[getter]
    fn is_reused(&self, py: Python<'_>) -> bool {
        self.response(py).is_reused()
    }

    /// What `connect` has returned for the connection.
    #[getter]
    fn info(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.info.clone_ref(py)
    }

    /// Whether the connection speaks another protocol now: 101, or 2xx to CONNECT.
    #[getter]
    fn is_upgrade(&self, py: Python<'_>) -> bool {
        self.response(py).is_upgrade()
    }

    /// Takes the connection out of the pool: its transport, whose protocol the caller sets, and
    /// the bytes that were received behind the head.
    fn upgrade<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyBytes>)> {
        let upgraded = in_turn(py, || {
            let (upgraded, rest) = self.response(py).upgrade()?;
            Some((upgraded.stream().transport(py)?, rest))
        });
        match upgraded {
            Some((transport, rest)) => Ok((transport, allocate::bytes(py, &rest)?)),
            None => Err(PyRuntimeError::new_err(crate::name!(
                "the connection is no upgraded one, or was taken"
            ))),
        }
    }

    /// Nothing more is read: the connection is closed unless the body is complete. What has arrived
    /// of a complete one can still be read.
    fn release(&self, py: Python<'_>) {
        if !self.response(py).is_complete() {
            self.close(py);
        }
    }

    /// The connection is closed, unless it is back in the pool.
    fn close(&self, py: Python<'_>) {
        in_turn(py, || self.response(py).close());
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.pool.traverse(|it| visit.call(it))?;
            state.info.traverse(|it| visit.call(it))?;
            state.headers.traverse(|it| visit.call(it))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        self.close(py);
        drop((self.state.info.take(py), self.state.headers.take(py), self.state.pool.take(py)));
    }
}
