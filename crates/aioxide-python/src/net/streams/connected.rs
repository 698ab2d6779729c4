//! Serving an accepted connection: `client_connected_cb`, and the end of its task.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::{StreamProtocolCore, StreamWriter};
use crate::core::coroutines::is_coroutine;
use crate::ffi::allocate;
use crate::ffi::gil_cell::{Contents, GilCell};

/// The done callback of the task that serves a connection: closes the connection
/// if the task has failed or was cancelled.
#[pyclass(frozen, module = "aioxide")]
pub struct ClientDone {
    /// None once the collector has cleared it.
    state: Contents<GilCell<Option<Parts>>>,
}

/// The loop and the transport.
type Parts = (Py<PyAny>, Py<PyAny>);

impl ClientDone {
    pub fn create<'py>(
        event_loop: &Bound<'py, PyAny>,
        transport: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let parts = (event_loop.clone().unbind(), transport.clone().unbind());
        let state = Contents::new(GilCell::new(Some(parts)));
        Bound::new(event_loop.py(), Self { state })
    }

    /// Reports what `client_connected_cb` has raised, and closes the
    /// connection.
    pub fn report(
        event_loop: &Bound<'_, PyAny>,
        transport: &Bound<'_, PyAny>,
        exception: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let details = allocate::dict(event_loop.py())?;
        details.set_item(
            crate::name!("message"),
            crate::name!("Unhandled exception in client_connected_cb"),
        )?;
        details.set_item(crate::name!("exception"), exception)?;
        details.set_item(crate::name!("transport"), transport)?;
        event_loop.call_method1(crate::name!("call_exception_handler"), (details,))?;
        transport.call_method0(crate::name!("close")).map(drop)
    }
}

#[pymethods]
impl ClientDone {
    fn __call__(&self, py: Python<'_>, task: Bound<'_, PyAny>) -> PyResult<()> {
        crate::ffi::exiting::arm();
        let Some((event_loop, transport)) = self.state.clone_ref(py) else {
            return Ok(());
        };
        if task.call_method0(crate::intern!(py, "cancelled"))?.is_truthy()? {
            return transport.call_method0(py, crate::name!("close")).map(drop);
        }
        let exception = task.call_method0(crate::intern!(py, "exception"))?;
        if exception.is_none() {
            return Ok(());
        }
        Self::report(event_loop.bind(py), transport.bind(py), &exception)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|parts| {
            parts.traverse(|parts| match parts {
                Some((event_loop, transport)) => {
                    visit.call(event_loop)?;
                    visit.call(transport)
                }
                None => Ok(()),
            })
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.take(py));
    }
}

impl StreamProtocolCore {
    /// Calls `client_connected_cb` with an accepted connection.
    pub(super) fn serve_client(
        slf: &Bound<'_, Self>,
        callback: &Bound<'_, PyAny>,
        transport: &Bound<'_, PyAny>,
        reader: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let py = slf.py();
        let event_loop = Self::event_loop(slf)?;
        let event_loop = event_loop.as_any();
        let writer = StreamWriter::create(transport, slf.as_any(), reader.clone(), event_loop)?;
        if cfg!(not(Py_3_13)) {
            let kept = writer.clone().into_any().unbind();
            drop(slf.get().state.writer.replace(py, Some(kept)));
        }
        let served = callback.call1((reader, writer));
        if cfg!(Py_3_14)
            && let Err(error) = &served
            && error.is_instance_of::<pyo3::exceptions::PyException>(py)
        {
            return ClientDone::report(event_loop, transport, error.value(py));
        }
        let served = served?;
        if is_coroutine(&served)? {
            let task = event_loop.call_method1(crate::intern!(py, "create_task"), (served,))?;
            drop(slf.get().state.task.replace(py, Some(task.clone().unbind())));
            let done = ClientDone::create(event_loop, transport)?;
            task.call_method1(crate::intern!(py, "add_done_callback"), (done,))?;
        }
        Ok(())
    }
}
