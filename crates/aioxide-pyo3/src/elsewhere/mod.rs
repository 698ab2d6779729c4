//! Bodies on loops that are none of aioxide's: asyncio's, uvloop's, any with asyncio's methods.
//!
//! A body that waits gives its coroutine a future of that loop, its *pulse*, which the first wake
//! finishes: on the loop's thread at once, and from other threads by the loop's [`Mailbox`]. What
//! a body waits for is what the loop offers for it: `call_at`, `add_reader`, `run_in_executor`,
//! done-callbacks. What a loop cannot do, our [`service_thread`]
//! does.

mod alarm;
mod coroutine;
mod driver;
mod mailbox;
mod service_thread;
mod wait;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

pub(crate) use coroutine::Coroutine;
pub(crate) use driver::Driver;
pub(crate) use wait::Wait;

/// Functions of asyncio.
mod asyncio {
    use pyo3::prelude::*;
    use pyo3::sync::PyOnceLock;

    macro_rules! functions {
        ($($name:ident)*) => {$(
            pub(crate) fn $name(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
                static FUNCTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
                FUNCTION.import(py, "asyncio", stringify!($name))
            }
        )*};
    }

    functions! { get_running_loop ensure_future shield }
}

/// The loop that runs on this thread.
///
/// # Errors
///
/// `RuntimeError` if there is none.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    asyncio::get_running_loop(py)?.call0()
}

/// `asyncio.shield(task)`.
pub(crate) fn shield<'py>(task: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    asyncio::shield(task.py())?.call1((task,))
}

/// The error of a leaf that is polled on another loop than its own.
#[cold]
pub(crate) fn another_loop() -> PyErr {
    PyRuntimeError::new_err("this was begun on another event loop and cannot be awaited here")
}
