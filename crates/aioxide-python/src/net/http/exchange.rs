//! The Python class `HttpExchange`.

use std::future::Future;
use std::rc::Rc;

use aioxide_http::client::{Error, Exchange};
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::arguments;
use super::errors::raised;
use super::in_turn::{InTurn, in_turn};
use super::pool::HttpPool;
use super::response::HttpResponse;
use super::runtime::{LoopRuntime, Shared};
use crate::core::coroutines::Coroutine;
use crate::core::rust_futures::{coroutine, turn};
use crate::ffi::gil_cell::{Contents, GilCell, UnderGil};

/// A request that is being sent, and its response. Two tasks may use it at once: one sends the
/// body, one waits for the response.
#[pyclass(frozen, weakref, module = "aioxide")]
pub struct HttpExchange {
    state: Contents<State>,
}

struct State {
    pool: GilCell<Option<Py<HttpPool>>>,
    shared: UnderGil<Rc<Shared>>,
    exchange: UnderGil<InTurn<Rc<Exchange<LoopRuntime>>>>,
}

impl HttpExchange {
    pub fn create<'py>(
        pool: &Bound<'py, HttpPool>,
        exchange: Exchange<LoopRuntime>,
    ) -> PyResult<Bound<'py, Self>> {
        let state = State {
            pool: GilCell::new(Some(pool.clone().unbind())),
            shared: UnderGil::new(Rc::clone(pool.get().shared(pool.py()))),
            exchange: UnderGil::new(InTurn::new(Rc::new(exchange))),
        };
        Bound::new(pool.py(), Self { state: Contents::new(state) })
    }
}

/// A coroutine over the exchange whose result is a truth value.
fn asking<F>(
    slf: &Bound<'_, HttpExchange>,
    name: &'static str,
    ask: impl FnOnce(Rc<Exchange<LoopRuntime>>) -> F,
) -> PyResult<Py<Coroutine>>
where
    F: Future<Output = Result<bool, Error<PyErr>>> + 'static,
{
    let (py, state) = (slf.py(), &slf.get().state);
    let shared = Rc::clone(state.shared.get(py));
    let asked = ask(Rc::clone(state.exchange.get(py)));
    let owner = slf.clone().into_any().unbind();
    coroutine(slf.py(), name, Some(owner), async move {
        match asked.await {
            Ok(answer) => Ok(turn::with(|turn| {
                pyo3::types::PyBool::new(turn.py(), answer).to_owned().into_any().unbind()
            })),
            Err(error) => Err(raised(&shared, error)),
        }
    })
}

#[pymethods]
impl HttpExchange {
    /// Sends one piece of the body, framed as the headers say, and returns when more may be sent.
    /// False: the server has refused the request by its response, and the rest need not be sent.
    fn write(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<Py<Coroutine>> {
        let data = arguments::body(data)?;
        asking(slf, "HttpExchange.write", |exchange| async move { exchange.write(&data).await })
    }

    /// Ends the body, with trailers if it is chunked.
    #[pyo3(signature = (trailers=None))]
    fn end(slf: &Bound<'_, Self>, trailers: Option<&Bound<'_, PyAny>>) -> PyResult<Py<Coroutine>> {
        let trailers = trailers.map(arguments::trailers).transpose()?.unwrap_or_default();
        asking(slf, "HttpExchange.end", |exchange| async move {
            let pairs: Vec<(&[u8], &[u8])> =
                trailers.iter().map(|(name, value)| (&name[..], &value[..])).collect();
            exchange.end(&pairs).await
        })
    }

    /// Waits for the answer to `Expect: 100-continue`: True at 100, False if the final response
    /// came instead.
    fn wait_continue(slf: &Bound<'_, Self>) -> PyResult<Py<Coroutine>> {
        asking(slf, "HttpExchange.wait_continue", |exchange| async move {
            exchange.wait_continue().await
        })
    }

    /// Waits for the head of the final response.
    fn response(slf: &Bound<'_, Self>) -> PyResult<Py<Coroutine>> {
        let (py, state) = (slf.py(), &slf.get().state);
        let exchange = Rc::clone(state.exchange.get(py));
        let shared = Rc::clone(state.shared.get(py));
        let owner = slf.clone().into_any().unbind();
        coroutine(slf.py(), "HttpExchange.response", Some(owner), async move {
            let response = exchange.response().await.map_err(|error| raised(&shared, error))?;
            turn::with(|turn| {
                let owner = turn.owner::<Self>();
                let Some(pool) = owner.get().state.pool.clone_ref(turn.py()) else {
                    return Err(pyo3::exceptions::PyRuntimeError::new_err(
                        "the pool was collected",
                    ));
                };
                let response = HttpResponse::create(pool.bind(turn.py()), response)?;
                Ok(response.into_any().unbind())
            })
        })
    }

    /// The transport of the connection, until the exchange is closed or the response complete.
    #[getter]
    fn transport<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        in_turn(py, || self.state.exchange.get(py).stream().and_then(|stream| stream.transport(py)))
    }

    /// Closes the connection, whoever uses it.
    fn close(&self, py: Python<'_>) {
        in_turn(py, || self.state.exchange.get(py).close());
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| state.pool.traverse(|it| visit.call(it)))
    }

    fn __clear__(&self, py: Python<'_>) {
        self.close(py);
        drop(self.state.pool.take(py));
    }
}
