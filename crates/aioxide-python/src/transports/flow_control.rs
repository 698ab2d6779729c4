//! When the protocol is asked to stop writing, and to go on.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::Transport;
use super::failures::ends_the_loop;

/// The high mark, in bytes, that asyncio's transports have.
pub const DEFAULT_HIGH_WATER: usize = 64 * 1024;

/// Bytes in the queue above which the protocol pauses, and below which it goes
/// on.
#[derive(Clone, Copy)]
pub struct FlowControl {
    high: usize,
    low: usize,
    /// Set when `pause_writing` was called and `resume_writing` was not.
    paused: bool,
}

impl Default for FlowControl {
    fn default() -> Self {
        Self { high: DEFAULT_HIGH_WATER, low: DEFAULT_HIGH_WATER / 4, paused: false }
    }
}

impl FlowControl {
    /// Sets the marks: low, high.
    pub fn set_marks(&mut self, (low, high): (usize, usize)) {
        (self.low, self.high) = (low, high);
    }

    /// The marks: low, high.
    pub fn marks(&self) -> (usize, usize) {
        (self.low, self.high)
    }

    /// Whether `pause_writing` was called and `resume_writing` was not.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    fn pauses(&mut self, buffered: usize) -> bool {
        buffered > self.high && !std::mem::replace(&mut self.paused, true)
    }

    fn resumes(&mut self, buffered: usize) -> bool {
        buffered <= self.low && std::mem::replace(&mut self.paused, false)
    }
}

/// The marks (low, high) that are meant, by asyncio's rules for what is left
/// out; `default` is the high mark if both are.
pub fn marks(high: Option<isize>, low: Option<isize>, default: usize) -> PyResult<(usize, usize)> {
    let high = high.unwrap_or_else(|| low.map_or(default as isize, |low| low.saturating_mul(4)));
    let low = low.unwrap_or(high.div_euclid(4));
    match (usize::try_from(high), usize::try_from(low)) {
        (Ok(high), Ok(low)) if high >= low => Ok((low, high)),
        _ => {
            Err(PyValueError::new_err(format!("high ({high}) must be >= low ({low}) must be >= 0")))
        }
    }
}

/// Calls `pause_writing` if the queue has grown above the high mark: from
/// inside `write`, and so in the writer's context.
#[inline]
pub fn maybe_pause_protocol<T: Transport>(transport: &T, slf: &Bound<'_, T>) -> PyResult<()> {
    let py = slf.py();
    let buffered = transport.buffered(py);
    if !transport.link(py, |link| link.flow.pauses(buffered)) {
        return Ok(());
    }
    let Some(protocol) = transport.protocol(py) else {
        return Ok(());
    };
    let told = protocol.call_method0(pyo3::intern!(py, "pause_writing")).map(drop);
    report(transport, slf, "pause_writing", told)
}

/// Calls `resume_writing` if the queue has shrunk to the low mark: from the
/// loop, and so in the transport's context.
pub fn maybe_resume_protocol<T: Transport>(transport: &T, slf: &Bound<'_, T>) -> PyResult<()> {
    let py = slf.py();
    let buffered = transport.buffered(py);
    if !transport.link(py, |link| link.flow.resumes(buffered)) {
        return Ok(());
    }
    let told = transport.call_protocol(py, |protocol| {
        protocol.call_method0(pyo3::intern!(py, "resume_writing")).map(drop)
    });
    report(transport, slf, "resume_writing", told)
}

/// Reports what the protocol raised, except what must end the loop.
fn report<T: Transport>(
    transport: &T,
    slf: &Bound<'_, T>,
    method: &str,
    told: PyResult<()>,
) -> PyResult<()> {
    let py = slf.py();
    let Err(error) = told else {
        return Ok(());
    };
    let Some(core) = transport.core(py).filter(|_| !ends_the_loop(py, &error)) else {
        return Err(error);
    };
    let details = PyDict::new(py);
    details.set_item("message", format!("protocol.{method}() failed"))?;
    details.set_item("exception", error.into_value(py))?;
    details.set_item("transport", slf)?;
    details.set_item("protocol", transport.protocol(py))?;
    core.call_method1(pyo3::intern!(py, "call_exception_handler"), (details,))?;
    Ok(())
}

/// The Python methods by which a transport that writes is controlled.
macro_rules! flow_control_methods {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            /// Sets the water marks, in bytes. `ValueError` unless
            /// high >= low >= 0.
            #[pyo3(signature = (high=None, low=None))]
            fn set_write_buffer_limits(
                slf: &Bound<'_, Self>,
                high: Option<isize>,
                low: Option<isize>,
            ) -> PyResult<()> {
                use crate::transports::flow_control::{
                    DEFAULT_HIGH_WATER, marks, maybe_pause_protocol,
                };
                let marks = marks(high, low, DEFAULT_HIGH_WATER)?;
                slf.get().link(slf.py(), |link| link.flow.set_marks(marks));
                maybe_pause_protocol(slf.get(), slf)
            }

            /// The water marks, in bytes: low, high.
            fn get_write_buffer_limits(&self, py: Python<'_>) -> (usize, usize) {
                self.link(py, |link| link.flow.marks())
            }

            #[getter]
            fn _protocol_paused(&self, py: Python<'_>) -> bool {
                self.link(py, |link| link.flow.is_paused())
            }

            /// How many bytes wait to be written.
            fn get_write_buffer_size(&self, py: Python<'_>) -> usize {
                self.buffered(py)
            }
        }
    };
}
pub(super) use flow_control_methods;
