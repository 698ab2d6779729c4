//! When the protocol is asked to stop writing, and to go on.

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::SocketTransport;

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

impl SocketTransport {
    /// Calls `pause_writing` if the queue has grown above the high mark: from
    /// inside `write`, and so in the writer's context.
    #[inline]
    pub(super) fn maybe_pause_protocol(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let pause = self.state.with(py, |state| {
            let above = state.queue.bytes() > state.marks.high;
            above && !std::mem::replace(&mut state.protocol_paused, true)
        });
        let Some(protocol) = self.protocol(py).filter(|_| pause) else {
            return Ok(());
        };
        let told = protocol.call_method0(pyo3::intern!(py, "pause_writing")).map(drop);
        self.report_flow_control(slf, "pause_writing", told)
    }

    /// Calls `resume_writing` if the queue has shrunk to the low mark: from the
    /// loop, and so in the transport's context.
    pub(super) fn maybe_resume_protocol(&self, slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let resume = self.state.with(py, |state| {
            let below = state.queue.bytes() <= state.marks.low;
            below && std::mem::replace(&mut state.protocol_paused, false)
        });
        if !resume {
            return Ok(());
        }
        let told = self.call_protocol(py, |protocol| {
            protocol.call_method0(pyo3::intern!(py, "resume_writing")).map(drop)
        });
        self.report_flow_control(slf, "resume_writing", told)
    }

    /// Reports what the protocol raised, except what must end the loop.
    fn report_flow_control(
        &self,
        slf: &Bound<'_, Self>,
        method: &str,
        told: PyResult<()>,
    ) -> PyResult<()> {
        let py = slf.py();
        let Err(error) = told else {
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
        details.set_item("protocol", self.protocol(py))?;
        core.call_method1(pyo3::intern!(py, "call_exception_handler"), (details,))?;
        Ok(())
    }
}

#[pymethods]
impl SocketTransport {
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
