//! The done callback of the task that serves an accepted connection.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::ffi::allocate;
use crate::ffi::gil_cell::{Contents, GilCell};

/// Closes the connection if the task has failed or was cancelled.
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
