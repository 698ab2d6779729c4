//! Tasks, Python and contexts.

use std::sync::Mutex;
use std::time::Duration;

use aioxide_pyo3::{await_python, finally, function, shield, sleep, spawn, with_python};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::Guard;

/// Awaits what `function(*arguments)` returns.
#[aioxide_pyo3::pyfunction]
#[pyo3(signature = (function, *arguments))]
pub(crate) async fn calls(
    function: Py<PyAny>,
    arguments: Py<pyo3::types::PyTuple>,
) -> PyResult<Py<PyAny>> {
    let _guard = Guard;
    let awaitable = with_python(|py| function.call1(py, arguments))?;
    await_python(awaitable).await
}

/// What a context variable has before and after a wait, and in a coroutine of Python.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn context(variable: Py<PyAny>, read: Py<PyAny>) -> PyResult<Vec<Py<PyAny>>> {
    let look = || with_python(|py| variable.call_method0(py, "get"));
    let before = look()?;
    sleep(Duration::from_millis(1)).await;
    let after = look()?;
    let inside = await_python(with_python(|py| read.call0(py))?).await?;
    with_python(|py| variable.call_method1(py, "set", ("of the body",)))?;
    Ok(vec![before, after, inside, look()?])
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn spawns(count: usize) -> PyResult<usize> {
    let mut tasks = Vec::new();
    for number in 0..count {
        tasks.push(spawn(function!("spawns.part"), async move {
            sleep(Duration::from_millis(1)).await;
            Ok::<_, PyErr>(number)
        })?);
    }
    let mut sum = 0;
    for task in tasks {
        let number = await_python(task).await?;
        sum += with_python(|py| number.extract::<usize>(py))?;
    }
    Ok(sum)
}

fn note(log: &Mutex<Option<Py<PyList>>>, text: &str) -> PyResult<()> {
    let log = log.lock().unwrap();
    with_python(|py| log.as_ref().map_or(Ok(()), |log| log.bind(py).append(text)))
}

/// Waits for `seconds`, and cleans up in any case.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn cleans_up(seconds: f64, log: Py<PyList>) -> PyResult<()> {
    let log = std::sync::Arc::new(Mutex::new(Some(log)));
    let inner = std::sync::Arc::clone(&log);
    let body = async {
        note(&log, "begun")?;
        sleep(Duration::from_secs_f64(seconds)).await;
        note(&log, "done")
    };
    finally(body, function!("cleans_up.finally"), async move {
        note(&inner, "cleaning")?;
        sleep(Duration::from_millis(1)).await;
        note(&inner, "clean")
    })
    .await?
}

/// Makes a future with clean-up, and waits for something else.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn never_awaits_its_body(log: Py<PyList>) -> PyResult<()> {
    let log = std::sync::Arc::new(Mutex::new(Some(log)));
    let inner = std::sync::Arc::clone(&log);
    let cleaned = finally(
        async { Ok::<_, PyErr>(()) },
        function!("never_awaits_its_body.finally"),
        async move { note(&inner, "cleaning") },
    );
    note(&log, "waiting")?;
    sleep(Duration::from_secs(1000)).await;
    cleaned.await?
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn shielded(log: Py<PyList>) -> PyResult<Py<PyAny>> {
    shield(function!("shielded.part"), async move {
        sleep(Duration::from_millis(1)).await;
        with_python(|py| log.bind(py).append("went on"))?;
        Ok::<_, PyErr>("done")
    })
    .await
}

/// Makes a task and does not wait for it.
#[pyfunction]
pub(crate) fn detached(log: Py<PyList>) -> PyResult<Py<PyAny>> {
    spawn(function!("detached.part"), async move { with_python(|py| log.bind(py).append("ran")) })
}
