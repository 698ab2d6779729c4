use aioxide_pyo3::{await_python, with_python};
use pyo3::prelude::*;

/// Asks a callback, which is an `async def` or returns a future.
#[aioxide_pyo3::pyfunction]
async fn ask(callback: Py<PyAny>, question: String) -> PyResult<usize> {
    let awaitable = with_python(|py| callback.call1(py, (question,)))?;
    let answer = await_python(awaitable).await?;
    with_python(|py| answer.extract::<String>(py).map(|answer| answer.len()))
}
