use aioxide_pyo3::{Held, with_python};
use pyo3::prelude::*;

#[pyclass(dict)]
struct Node {}

#[aioxide_pyo3::pymethods]
impl Node {
    #[new]
    fn new() -> Self {
        Self {}
    }

    async fn wait(slf: Held<Self>) -> bool {
        std::future::pending::<()>().await;
        with_python(|py| slf.get(py).is_some())
    }
}
