//! The same functions on `aioxide-pyo3` and on `pyo3-async-runtimes`.

mod others;
mod ours;

use pyo3::prelude::*;

#[pymodule]
mod aioxide_bench_extensions {
    use super::*;

    /// On `aioxide-pyo3`.
    #[pymodule]
    mod ours {
        #[pymodule_export]
        use crate::ours::{calls, ready, sleeps, suspends, tokio};
    }

    /// On `pyo3-async-runtimes` with tokio.
    #[pymodule]
    mod others {
        #[pymodule_export]
        use crate::others::{calls, ready, sleeps, suspends, tokio};
    }
}
