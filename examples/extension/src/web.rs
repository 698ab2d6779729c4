//! HTTP by reqwest, which needs tokio.

use std::time::Duration;

use aioxide_pyo3::tokio_scope;
use futures_util::{StreamExt, TryStreamExt, stream};
use pyo3::exceptions::{PyConnectionError, PyTimeoutError};
use pyo3::prelude::*;
use reqwest::Client;

/// Status and body.
type Response = (u16, Vec<u8>);

/// A client of HTTP with its connections. The child of a fork makes its own.
#[pyclass(frozen, module = "aioxide_example")]
pub struct Session {
    client: Client,
}

#[aioxide_pyo3::pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (*, timeout = 30.0))]
    fn new(timeout: f64) -> PyResult<Self> {
        let timeout = Duration::try_from_secs_f64(timeout)
            .map_err(|error| pyo3::exceptions::PyValueError::new_err(error.to_string()))?;
        let client = Client::builder().timeout(timeout).build().map_err(raised)?;
        Ok(Self { client })
    }

    /// Fetches a URL; returns its status and body.
    ///
    /// Raises:
    ///     TimeoutError: it takes too long.
    ///     ConnectionError: it fails.
    pub async fn get(slf: Py<Self>, url: String) -> PyResult<Response> {
        let client = slf.get().client.clone();
        tokio_scope(async move { fetch(client, url).await }).await?.map_err(raised)
    }

    /// Fetches several URLs, so many at a time, with one hop to tokio's threads for all of them.
    #[pyo3(signature = (urls, *, at_once = 10))]
    pub async fn get_all(
        slf: Py<Self>,
        urls: Vec<String>,
        at_once: usize,
    ) -> PyResult<Vec<Response>> {
        let client = slf.get().client.clone();
        let all = tokio_scope(async move {
            let fetches = urls.into_iter().map(|url| fetch(client.clone(), url));
            stream::iter(fetches).buffered(at_once.max(1)).try_collect::<Vec<_>>().await
        });
        all.await?.map_err(raised)
    }
}

async fn fetch(client: Client, url: String) -> reqwest::Result<Response> {
    let response = client.get(url).send().await?;
    let status = response.status().as_u16();
    Ok((status, response.bytes().await?.to_vec()))
}

fn raised(error: reqwest::Error) -> PyErr {
    let text = error.to_string();
    if error.is_timeout() {
        PyTimeoutError::new_err(text)
    } else {
        PyConnectionError::new_err(text)
    }
}
