//! The connections of a server.

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyList, PyWeakrefMethods, PyWeakrefReference};

use super::ServerCore;
use crate::ffi::allocate;
use crate::ffi::allocate::Made;
use crate::ffi::gil_cell::unsafe_cell_methods;

/// Weak references to the transports that are not lost yet, by the address of the
/// object.
#[derive(Default)]
pub struct Clients(HashMap<usize, Py<PyWeakrefReference>>);

impl Clients {
    /// Adds a transport. The caller drops the reference that it replaces.
    pub fn insert(
        &mut self,
        address: usize,
        client: Py<PyWeakrefReference>,
    ) -> Option<Py<PyWeakrefReference>> {
        self.0.insert(address, client)
    }

    /// Removes a transport. The caller drops the reference.
    pub fn remove(&mut self, address: usize) -> Option<Py<PyWeakrefReference>> {
        self.0.remove(&address)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All of them.
    pub fn all(&self, py: Python<'_>) -> Vec<Py<PyWeakrefReference>> {
        self.0.values().map(|client| client.clone_ref(py)).collect()
    }
}

// SAFETY (of the methods): references are moved in and out and counted up; keys are numbers.
unsafe_cell_methods!(Clients {
    /// See [`Clients::insert`].
    fn insert(&mut self, address: usize, client: Py<PyWeakrefReference>)
        -> Option<Py<PyWeakrefReference>>;
    /// See [`Clients::remove`].
    fn remove(&mut self, address: usize) -> Option<Py<PyWeakrefReference>>;
    /// See [`Clients::len`].
    fn len(&mut self) -> usize;
} with py {
    /// See [`Clients::all`].
    fn all(&mut self) -> Vec<Py<PyWeakrefReference>>;
});

impl ServerCore {
    /// Adds a connection to this server.
    ///
    /// # Errors
    ///
    /// `MemoryError`.
    pub fn attach(&self, transport: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = transport.py();
        let client = PyWeakrefReference::new(transport)?.unbind();
        drop(self.state.clients.insert(py, transport.as_ptr().addr(), client));
        Ok(())
    }

    /// Removes a lost connection. After the last one, the Python half is
    /// called.
    pub fn detach(&self, slf: &Bound<'_, Self>, transport: &Bound<'_, PyAny>) {
        let py = slf.py();
        let client = self.state.clients.remove(py, transport.as_ptr().addr());
        let last = client.is_some() && self.state.clients.len(py) == 0;
        drop(client);
        if last && let Err(error) = slf.call_method0(crate::intern!(py, "_clients_gone")) {
            error.write_unraisable(py, Some(slf.as_any()));
        }
    }
}

#[pymethods]
impl ServerCore {
    /// The connections with a native transport that are not lost.
    fn _client_list<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let clients = self.state.clients.all(py);
        let alive: Vec<_> = clients.iter().filter_map(|client| client.bind(py).upgrade()).collect();
        allocate::list(py, alive)
    }

    /// How many connections with a native transport are not lost.
    #[getter]
    fn _client_count(&self, py: Python<'_>) -> Made<usize> {
        Made(self.state.clients.len(py))
    }
}
