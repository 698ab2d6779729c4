//! `loop.sock_recv` and its relatives (`asyncio.selector_events`).

mod attributes;
mod call;
mod operation;

pub use call::SocketCall;

use pyo3::prelude::*;

use crate::core::event_loop::LoopCore;
use crate::net::file_send::FileSend;
use operation::Operation;

#[pymethods]
impl LoopCore {
    /// Receives up to `n` bytes.
    fn sock_recv(
        slf: &Bound<'_, Self>,
        sock: Bound<'_, PyAny>,
        n: Py<PyAny>,
    ) -> PyResult<Py<SocketCall>> {
        SocketCall::new(slf, sock, Operation::Recv { limit: n })
    }

    /// Receives into `buf`; the result is the number of bytes.
    fn sock_recv_into(
        slf: &Bound<'_, Self>,
        sock: Bound<'_, PyAny>,
        buf: Py<PyAny>,
    ) -> PyResult<Py<SocketCall>> {
        SocketCall::new(slf, sock, Operation::RecvInto { buffer: buf })
    }

    /// Receives a datagram of up to `bufsize` bytes and its sender's address.
    fn sock_recvfrom(
        slf: &Bound<'_, Self>,
        sock: Bound<'_, PyAny>,
        bufsize: Py<PyAny>,
    ) -> PyResult<Py<SocketCall>> {
        SocketCall::new(slf, sock, Operation::RecvFrom { limit: bufsize })
    }

    /// Receives a datagram of up to `nbytes` bytes (0: as many as `buf` holds)
    /// into `buf`; the result is their number and the sender's address.
    #[pyo3(signature = (sock, buf, nbytes=None))]
    fn sock_recvfrom_into(
        slf: &Bound<'_, Self>,
        sock: Bound<'_, PyAny>,
        buf: Py<PyAny>,
        nbytes: Option<Py<PyAny>>,
    ) -> PyResult<Py<SocketCall>> {
        SocketCall::new(slf, sock, Operation::RecvFromInto { buffer: buf, limit: nbytes })
    }

    /// Sends all of `data`.
    fn sock_sendall(
        slf: &Bound<'_, Self>,
        sock: Bound<'_, PyAny>,
        data: Py<PyAny>,
    ) -> PyResult<Py<SocketCall>> {
        SocketCall::new(slf, sock, Operation::SendAll { data, sent: 0 })
    }

    /// Sends the datagram `data` to `address`; the result is its length.
    fn sock_sendto(
        slf: &Bound<'_, Self>,
        sock: Bound<'_, PyAny>,
        data: Py<PyAny>,
        address: Py<PyAny>,
    ) -> PyResult<Py<SocketCall>> {
        SocketCall::new(slf, sock, Operation::SendTo { data, address })
    }

    /// Accepts a connection; the result is its socket, non-blocking, and the
    /// peer's address.
    fn sock_accept(slf: &Bound<'_, Self>, sock: Bound<'_, PyAny>) -> PyResult<Py<SocketCall>> {
        SocketCall::new(slf, sock, Operation::Accept)
    }

    /// Sends a file; `file` counts the bytes that are sent.
    fn _sock_send_file(
        slf: &Bound<'_, Self>,
        sock: Bound<'_, PyAny>,
        file: Py<FileSend>,
    ) -> PyResult<Py<SocketCall>> {
        SocketCall::new(slf, sock, Operation::SendFile { file })
    }

    /// Connects to an address that is resolved already.
    fn _sock_connect(
        slf: &Bound<'_, Self>,
        sock: Bound<'_, PyAny>,
        address: Py<PyAny>,
    ) -> PyResult<Py<SocketCall>> {
        SocketCall::new(slf, sock, Operation::Connect { address, started: false })
    }
}
