use std::time::Duration;

use pyo3::prelude::*;

/// Says hello after a while.
#[aioxide_pyo3::pyfunction]
#[pyo3(signature = (name, milliseconds = 10))]
async fn greet(name: String, milliseconds: u64) -> PyResult<String> {
    aioxide_pyo3::sleep(Duration::from_millis(milliseconds)).await;
    Ok(format!("hello, {name}"))
}

#[pymodule]
mod greeting {
    #[pymodule_export]
    use super::greet;
}
