use aioxide_pyo3::tokio_scope;
use pyo3::prelude::*;

#[aioxide_pyo3::pyfunction]
async fn measure(milliseconds: u64) -> PyResult<u128> {
    let begin = std::time::Instant::now();
    tokio_scope(async move {
        // In place of the sleep: reqwest, sqlx, object_store, tonic.
        tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
    })
    .await?;
    Ok(begin.elapsed().as_millis())
}
