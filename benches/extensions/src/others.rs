//! On `pyo3-async-runtimes` with tokio.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3_async_runtimes::tokio::{future_into_py, into_future};

#[pyfunction]
pub fn ready(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    future_into_py(py, async { Ok(1) })
}

#[pyfunction]
pub fn suspends(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    future_into_py(py, async {
        let mut has_waited = false;
        poll_fn(|context| {
            if std::mem::replace(&mut has_waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        Ok(1)
    })
}

/// Awaits what `function()` returns, `count` times.
#[pyfunction]
pub fn calls(py: Python<'_>, function: Py<PyAny>, count: u64) -> PyResult<Bound<'_, PyAny>> {
    future_into_py(py, async move {
        for _ in 0..count {
            let future = Python::attach(|py| into_future(function.bind(py).call0()?))?;
            future.await?;
        }
        Ok(count)
    })
}

#[pyfunction]
pub fn sleeps(py: Python<'_>, seconds: f64) -> PyResult<Bound<'_, PyAny>> {
    future_into_py(py, async move {
        ::tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        Ok(())
    })
}

/// What every call is there: a hop to tokio and back.
#[pyfunction]
pub fn tokio(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    ready(py)
}
