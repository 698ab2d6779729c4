//! A server's listening sockets.

use std::os::fd::RawFd;

use aioxide_engine::recorder::ObjectRecord;
use aioxide_trace::ObjectKind;
use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::pace::Pace;
use crate::core::event_loop::file_descriptor;
use crate::ffi::file_descriptor::hands_on_no_delay;
use crate::ffi::gil_cell::unsafe_cell_methods;
use crate::recorder::ObjectMark;
use crate::stdlib;

/// A listening socket.
pub struct Listener {
    pub socket: Py<PyAny>,
    pub facts: Facts,
    pace: Pace,
    /// Its record, if it was recorded.
    mark: ObjectMark,
}

/// What is known about a listening socket besides the object.
#[derive(Clone, Copy)]
pub struct Facts {
    pub fd: RawFd,
    pub watched: bool,
    /// It is a plain `socket.socket`, so `accept` may be called without the
    /// object.
    pub plain: bool,
    /// Accepted connections inherit TCP_NODELAY, so it need not be set.
    pub hands_on_no_delay: bool,
}

impl Listener {
    /// The caller's socket, before `listen()`.
    pub fn new(socket: Bound<'_, PyAny>) -> PyResult<Self> {
        let py = socket.py();
        let fd = file_descriptor(&socket.call_method0(crate::intern!(py, "fileno"))?)?;
        let plain = socket.get_type().is(stdlib::socket_type(py)?);
        let facts = Facts { fd, watched: false, plain, hands_on_no_delay: hands_on_no_delay(fd) };
        Ok(Self {
            socket: socket.unbind(),
            facts,
            pace: Pace::default(),
            mark: ObjectMark::default(),
        })
    }
}

/// All of them, by index; none once accepting has stopped.
#[derive(Default)]
pub struct Listeners(Vec<Listener>);

impl Listeners {
    pub fn new(listeners: Vec<Listener>) -> Self {
        Self(listeners)
    }

    pub fn into_vec(self) -> Vec<Listener> {
        self.0
    }

    /// What is known about one.
    pub fn facts(&self, index: u32) -> Option<Facts> {
        Some(self.0.get(index as usize)?.facts)
    }

    /// Records whether one is watched. Returns what was known before.
    pub fn set_watched(&mut self, index: u32, watched: bool) -> Option<Facts> {
        let facts = &mut self.0.get_mut(index as usize)?.facts;
        Some(std::mem::replace(facts, Facts { watched, ..*facts }))
    }

    /// See [`Pace::after_report`].
    pub fn after_report(&mut self, index: u32, poll: u32, backlog: i32) -> i32 {
        let listener = self.0.get_mut(index as usize);
        listener.map_or(0, |listener| listener.pace.after_report(poll, backlog))
    }

    /// See [`Pace::accept_would_block`].
    pub fn accept_would_block(&mut self, index: u32) {
        if let Some(listener) = self.0.get_mut(index as usize) {
            listener.pace.accept_would_block();
        }
    }

    /// The object of one.
    pub fn socket(&self, py: Python<'_>, index: u32) -> Option<Py<PyAny>> {
        self.0.get(index as usize).map(|listener| listener.socket.clone_ref(py))
    }

    /// The record of one, which was made at this location, and whether the record was made now.
    pub fn record(
        &self,
        py: Python<'_>,
        index: u32,
        location: u32,
    ) -> Option<(&'static ObjectRecord, bool)> {
        self.0.get(index as usize)?.mark.get_or_begin(py, ObjectKind::Server, || location)
    }

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.0.iter().try_for_each(|listener| visit.call(&listener.socket))
    }
}

// SAFETY (of the methods): references are counted up only; the rest are plain values, and records,
// which are no Python objects.
unsafe_cell_methods!(Listeners {
    /// See [`Listeners::facts`].
    fn facts(&mut self, index: u32) -> Option<Facts>;
    /// See [`Listeners::set_watched`].
    fn set_watched(&mut self, index: u32, watched: bool) -> Option<Facts>;
    /// See [`Pace::after_report`].
    fn after_report(&mut self, index: u32, poll: u32, backlog: i32) -> i32;
    /// See [`Pace::accept_would_block`].
    fn accept_would_block(&mut self, index: u32);
} with py {
    /// See [`Listeners::socket`].
    fn socket(&mut self, index: u32) -> Option<Py<PyAny>>;
    /// See [`Listeners::record`].
    fn record(&mut self, index: u32, location: u32) -> Option<(&'static ObjectRecord, bool)>;
});
