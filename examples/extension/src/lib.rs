//! A Python extension with async functions: the words of many files, a client of Redis, and HTTP by
//! a crate that needs tokio.

mod redis;
mod web;
mod words;

use pyo3::prelude::*;

/// Async functions in Rust, on the event loop that runs.
#[pymodule]
mod aioxide_example {
    #[pymodule_export]
    use super::redis::{Redis, RedisError, Subscription};
    #[pymodule_export]
    use super::web::Session;
    #[pymodule_export]
    use super::words::count_words;
}
