//! `drain` and `wait_closed`: what waits for the transport.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::{StreamProtocolCore, StreamReader, StreamWriter};
use crate::coroutines::{AtOnce, Input, Moment, Routine, Step, awaiting};
use crate::futures::as_native;

/// `FlowControlMixin._drain_helper`.
pub struct WaitForDrain {
    protocol: Py<StreamProtocolCore>,
    key: Option<usize>,
}

impl WaitForDrain {
    pub fn new(protocol: Py<StreamProtocolCore>) -> Self {
        Self { protocol, key: None }
    }
}

impl Routine for WaitForDrain {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let protocol = self.protocol.bind(py);
        if let Some(key) = self.key.take() {
            protocol.get().leave(py, key);
        }
        match input {
            Input::Error(error) => Err(error),
            Input::Value(_) => Ok(Step::Return(py.None())),
            Input::Start if protocol.get().may_write(py)? => Ok(Step::Return(py.None())),
            Input::Start => {
                let (key, future) = StreamProtocolCore::queue_up(protocol)?;
                self.key = Some(key);
                Ok(Step::Wait(future))
            }
        }
    }

    fn qualname(&self) -> &'static str {
        "FlowControlMixin._drain_helper"
    }

    fn release(self, py: Python<'_>) {
        self.protocol.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.protocol)
    }
}

/// `StreamWriter.drain`.
pub struct Drain {
    writer: Py<StreamWriter>,
    stage: DrainStage,
}

enum DrainStage {
    Begun,
    /// A connection that is being closed gets a turn, so that its loss is known.
    Closing,
    /// A place in the line of a protocol of ours.
    Waiting(Py<StreamProtocolCore>, usize),
    /// In another protocol's `_drain_helper`.
    Delegated,
}

impl Drain {
    #[inline]
    pub fn new(writer: Py<StreamWriter>) -> Self {
        Self { writer, stage: DrainStage::Begun }
    }

    /// The protocol's part.
    #[inline]
    fn help(&mut self, py: Python<'_>) -> PyResult<Step> {
        let protocol = StreamWriter::protocol(self.writer.bind(py))?;
        if let Ok(native) = protocol.cast::<StreamProtocolCore>()
            && !native.get().replaced(py).drain_helper
        {
            if native.get().may_write(py)? {
                return Ok(Step::Return(py.None()));
            }
            let (key, future) = StreamProtocolCore::queue_up(native)?;
            self.stage = DrainStage::Waiting(native.clone().unbind(), key);
            return Ok(Step::Wait(future));
        }
        self.stage = DrainStage::Delegated;
        let helping = protocol.call_method0(pyo3::intern!(py, "_drain_helper"))?;
        awaiting(&helping)
    }

    /// Raises what ended the stream, if the reader knows.
    #[inline]
    fn ask_reader(&self, py: Python<'_>) -> PyResult<()> {
        let Some(reader) = self.writer.get().reader(py) else {
            return Ok(());
        };
        if reader.is_exact_instance_of::<StreamReader>() {
            // SAFETY: checked above.
            return unsafe { reader.cast_unchecked::<StreamReader>() }.get().raise_exception(py);
        }
        let exception = reader.call_method0(pyo3::intern!(py, "exception"))?;
        if exception.is_none() { Ok(()) } else { Err(PyErr::from_value(exception)) }
    }
}

impl Routine for Drain {
    #[inline]
    fn at_once(&mut self, py: Python<'_>, moment: Moment) -> Option<AtOnce> {
        let done = moment == Moment::Start && self.writer.get().is_drained(py);
        done.then(|| AtOnce::Return(py.None()))
    }

    #[inline]
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let stage = std::mem::replace(&mut self.stage, DrainStage::Begun);
        if let DrainStage::Waiting(protocol, key) = &stage {
            protocol.get().leave(py, *key);
        }
        if let Input::Error(error) = input {
            return Err(error);
        }
        match stage {
            DrainStage::Begun => {
                self.ask_reader(py)?;
                if StreamWriter::transport_closes(self.writer.bind(py))? {
                    self.stage = DrainStage::Closing;
                    return Ok(Step::Yield);
                }
                self.help(py)
            }
            DrainStage::Closing => self.help(py),
            DrainStage::Waiting(..) | DrainStage::Delegated => Ok(Step::Return(py.None())),
        }
    }

    fn qualname(&self) -> &'static str {
        "StreamWriter.drain"
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.writer.drop_ref(py);
        if let DrainStage::Waiting(protocol, _) = self.stage {
            protocol.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let DrainStage::Waiting(protocol, _) = &self.stage {
            visit.call(protocol)?;
        }
        visit.call(&self.writer)
    }
}

/// `StreamWriter.wait_closed`.
pub struct WaitClosed {
    pub writer: Py<StreamWriter>,
}

impl Routine for WaitClosed {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match input {
            Input::Error(error) => Err(error),
            Input::Value(_) => Ok(Step::Return(py.None())),
            Input::Start => {
                let writer = self.writer.bind(py);
                let protocol = StreamWriter::protocol(writer)?;
                let waiter = match protocol.cast::<StreamProtocolCore>() {
                    Ok(native) if !native.get().replaced(py).get_close_waiter => {
                        StreamProtocolCore::closed(native)?
                    }
                    _ => protocol.call_method1("_get_close_waiter", (writer,))?,
                };
                match as_native(&waiter) {
                    Some(future) => Ok(Step::Wait(future.clone().unbind())),
                    None => awaiting(&waiter),
                }
            }
        }
    }

    fn qualname(&self) -> &'static str {
        "StreamWriter.wait_closed"
    }

    fn release(self, py: Python<'_>) {
        self.writer.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.writer)
    }
}
