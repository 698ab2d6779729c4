//! Transports with much that waits to be sent: what lints ask for.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyList, PyTuple};

use super::tls::SslProtocol;
use super::transports::{DatagramTransport, SocketTransport, Transport, WritePipeTransport};
use crate::core::event_loop::LoopCore;
use crate::ffi::allocate;

/// What is said of one: the transport and the protocol as the program has them, how many bytes wait,
/// whether `pause_writing` was called, how often `resume_writing` was, and the line that has made it,
/// if lints looked.
struct Unsent<'py> {
    transport: Bound<'py, PyAny>,
    protocol: Option<Bound<'py, PyAny>>,
    bytes: usize,
    paused: bool,
    resumed: u32,
    made: Option<Py<PyAny>>,
}

#[pymethods]
impl LoopCore {
    /// The transports of which more than `least` bytes wait to be sent: for each the transport, its
    /// protocol, the bytes, whether writing is paused, how often it was resumed, and the line that has
    /// made it, or None.
    #[pyo3(signature = (least, /))]
    fn _unsent_transports<'py>(
        &self,
        py: Python<'py>,
        least: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        let mut found = Vec::new();
        for transport in self.writing_transports(py) {
            let Some(unsent) = of(transport.bind(py))? else { continue };
            if unsent.bytes > least {
                found.push(unsent.in_python(py)?.into_any());
            }
        }
        allocate::list(py, found)
    }
}

fn of<'py>(transport: &Bound<'py, PyAny>) -> PyResult<Option<Unsent<'py>>> {
    if let Ok(transport) = transport.cast::<SocketTransport>() {
        return above(plain(transport, transport.get())).map(Some);
    }
    if let Ok(transport) = transport.cast::<DatagramTransport>() {
        return Ok(Some(plain(transport, transport.get())));
    }
    Ok(transport.cast::<WritePipeTransport>().ok().map(|it| plain(it, it.get())))
}

fn plain<'py, T: Transport>(transport: &Bound<'py, T>, this: &T) -> Unsent<'py> {
    let py = transport.py();
    let flow = this.link().flow.get(py);
    Unsent {
        transport: transport.clone().into_any(),
        protocol: this.protocol(py),
        bytes: this.buffered(py),
        paused: flow.is_paused(),
        resumed: flow.resumed(),
        made: this.link().made(py),
    }
}

/// The TLS connection over it, if there is one.
fn above(below: Unsent<'_>) -> PyResult<Unsent<'_>> {
    let Some(Ok(tls)) = below.protocol.as_ref().map(|it| it.cast::<SslProtocol>()) else {
        return Ok(below);
    };
    let py = tls.py();
    let Some(transport) = tls.get().app_transport(py) else { return Ok(below) };
    let (paused, resumed) = tls.get().app_flow(py);
    Ok(Unsent {
        bytes: below.bytes.saturating_add(tls.get().write_buffer_size(py)?),
        paused,
        resumed,
        made: transport.get().made(py).or(below.made),
        protocol: tls.get().app_protocol(py),
        transport: transport.into_bound(py).into_any(),
    })
}

impl<'py> Unsent<'py> {
    fn in_python(self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let none = || py.None().into_bound(py);
        let items = [
            self.transport,
            self.protocol.unwrap_or_else(none),
            allocate::int(py, i64::try_from(self.bytes).unwrap_or(i64::MAX))?.into_any(),
            PyBool::new(py, self.paused).to_owned().into_any(),
            allocate::int(py, self.resumed.into())?.into_any(),
            self.made.map_or_else(none, |made| made.into_bound(py)),
        ];
        allocate::tuple(py, items)
    }
}
