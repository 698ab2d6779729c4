//! `drain` and `wait_closed`: waiting for the transport.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyConnectionResetError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::{StreamProtocolCore, StreamReader, StreamWriter};
use crate::core::coroutines::{Completed, Input, ResumePoint, Routine, Step, awaiting};
use crate::core::dispatch::as_native;
use crate::core::futures::{BoundLoop, Future, FutureState, LoopRef};
use crate::ffi::unadorned::unadorned;
use crate::sync::locks::Key;

/// A task's place in the queue of those that wait to write.
pub struct Place {
    pub key: Key,
    /// The future that the task waits for.
    pub future: Py<Future>,
}

impl StreamProtocolCore {
    /// Whether data may be written now. False: after a wait.
    pub(super) fn may_write(&self, py: Python<'_>) -> PyResult<bool> {
        let flags = self.state.flags.get(py);
        if flags.connection_lost {
            return Err(PyConnectionResetError::new_err(crate::name!("Connection lost")));
        }
        Ok(!flags.paused)
    }

    /// Whether data may be written now, and `_drain_helper`, which would
    /// decide, is not overridden.
    #[inline]
    pub(super) fn takes_data(&self, py: Python<'_>) -> bool {
        let flags = self.state.flags.get(py);
        !flags.connection_lost && !flags.paused && !self.state.replaced.drain_helper
    }

    /// Joins the queue of tasks that wait to write.
    pub(super) fn queue_up(slf: &Bound<'_, Self>) -> PyResult<Place> {
        let py = slf.py();
        let future = match Self::event_loop(slf)? {
            BoundLoop::Native(core) => Future::created_by(&core)?,
            BoundLoop::Foreign(event_loop) => {
                Py::new(py, Future::new(FutureState::pending(LoopRef::of(&event_loop))))?
            }
        };
        let key = slf.get().state.drain_waiters.push(py, future.clone_ref(py));
        Ok(Place { key, future })
    }

    /// Leaves that queue.
    pub(super) fn leave(&self, py: Python<'_>, place: Place) {
        if let Some(future) = self.state.drain_waiters.remove(py, place.key) {
            future.drop_ref(py);
        }
        place.future.drop_ref(py);
    }

    /// Wakes all tasks that wait to write, in order. Each leaves the queue
    /// itself.
    pub(super) fn wake(&self, py: Python<'_>, error: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        for future in self.state.drain_waiters.all(py) {
            let future = future.bind(py);
            if future.get().is_done(py) {
                continue;
            }
            match error {
                None => Future::finish(future, py.None())?,
                Some(error) => Future::fail(future, error.clone())?,
            }
        }
        Ok(())
    }
}

/// `FlowControlMixin._drain_helper`.
pub struct WaitForDrain {
    protocol: Py<StreamProtocolCore>,
    place: Option<Place>,
}

impl WaitForDrain {
    pub fn new(protocol: Py<StreamProtocolCore>) -> Self {
        Self { protocol, place: None }
    }
}

impl Routine for WaitForDrain {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let protocol = self.protocol.bind(py);
        if let Some(place) = self.place.take() {
            protocol.get().leave(py, place);
        }
        match input {
            Input::Error(error) => Err(error),
            Input::Value(_) => Ok(Step::Return(py.None())),
            Input::Start if protocol.get().may_write(py)? => Ok(Step::Return(py.None())),
            Input::Start => {
                let place = StreamProtocolCore::queue_up(protocol)?;
                let future = place.future.clone_ref(py);
                self.place = Some(place);
                Ok(Step::Wait(future))
            }
        }
    }

    fn qualname(&self) -> &'static str {
        "FlowControlMixin._drain_helper"
    }

    fn release(self, py: Python<'_>) {
        self.protocol.drop_ref(py);
        if let Some(place) = self.place {
            place.future.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(place) = &self.place {
            visit.call(&place.future)?;
        }
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
    /// The connection is being closed: one iteration passes, so that `connection_lost`
    /// is called.
    Closing,
    /// In the queue of a native protocol.
    Waiting(Py<StreamProtocolCore>, Place),
    /// In another protocol's `_drain_helper`, or after the wait.
    Delegated,
}

impl Drain {
    #[inline]
    pub fn new(writer: Py<StreamWriter>) -> Self {
        Self { writer, stage: DrainStage::Begun }
    }

    /// Waits until the protocol is not paused: asyncio's `_drain_helper`.
    #[inline]
    fn help(&mut self, py: Python<'_>) -> PyResult<Step> {
        let protocol = StreamWriter::protocol(self.writer.bind(py))?;
        if let Ok(native) = protocol.cast::<StreamProtocolCore>()
            && !native.get().replaced().drain_helper
        {
            if native.get().may_write(py)? {
                return Ok(Step::Return(py.None()));
            }
            let place = StreamProtocolCore::queue_up(native)?;
            let future = place.future.clone_ref(py);
            self.stage = DrainStage::Waiting(native.clone().unbind(), place);
            return Ok(Step::Wait(future));
        }
        self.stage = DrainStage::Delegated;
        let helping = protocol.call_method0(crate::intern!(py, "_drain_helper"))?;
        awaiting(&helping)
    }

    /// Raises the reader's exception, if there is one.
    #[inline]
    fn ask_reader(&self, py: Python<'_>) -> PyResult<()> {
        let Some(reader) = self.writer.get().reader(py) else {
            return Ok(());
        };
        if let Some(reader) = unadorned::<StreamReader>(&reader) {
            return reader.get().raise_exception(py);
        }
        let exception = reader.call_method0(crate::intern!(py, "exception"))?;
        if exception.is_none() { Ok(()) } else { Err(PyErr::from_value(exception)) }
    }
}

impl Routine for Drain {
    #[inline]
    fn try_complete(&mut self, py: Python<'_>, point: ResumePoint) -> Option<Completed> {
        let done = point == ResumePoint::Start && self.writer.get().is_drained(py);
        done.then(|| Completed::Return(py.None()))
    }

    #[inline]
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let stage = match std::mem::replace(&mut self.stage, DrainStage::Begun) {
            DrainStage::Waiting(protocol, place) => {
                protocol.get().leave(py, place);
                DrainStage::Delegated
            }
            stage => stage,
        };
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
        if let DrainStage::Waiting(protocol, place) = self.stage {
            protocol.drop_ref(py);
            place.future.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let DrainStage::Waiting(protocol, place) = &self.stage {
            visit.call(protocol)?;
            visit.call(&place.future)?;
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
                    Ok(native) if !native.get().replaced().get_close_waiter => {
                        StreamProtocolCore::closed(native)?
                    }
                    _ => protocol.call_method1(crate::name!("_get_close_waiter"), (writer,))?,
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
