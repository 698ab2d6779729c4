use aioxide_pyo3::prelude::*;

#[pymodule]
mod greeting {
    use std::time::Duration;

    use aioxide_pyo3::prelude::*;

    /// Says hello after a while.
    #[pyfunction]
    #[pyo3(signature = (name, milliseconds = 10))]
    async fn greet(name: String, milliseconds: u64) -> PyResult<String> {
        aioxide_pyo3::sleep(Duration::from_millis(milliseconds)).await;
        Ok(format!("hello, {name}"))
    }
}
