//! When the protocol is asked to pause writing, and to resume.

use super::Transport;
use super::failures::{ends_the_loop, report_with};
use crate::ffi::allocate::Made;
use crate::ffi::errors::Settled;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The default high mark of asyncio's transports, in bytes.
pub const DEFAULT_HIGH_WATER: usize = 64 * 1024;

/// The number of queued bytes above which the protocol is paused, and the
/// number at or below which it resumes.
#[derive(Clone, Copy)]
pub struct FlowControl {
    high: usize,
    low: usize,
    /// Set when `pause_writing` was called and `resume_writing` was not.
    paused: bool,
    /// How often `resume_writing` was called.
    resumed: u32,
}

impl Default for FlowControl {
    fn default() -> Self {
        Self { high: DEFAULT_HIGH_WATER, low: DEFAULT_HIGH_WATER / 4, paused: false, resumed: 0 }
    }
}

impl FlowControl {
    /// Sets the marks: low, high.
    pub fn set_marks(&mut self, (low, high): (usize, usize)) {
        (self.low, self.high) = (low, high);
    }

    /// Records whether `pause_writing` was called and `resume_writing` was not.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// The marks: low, high.
    pub fn marks(&self) -> (usize, usize) {
        (self.low, self.high)
    }

    /// Whether `pause_writing` was called and `resume_writing` was not.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// How often `resume_writing` was called.
    pub fn resumed(&self) -> u32 {
        self.resumed
    }

    fn pauses(&mut self, buffered: usize) -> bool {
        buffered > self.high && !std::mem::replace(&mut self.paused, true)
    }

    fn resumes(&mut self, buffered: usize) -> bool {
        let resumes = buffered <= self.low && std::mem::replace(&mut self.paused, false);
        self.resumed = self.resumed.wrapping_add(u32::from(resumes));
        resumes
    }
}

/// Water marks that the caller gave: the objects, and the same in whole bytes, rounded
/// down. Each pair is low, high.
pub struct GivenMarks<'py> {
    pub objects: (Bound<'py, PyAny>, Bound<'py, PyAny>),
    pub bytes: (usize, usize),
}

impl<'py> GivenMarks<'py> {
    /// See [`complete_marks`].
    ///
    /// # Errors
    ///
    /// `ValueError` unless high >= low >= 0.
    pub fn of(
        py: Python<'py>,
        high: Option<Bound<'py, PyAny>>,
        low: Option<Bound<'py, PyAny>>,
        default: usize,
    ) -> PyResult<Self> {
        let (low, high) = complete_marks(py, high, low, default)?;
        let bytes = (bytes_of(&low)?, bytes_of(&high)?);
        Ok(Self { objects: (low, high), bytes })
    }
}

/// Low and high, with asyncio's defaults for those that are None. Any object that
/// can be compared, multiplied and divided is accepted.
///
/// # Errors
///
/// `ValueError` unless high >= low >= 0.
pub fn complete_marks<'py>(
    py: Python<'py>,
    high: Option<Bound<'py, PyAny>>,
    low: Option<Bound<'py, PyAny>>,
    default: usize,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let high = match (high, &low) {
        (Some(high), _) => high,
        (None, Some(low)) => 4_i32.into_pyobject(py)?.mul(low)?,
        (None, None) => Made(default).into_pyobject(py)?.into_any(),
    };
    let low = match low {
        Some(low) => low,
        None => high.floor_div(4)?,
    };
    if !(high.ge(&low)? && low.ge(0)?) {
        return Err(PyValueError::new_err(format!(
            "high ({}) must be >= low ({}) must be >= 0",
            high.repr()?,
            low.repr()?
        )));
    }
    Ok((low, high))
}

/// `mark` in whole bytes, rounded down; at most `usize::MAX`.
pub fn bytes_of(mark: &Bound<'_, PyAny>) -> PyResult<usize> {
    if let Ok(bytes) = mark.extract::<usize>() {
        return Ok(bytes);
    }
    if mark.gt(usize::MAX)? {
        return Ok(usize::MAX);
    }
    let floor =
        mark.py().import(crate::intern!(mark.py(), "math"))?.getattr(crate::name!("floor"))?;
    let whole = floor.call1((mark,))?;
    // No number of bytes is at or below a negative mark.
    if whole.lt(0)? { Ok(0) } else { whole.extract() }
}

/// Calls `pause_writing` if the queue has grown above the high mark. It is
/// called from inside `write`, and so in the context of the caller of `write`.
#[inline]
pub fn maybe_pause_protocol<T: Transport>(transport: &T, slf: &Bound<'_, T>) -> PyResult<()> {
    let py = slf.py();
    let buffered = transport.buffered(py);
    transport.link().note_unsent(py, transport.fd(), buffered);
    if !transport.link().flow.update(py, |flow| flow.pauses(buffered)) {
        return Ok(());
    }
    let Some(protocol) = transport.protocol(py) else {
        return Ok(());
    };
    let result = protocol.call_method0(crate::intern!(py, "pause_writing")).map(drop);
    report(transport, slf, "pause_writing", result)
}

/// Calls `resume_writing` if the queue has shrunk to the low mark. It is called
/// by the loop, and so in the transport's context.
pub fn maybe_resume_protocol<T: Transport>(transport: &T, slf: &Bound<'_, T>) -> PyResult<()> {
    let py = slf.py();
    let buffered = transport.buffered(py);
    transport.link().note_unsent(py, transport.fd(), buffered);
    if !transport.link().flow.update(py, |flow| flow.resumes(buffered)) {
        return Ok(());
    }
    let result = transport.call_protocol(py, |protocol| {
        protocol.call_method0(crate::intern!(py, "resume_writing")).map(drop)
    });
    report(transport, slf, "resume_writing", result)
}

/// Reports what the protocol raised. `SystemExit` and `KeyboardInterrupt` are
/// returned.
fn report<T: Transport>(
    transport: &T,
    slf: &Bound<'_, T>,
    method: &str,
    result: PyResult<()>,
) -> PyResult<()> {
    let py = slf.py();
    let Err(error) = result.settled(py) else {
        return Ok(());
    };
    let Some(core) = transport.core(py).filter(|_| !ends_the_loop(py, &error)) else {
        return Err(error);
    };
    report_with(transport, &core, slf, &format!("protocol.{method}() failed"), error)
}

/// The Python methods for flow control of a transport that writes.
macro_rules! flow_control_methods {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            /// Sets the water marks, in bytes. `ValueError` unless
            /// high >= low >= 0.
            #[pyo3(signature = (high=None, low=None))]
            fn set_write_buffer_limits<'py>(
                slf: &Bound<'py, Self>,
                high: Option<Bound<'py, PyAny>>,
                low: Option<Bound<'py, PyAny>>,
            ) -> PyResult<()> {
                use crate::net::transports::flow_control::{
                    DEFAULT_HIGH_WATER, GivenMarks, maybe_pause_protocol,
                };
                let marks = GivenMarks::of(slf.py(), high, low, DEFAULT_HIGH_WATER)?;
                slf.get().link().set_marks(slf.py(), marks);
                maybe_pause_protocol(slf.get(), slf)
            }

            /// Like `set_write_buffer_limits`, but does not pause the protocol.
            #[pyo3(signature = (high=None, low=None))]
            fn _set_write_buffer_limits<'py>(
                &self,
                py: Python<'py>,
                high: Option<Bound<'py, PyAny>>,
                low: Option<Bound<'py, PyAny>>,
            ) -> PyResult<()> {
                use crate::net::transports::flow_control::{DEFAULT_HIGH_WATER, GivenMarks};
                self.link().set_marks(py, GivenMarks::of(py, high, low, DEFAULT_HIGH_WATER)?);
                Ok(())
            }

            fn _maybe_pause_protocol(slf: &Bound<'_, Self>) -> PyResult<()> {
                crate::net::transports::flow_control::maybe_pause_protocol(slf.get(), slf)
            }

            fn _maybe_resume_protocol(slf: &Bound<'_, Self>) -> PyResult<()> {
                crate::net::transports::flow_control::maybe_resume_protocol(slf.get(), slf)
            }

            /// The water marks, in bytes: low, high.
            fn get_write_buffer_limits(&self, py: Python<'_>) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
                self.link().marks(py)
            }

            #[getter]
            fn get__high_water(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
                Ok(self.link().marks(py)?.1)
            }

            #[setter]
            fn set__high_water(&self, high: Bound<'_, PyAny>) -> PyResult<()> {
                let py = high.py();
                let (low, _) = self.link().marks(py)?;
                self.link().set_marks_apart(low.into_bound(py), high)
            }

            #[getter]
            fn get__low_water(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
                Ok(self.link().marks(py)?.0)
            }

            #[setter]
            fn set__low_water(&self, low: Bound<'_, PyAny>) -> PyResult<()> {
                let py = low.py();
                let (_, high) = self.link().marks(py)?;
                self.link().set_marks_apart(low, high.into_bound(py))
            }

            #[getter]
            fn get__protocol_paused(&self, py: Python<'_>) -> bool {
                self.link().flow.get(py).is_paused()
            }

            #[setter]
            fn set__protocol_paused(&self, paused: Bound<'_, PyAny>) -> PyResult<()> {
                let is_paused = paused.is_truthy()?;
                self.link().flow.update(paused.py(), |flow| flow.set_paused(is_paused));
                Ok(())
            }

            /// How many bytes wait to be written.
            fn get_write_buffer_size(&self, py: Python<'_>) -> $crate::ffi::allocate::Made<usize> {
                $crate::ffi::allocate::Made(self.buffered(py))
            }
        }
    };
}
pub(super) use flow_control_methods;
