//! Bodies that fail.

use std::time::Duration;

use aioxide_pyo3::sleep;
use pyo3::exceptions::{PyStopIteration, PyValueError};
use pyo3::prelude::*;

use crate::Guard;

#[aioxide_pyo3::pyfunction]
pub(crate) async fn raises(text: String, seconds: f64) -> PyResult<()> {
    let _guard = Guard;
    sleep(Duration::from_secs_f64(seconds)).await;
    Err(PyValueError::new_err(text))
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn stops() -> PyResult<()> {
    Err(PyStopIteration::new_err(1))
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn panics(text: String, seconds: f64) {
    let _guard = Guard;
    sleep(Duration::from_secs_f64(seconds)).await;
    panic!("{text}");
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[aioxide_pyo3::pyfunction]
pub(crate) async fn panics_in_drop() {
    let _bomb = Bomb;
    std::future::pending::<()>().await;
}
