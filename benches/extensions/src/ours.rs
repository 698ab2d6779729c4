//! On `aioxide-pyo3`.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use aioxide_pyo3::{await_python, sleep, tokio_scope, with_python};
use pyo3::prelude::*;

#[aioxide_pyo3::pyfunction]
pub async fn ready() -> u64 {
    1
}

#[aioxide_pyo3::pyfunction]
pub async fn suspends() -> u64 {
    let mut has_waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    1
}

/// Awaits what `function()` returns, `count` times.
#[aioxide_pyo3::pyfunction]
pub async fn calls(function: Py<PyAny>, count: u64) -> PyResult<u64> {
    for _ in 0..count {
        await_python(with_python(|py| function.call0(py))?).await?;
    }
    Ok(count)
}

#[aioxide_pyo3::pyfunction]
pub async fn sleeps(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds)).await;
}

#[aioxide_pyo3::pyfunction]
pub async fn tokio() -> PyResult<u64> {
    tokio_scope(async { 1 }).await
}
