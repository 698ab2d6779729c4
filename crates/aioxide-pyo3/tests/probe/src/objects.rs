//! Arguments, results and methods.

use std::time::Duration;

use aioxide_pyo3::{Held, sleep, with_python};
use pyo3::prelude::*;
use pyo3::types::PyType;

#[aioxide_pyo3::pyfunction]
pub(crate) async fn nothing() {}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn same(value: Py<PyAny>) -> Py<PyAny> {
    value
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn both(number: i64, text: String) -> PyResult<(i64, String)> {
    Ok((number, text))
}

#[aioxide_pyo3::pyfunction]
#[pyo3(signature = (a, /, b = 2, *rest, c = 3))]
pub(crate) async fn defaults(a: i64, b: i64, rest: Vec<i64>, c: i64) -> i64 {
    a + b + c + rest.iter().sum::<i64>()
}

/// Its documentation.
#[aioxide_pyo3::pyfunction]
#[pyo3(name = "renamed")]
pub(crate) async fn optional(value: Option<i64>) -> Result<Option<i64>, std::io::Error> {
    match value {
        Some(number) if number < 0 => Err(std::io::Error::other("negative")),
        other => Ok(other),
    }
}

/// Keeps an object where the collector sees it.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn keeps(object: Held<PyAny>) -> Option<String> {
    sleep(Duration::ZERO).await;
    with_python(|py| object.get(py).and_then(|it| it.repr().ok()).map(|it| it.to_string()))
}

#[pyclass(frozen)]
pub(crate) struct Client {
    name: String,
}

#[aioxide_pyo3::pymethods]
impl Client {
    #[new]
    fn new(name: String) -> Self {
        Self { name }
    }

    /// Says hello.
    #[pyo3(signature = (greeting = "hello".to_owned()))]
    async fn greet(slf: Py<Self>, greeting: String) -> String {
        sleep(Duration::ZERO).await;
        format!("{greeting}, {}", slf.get().name)
    }

    async fn twice(slf: Py<Self>) -> PyResult<(String, String)> {
        let other = with_python(|py| slf.clone_ref(py));
        Ok((Self::greet(slf, "hello".into()).await, Self::greet(other, "again".into()).await))
    }

    #[classmethod]
    async fn open(cls: Py<PyType>, name: String) -> PyResult<Py<PyAny>> {
        with_python(|py| cls.call1(py, (name,)))
    }

    #[staticmethod]
    async fn count(numbers: Vec<i64>) -> usize {
        numbers.len()
    }

    async fn __aenter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    async fn __aexit__(
        _slf: Py<Self>,
        _kind: Py<PyAny>,
        error: Option<Py<PyAny>>,
        _traceback: Py<PyAny>,
    ) -> bool {
        error.is_some()
    }
}

/// Can refer to whatever refers to it.
#[pyclass(dict, weakref)]
pub(crate) struct Node {}

#[aioxide_pyo3::pymethods]
impl Node {
    #[new]
    fn new() -> Self {
        Self {}
    }

    async fn wait(slf: Held<Self>) -> bool {
        std::future::pending::<()>().await;
        with_python(|py| slf.get(py).is_some())
    }
}
