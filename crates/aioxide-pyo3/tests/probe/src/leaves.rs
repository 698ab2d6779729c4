//! Waiting for times, descriptors and sockets.

use std::net::SocketAddr;
use std::time::Duration;

use aioxide_pyo3::{Direction, TcpStream, ready, sleep, sleep_until, time};
use futures_lite::{AsyncReadExt, AsyncWriteExt, future};
use pyo3::prelude::*;

use crate::Guard;

/// Returns a value after some time.
#[aioxide_pyo3::pyfunction]
#[pyo3(signature = (seconds, value = None))]
pub(crate) async fn later(seconds: f64, value: Option<Py<PyAny>>) -> Option<Py<PyAny>> {
    let _guard = Guard;
    sleep(Duration::from_secs_f64(seconds)).await;
    value
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn at(deadline: f64) -> PyResult<f64> {
    sleep_until(deadline).await;
    time()
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn clock() -> PyResult<f64> {
    time()
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn forever() {
    let _guard = Guard;
    std::future::pending::<()>().await;
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn gives_way(times: usize) -> usize {
    for _ in 0..times {
        sleep(Duration::ZERO).await;
    }
    times
}

/// Two timers by wakers that are not the coroutine's own.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn join(first: f64, second: f64) -> (usize, usize) {
    let wait = async |seconds: f64, value: usize| {
        sleep(Duration::from_secs_f64(seconds)).await;
        value
    };
    future::zip(wait(first, 1), Box::pin(wait(second, 2))).await
}

/// The first of two timers; the other is called off.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn race(first: f64, second: f64) -> usize {
    let wait = async |seconds: f64, value: usize| {
        sleep(Duration::from_secs_f64(seconds)).await;
        value
    };
    future::or(wait(first, 1), wait(second, 2)).await
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn readable(fd: i32) -> PyResult<()> {
    ready(fd, Direction::Read).await
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn connect_and_echo(host: String, port: u16, data: Vec<u8>) -> PyResult<usize> {
    let mut stream = TcpStream::connect(&host, port).await?;
    let (mut reading, writing) = (stream.clone(), &mut stream);
    let mut received = Vec::new();
    let (written, _) = future::try_zip(
        async {
            writing.write_all(&data).await?;
            writing.close().await?;
            Ok::<_, std::io::Error>(data.len())
        },
        reading.read_to_end(&mut received),
    )
    .await?;
    assert_eq!(received, data);
    Ok(written)
}

/// Connects to one of several addresses, and returns which one it is.
#[aioxide_pyo3::pyfunction]
pub(crate) async fn connect_any(addresses: Vec<String>) -> PyResult<String> {
    let addresses = addresses.iter().map(|it| it.parse::<SocketAddr>());
    let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
    let stream = TcpStream::connect_any(addresses).await?;
    Ok(stream.get_ref().peer_addr()?.to_string())
}

/// Polls what needs a loop where there is none.
#[pyfunction]
pub(crate) fn outside() {
    future::block_on(sleep(Duration::from_secs(1)));
}
