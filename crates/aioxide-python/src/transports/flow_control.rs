//! When the protocol is asked to stop writing, and to go on.

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::TcpTransport;

/// Bytes in the queue above which the protocol pauses, and below which it goes
/// on.
#[derive(Clone, Copy)]
pub struct WaterMarks {
    pub high: usize,
    pub low: usize,
}

impl Default for WaterMarks {
    fn default() -> Self {
        Self { high: 64 * 1024, low: 16 * 1024 }
    }
}

impl WaterMarks {
    /// asyncio's rules for what is left out.
    fn new(high: Option<isize>, low: Option<isize>) -> PyResult<Self> {
        let high = high.unwrap_or_else(|| low.map_or(64 * 1024, |low| low.saturating_mul(4)));
        let low = low.unwrap_or(high.div_euclid(4));
        match (usize::try_from(high), usize::try_from(low)) {
            (Ok(high), Ok(low)) if high >= low => Ok(Self { high, low }),
            _ => Err(PyValueError::new_err(format!(
                "high ({high}) must be >= low ({low}) must be >= 0"
            ))),
        }
    }
}

impl TcpTransport {
    /// Calls `pause_writing` if the queue has grown above the high mark.
    #[inline]
    pub(super) fn maybe_pause_protocol(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let pause = self.state.with(py, |state| {
            let above = state.queue.bytes() > state.marks.high;
            above && !std::mem::replace(&mut state.protocol_paused, true)
        });
        if pause { self.tell_protocol(slf, "pause_writing") } else { Ok(()) }
    }

    /// Calls `resume_writing` if the queue has shrunk to the low mark.
    pub(super) fn maybe_resume_protocol(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let resume = self.state.with(py, |state| {
            let below = state.queue.bytes() <= state.marks.low;
            below && std::mem::replace(&mut state.protocol_paused, false)
        });
        if resume { self.tell_protocol(slf, "resume_writing") } else { Ok(()) }
    }

    fn tell_protocol(&self, slf: &Bound<'_, Self>, method: &str) -> PyResult<()> {
        let py = slf.py();
        let Some(protocol) = self.protocol(py) else {
            return Ok(());
        };
        let Err(error) = protocol.call_method0(method) else {
            return Ok(());
        };
        let ends_the_loop = error.is_instance_of::<PySystemExit>(py)
            || error.is_instance_of::<PyKeyboardInterrupt>(py);
        let Some(core) = self.core(py).filter(|_| !ends_the_loop) else {
            return Err(error);
        };
        let details = PyDict::new(py);
        details.set_item("message", format!("protocol.{method}() failed"))?;
        details.set_item("exception", error.into_value(py))?;
        details.set_item("transport", slf)?;
        details.set_item("protocol", protocol)?;
        core.call_method1(pyo3::intern!(py, "call_exception_handler"), (details,))?;
        Ok(())
    }
}

#[pymethods]
impl TcpTransport {
    /// Sets the water marks, in bytes. `ValueError` unless high >= low >= 0.
    #[pyo3(signature = (high=None, low=None))]
    fn set_write_buffer_limits(
        slf: &Bound<'_, Self>,
        high: Option<isize>,
        low: Option<isize>,
    ) -> PyResult<()> {
        let marks = WaterMarks::new(high, low)?;
        slf.get().state.with(slf.py(), |state| state.marks = marks);
        slf.get().maybe_pause_protocol(slf)
    }

    /// The water marks, in bytes: low, high.
    fn get_write_buffer_limits(&self, py: Python<'_>) -> (usize, usize) {
        self.state.with(py, |state| (state.marks.low, state.marks.high))
    }

    /// How many bytes wait to be written.
    fn get_write_buffer_size(&self, py: Python<'_>) -> usize {
        self.state.with(py, |state| state.queue.bytes())
    }
}
