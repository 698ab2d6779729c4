//! A transport's link to its loop and its protocol.

use std::os::fd::RawFd;

use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use pyo3::{PyClass, PyTraverseError};

use super::addresses::address_of;
use super::flow_control::{FlowControl, GivenMarks, bytes_of};
use crate::core::dispatch::TransportEvent;
use crate::core::dispatch::{Ready, report_callback};
use crate::core::event_loop::LoopCore;
use crate::core::futures::Future;
use crate::ffi::gil_cell::GilCell;
use crate::ffi::{allocate, context};
use crate::recorder::{self, Maker, ObjectMark};
use crate::{stdlib, watchdog};

/// The part of a transport's state that every kind has.
pub struct Link {
    /// None once the connection is lost.
    core: GilCell<Option<Py<LoopCore>>>,
    /// None once the connection is lost.
    protocol: GilCell<Option<Py<PyAny>>>,
    /// The context in which the protocol's methods are called.
    context: GilCell<Option<Py<PyAny>>>,
    /// The future that is done after `connection_made`.
    waiter: GilCell<Option<Py<Future>>>,
    /// The argument of `connection_lost`.
    reason: GilCell<Option<Py<PyAny>>>,
    pub flow: GilCell<FlowControl>,
    /// Its record, if it was recorded.
    mark: ObjectMark,
    /// The line that has made it, as the lints have it, if they looked. A tuple of text and numbers.
    made: Option<Py<PyAny>>,
    /// The same as the recorder has it, if anybody wanted to know.
    place: u32,
    /// That of the server which has accepted it.
    maker: Maker,
    /// The water marks as the caller gave them: low, high. None if they are the
    /// defaults.
    given_marks: GilCell<Option<(Py<PyAny>, Py<PyAny>)>>,
}

impl Link {
    /// Links `protocol` to the loop. Its methods are called in a copy of the
    /// current context.
    pub fn new(
        core: &Bound<'_, LoopCore>,
        protocol: Bound<'_, PyAny>,
        waiter: Option<Py<Future>>,
    ) -> PyResult<Self> {
        Ok(Self {
            core: GilCell::new(Some(core.clone().unbind())),
            protocol: GilCell::new(Some(protocol.unbind())),
            context: GilCell::new(Some(context::copy_current(core.py())?)),
            waiter: GilCell::new(waiter),
            reason: GilCell::new(None),
            flow: GilCell::new(FlowControl::default()),
            mark: ObjectMark::default(),
            made: watchdog::line_that_makes(core.py())?,
            place: if recorder::wants_places() { recorder::caller(core.py()) } else { 0 },
            maker: Maker::current(),
            given_marks: GilCell::new(None),
        })
    }

    /// The transport, which has this descriptor, has received or sent so many bytes. While nothing is recorded, two
    /// instructions.
    #[inline(always)]
    pub fn note_bytes(&self, py: Python<'_>, fd: RawFd, received: usize, sent: usize) {
        if recorder::is_on()
            && let Some(core) = self.core.clone_ref(py)
        {
            let record = (self.mark(), || address_of(fd));
            core.into_bound(py).get().record_bytes(py, record, received, sent);
        }
    }

    /// So many bytes wait to be sent now. As `note_bytes`.
    #[inline(always)]
    pub fn note_unsent(&self, py: Python<'_>, fd: RawFd, bytes: usize) {
        if recorder::is_on()
            && let Some(core) = self.core.clone_ref(py)
        {
            let record = (self.mark(), || address_of(fd));
            core.into_bound(py).get().record_unsent(py, record, bytes);
        }
    }

    /// Its record, if it was recorded, and where it was made, if that is known.
    pub fn mark(&self) -> (&ObjectMark, u32) {
        (&self.mark, self.place)
    }

    /// On whose behalf the loop has made it.
    pub fn maker(&self) -> Maker {
        self.maker
    }

    /// The line that has made it, if the lints looked.
    pub fn made(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.made.as_ref().map(|made| made.clone_ref(py))
    }

    /// Whether the connection is not lost yet.
    pub fn is_joined(&self, py: Python<'_>) -> bool {
        self.core.is_some(py)
    }

    /// The argument of `connection_lost`.
    pub fn reason(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.reason.clone_ref(py)
    }

    /// Sets the argument of `connection_lost`.
    pub fn set_reason(&self, py: Python<'_>, reason: Option<Py<PyAny>>) {
        drop(self.reason.replace(py, reason));
    }

    /// The future of the task that waits for `connection_made`, the first time.
    pub fn take_waiter(&self, py: Python<'_>) -> Option<Py<Future>> {
        self.waiter.take(py)
    }

    /// Replaces the protocol.
    pub fn replace_protocol(&self, py: Python<'_>, protocol: Option<Py<PyAny>>) {
        drop(self.protocol.replace(py, protocol));
    }

    /// Replaces the context, unless the connection is lost.
    pub fn replace_context(&self, py: Python<'_>, context: Py<PyAny>) {
        if self.is_joined(py) {
            drop(self.context.replace(py, Some(context)));
        }
    }

    /// The water marks, as the caller gave them: low, high.
    pub fn marks(&self, py: Python<'_>) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
        if let Some(given) = self.given_marks.clone_ref(py) {
            return Ok(given);
        }
        let (low, high) = self.flow.get(py).marks();
        let object = |mark: usize| allocate::int(py, mark as i64).map(|it| it.into_any().unbind());
        Ok((object(low)?, object(high)?))
    }

    /// Sets the water marks.
    pub fn set_marks(&self, py: Python<'_>, marks: GivenMarks<'_>) {
        let (low, high) = marks.objects;
        self.flow.update(py, |flow| flow.set_marks(marks.bytes));
        drop(self.given_marks.replace(py, Some((low.unbind(), high.unbind()))));
    }

    /// Sets the water marks without checking that low is at most high.
    pub fn set_marks_apart(&self, low: Bound<'_, PyAny>, high: Bound<'_, PyAny>) -> PyResult<()> {
        let py = low.py();
        let bytes = (bytes_of(&low)?, bytes_of(&high)?);
        self.set_marks(py, GivenMarks { objects: (low, high), bytes });
        Ok(())
    }

    /// Takes everything out. The caller drops what is returned.
    #[must_use]
    pub fn take(&self, py: Python<'_>) -> impl Sized + use<> {
        (
            self.core.take(py),
            self.protocol.take(py),
            self.context.take(py),
            self.waiter.take(py),
            self.reason.take(py),
        )
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.core.traverse(|it| visit.call(it))?;
        self.protocol.traverse(|it| visit.call(it))?;
        self.context.traverse(|it| visit.call(it))?;
        self.waiter.traverse(|it| visit.call(it))?;
        self.reason.traverse(|it| visit.call(it))?;
        self.given_marks.traverse(|marks| match marks {
            Some((low, high)) => {
                visit.call(low)?;
                visit.call(high)
            }
            None => Ok(()),
        })
    }
}

/// What each kind of transport implements, and what follows from it. `slf` is
/// always the object of `self`.
pub trait Transport: PyClass {
    /// The message of a failure that has no other.
    const FATAL_ERROR: &'static str = "Fatal error on transport";

    /// The common part of the state.
    fn link(&self) -> &Link;

    /// The descriptor's number. When it is closed, another one may have the number.
    fn fd(&self) -> RawFd;

    /// How many bytes wait to be written.
    fn buffered(&self, _py: Python<'_>) -> usize {
        0
    }

    /// Called before `protocol` replaces the current one.
    fn prepare_for(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Ok(())
    }

    /// The ready queue's item for `event`.
    fn item(transport: Py<Self>, event: TransportEvent) -> Ready;

    /// Whether `error`, which ends the connection, comes from the peer or the
    /// system. Any other error is a bug and is reported.
    fn is_expected(&self, error: &Bound<'_, PyAny>) -> bool {
        error.is_instance_of::<pyo3::exceptions::PyOSError>()
    }

    /// The loop, while the connection is not lost.
    #[inline]
    fn core<'py>(&self, py: Python<'py>) -> Option<Bound<'py, LoopCore>> {
        self.link().core.clone_ref(py).map(|core| core.into_bound(py))
    }

    /// The protocol, while the connection is not lost.
    #[inline]
    fn protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.link().protocol.clone_ref(py).map(|protocol| protocol.into_bound(py))
    }

    /// Calls a method of the protocol in the transport's context. The default
    /// if the connection is lost.
    #[inline]
    fn call_protocol<R: Default>(
        &self,
        py: Python<'_>,
        call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<R>,
    ) -> PyResult<R> {
        let protocol = self.protocol(py);
        let context = self.link().context.clone_ref(py).map(|context| context.into_bound(py));
        match (protocol, context) {
            (Some(protocol), Some(context)) => context::run_in(&context, || call(&protocol)),
            _ => Ok(R::default()),
        }
    }

    /// Calls a method of the protocol. What it raises is reported, as if the
    /// loop had called the method.
    fn notify<'py>(
        &self,
        core: &Bound<'py, LoopCore>,
        method: &Bound<'py, PyString>,
        argument: Bound<'py, PyAny>,
    ) -> PyResult<()> {
        let py = core.py();
        let arguments = allocate::tuple(py, [argument])?;
        let result =
            self.call_protocol(py, |protocol| protocol.call_method1(method, &arguments).map(drop));
        self.report_raised(core, method, arguments, result)
    }

    /// Reports what a method of the protocol raised.
    fn report_raised<'py>(
        &self,
        core: &Bound<'py, LoopCore>,
        method: &Bound<'py, PyString>,
        arguments: Bound<'py, PyTuple>,
        result: PyResult<()>,
    ) -> PyResult<()> {
        let py = core.py();
        let Err(error) = result else {
            return Ok(());
        };
        // A protocol without the method is reported as such.
        let callback = match self.protocol(py) {
            Some(protocol) => protocol.getattr(method).unwrap_or(protocol).unbind(),
            None => py.None(),
        };
        report_callback(core, callback, arguments, context::copy_current(py)?, error)
    }

    /// Schedules `event` for the next iteration, unless the connection is lost.
    #[inline]
    fn schedule(&self, slf: &Bound<'_, Self>, event: TransportEvent) {
        let py = slf.py();
        if let Some(core) = self.core(py) {
            core.get().schedule(py, Self::item(slf.clone().unbind(), event));
        }
    }

    /// In debug mode, logs `message`, in which `%r` is the transport.
    fn log(&self, slf: &Bound<'_, Self>, level: &str, message: &str) -> PyResult<()> {
        let py = slf.py();
        match self.core(py) {
            Some(core) if core.get().debug(py) => {
                stdlib::logger(py)?.call_method1(level, (message, slf)).map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// The Python methods that show a transport's loop and protocol.
macro_rules! link_methods {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            /// The protocol.
            fn get_protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
                self.protocol(py)
            }

            /// Replaces the protocol.
            fn set_protocol(&self, protocol: Bound<'_, PyAny>) -> PyResult<()> {
                let py = protocol.py();
                self.prepare_for(&protocol)?;
                self.link().replace_protocol(py, Some(protocol.unbind()));
                Ok(())
            }

            #[getter]
            fn _loop<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
                self.core(py).map(Bound::into_any)
            }

            #[getter]
            fn get__protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
                self.protocol(py)
            }

            #[setter]
            fn set__protocol(
                &self,
                py: Python<'_>,
                protocol: Option<Bound<'_, PyAny>>,
            ) -> PyResult<()> {
                if let Some(protocol) = &protocol {
                    self.prepare_for(protocol)?;
                }
                self.link().replace_protocol(py, protocol.map(Bound::unbind));
                Ok(())
            }

            /// Ends the connection because of `exc`, which is reported unless it comes
            /// from the peer or the system.
            #[pyo3(signature = (exc, message=None))]
            fn _fatal_error(
                slf: &Bound<'_, Self>,
                exc: Bound<'_, PyAny>,
                message: Option<Bound<'_, PyString>>,
            ) -> PyResult<()> {
                let message = match &message {
                    Some(message) => message.to_str()?,
                    None => <Self as Transport>::FATAL_ERROR,
                };
                crate::net::transports::failures::fatal_error(
                    slf.get(),
                    slf,
                    PyErr::from_value(exc),
                    message,
                )
            }
        }
    };
}
pub(super) use link_methods;

/// `get_extra_info` over a dictionary that is complete from the start, the
/// field `extra`.
macro_rules! extra_methods {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            /// The value under `name`, or `default`.
            #[pyo3(signature = (name, default=None))]
            fn get_extra_info<'py>(
                &self,
                py: Python<'py>,
                name: Bound<'py, PyAny>,
                default: Option<Bound<'py, PyAny>>,
            ) -> PyResult<Option<Bound<'py, PyAny>>> {
                let extra = self.state.extra.clone_ref(py);
                Ok(extra.bind(py).get_item(name)?.or(default))
            }

            #[getter]
            fn get__extra(&self, py: Python<'_>) -> Py<PyDict> {
                self.state.extra.clone_ref(py)
            }

            #[setter]
            fn set__extra(&self, py: Python<'_>, extra: Py<PyDict>) {
                drop(self.state.extra.replace(py, extra));
            }
        }
    };
}
pub(super) use extra_methods;
