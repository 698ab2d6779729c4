//! Messages of channels.

use std::rc::Rc;

use aioxide_pyo3::{TcpStream, function, spawn, with_python};
use aioxide_sync::Lock;
use aioxide_sync::mpsc;
use futures_util::AsyncWriteExt;
use pyo3::exceptions::{PyConnectionError, PyStopAsyncIteration};
use pyo3::prelude::*;

use super::connection::read_replies;
use super::protocol::{self, Argument, Reply};

/// A connection that listens to channels: ``async for channel, message in subscription``.
#[pyclass(frozen, unsendable, module = "aioxide_example")]
pub struct Subscription {
    inner: Rc<Inner>,
}

struct Inner {
    stream: TcpStream,
    /// Messages that nobody has listened to yet. One coroutine listens at a time.
    messages: Lock<mpsc::Receiver<(Vec<u8>, Vec<u8>)>>,
}

impl Inner {
    fn close(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

#[aioxide_pyo3::pymethods]
impl Subscription {
    /// Connects to a server, and subscribes to channels.
    #[staticmethod]
    #[pyo3(signature = (*channels, host = "127.0.0.1".to_owned(), port = 6379))]
    pub async fn open(channels: Vec<Argument>, host: String, port: u16) -> PyResult<Self> {
        let stream = TcpStream::connect(&host, port).await?;
        let mut command = vec![Argument::from("SUBSCRIBE")];
        let count = channels.len();
        command.extend(channels);
        let mut bytes = Vec::new();
        protocol::write(&command, &mut bytes);
        (&stream).write_all(&bytes).await?;

        let (sender, mut messages) = mpsc::unbounded_channel();
        let (confirmed, mut confirmations) = mpsc::unbounded_channel();
        let reading = stream.clone();
        spawn(function!("Subscription.read_messages"), async move {
            let take = |reply| match message(reply) {
                Some(message) => sender.send(message).is_ok(),
                // That of SUBSCRIBE. Nobody waits for more than there are channels.
                None => {
                    let _ = confirmed.send(());
                    true
                }
            };
            // Whoever listens is told by the end of the channel.
            let _ = read_replies(&reading, take).await;
            Ok::<_, PyErr>(())
        })?;
        for _ in 0..count {
            if confirmations.recv().await.is_none() {
                messages.close();
                return Err(PyConnectionError::new_err("the connection to Redis is lost"));
            }
        }
        Ok(Self { inner: Rc::new(Inner { stream, messages: Lock::new(messages) }) })
    }

    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// The next message, and its channel.
    async fn __anext__(slf: Py<Self>) -> PyResult<(Vec<u8>, Vec<u8>)> {
        let inner = with_python(|py| Rc::clone(&slf.bind(py).borrow().inner));
        let next = inner.messages.acquire().await.recv().await;
        next.ok_or_else(|| PyStopAsyncIteration::new_err(()))
    }

    /// Ends the connection, and the iteration.
    fn close(&self) {
        self.inner.close();
    }
}

/// Channel and text, if it is a message.
fn message(reply: Reply) -> Option<(Vec<u8>, Vec<u8>)> {
    let Reply::Array(items) = reply else { return None };
    match <[Reply; 3]>::try_from(items) {
        Ok([Reply::Bytes(kind), Reply::Bytes(channel), Reply::Bytes(text)])
            if kind == b"message" =>
        {
            Some((channel, text))
        }
        _ => None,
    }
}
