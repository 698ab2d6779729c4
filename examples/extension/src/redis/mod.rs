//! A client of Redis.

mod connection;
mod protocol;
mod subscription;

use std::rc::Rc;

use aioxide_pyo3::with_python;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

use connection::Connection;
use protocol::{Argument, Reply};
pub use subscription::Subscription;

pyo3::create_exception!(aioxide_example, RedisError, PyException, "What the server refuses.");

/// A connection to Redis. Commands of several tasks share it: each is sent at once, and the replies
/// come in the order of the commands.
///
/// It belongs to the thread of the loop on which it was opened.
#[pyclass(frozen, unsendable, module = "aioxide_example")]
pub struct Redis {
    connection: Rc<Connection>,
}

fn connection(slf: &Py<Redis>) -> Rc<Connection> {
    with_python(|py| Rc::clone(&slf.bind(py).borrow().connection))
}

#[aioxide_pyo3::pymethods]
impl Redis {
    /// Connects to a server.
    ///
    /// Raises:
    ///     OSError: that fails.
    #[staticmethod]
    #[pyo3(signature = (host = "127.0.0.1".to_owned(), port = 6379))]
    pub async fn connect(host: String, port: u16) -> PyResult<Self> {
        Ok(Self { connection: Connection::open(&host, port).await? })
    }

    /// Sends a command, and returns its reply: bytes, int, str, None, or a list of them.
    ///
    /// Raises:
    ///     RedisError: the server refuses it.
    ///     ConnectionError: the connection is lost.
    ///
    /// A command that is cancelled was sent; its reply is thrown away.
    #[pyo3(signature = (*command))]
    pub async fn execute(slf: Py<Self>, command: Vec<Argument>) -> PyResult<Reply> {
        let connection = connection(&slf);
        connection.ask(&[command]).await?.pop().unwrap_or(Reply::Nil).or_raise()
    }

    /// Sends several commands at once, and returns their replies; a RedisError stands in the place of
    /// a reply.
    pub async fn pipeline(slf: Py<Self>, commands: Vec<Vec<Argument>>) -> PyResult<Vec<Reply>> {
        connection(&slf).ask(&commands).await
    }

    /// The value of a key, or None.
    pub async fn get(slf: Py<Self>, key: Argument) -> PyResult<Reply> {
        Self::execute(slf, vec![Argument::from("GET"), key]).await
    }

    /// Sets the value of a key.
    pub async fn set(slf: Py<Self>, key: Argument, value: Argument) -> PyResult<()> {
        Self::execute(slf, vec![Argument::from("SET"), key, value]).await.map(drop)
    }

    /// Closes the connection. Commands that wait for a reply raise ConnectionError.
    fn close(&self) {
        self.connection.close();
    }
}
