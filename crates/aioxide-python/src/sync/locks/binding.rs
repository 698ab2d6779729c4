//! Which loop an object is bound to (`asyncio.mixins`): the one in which a task
//! first had to wait for it. And under which id it is recorded.

use aioxide_engine::recorder::ObjectRecord;
use aioxide_trace::ObjectKind;
use pyo3::PyTraverseError;
use pyo3::exceptions::PyRuntimeError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::core::current_task::{running_loop, running_loop_or_none};
use crate::core::event_loop::LoopCore;
use crate::core::futures::{BoundLoop, Future, LoopRef};
use crate::ffi::attributes::Collected;
use crate::ffi::gil_cell::GilCell;
use crate::recorder::{self, ObjectMark};
use crate::stdlib;

/// The loop, once it is known.
pub struct LoopBinding {
    bound: GilCell<Option<LoopRef>>,
    mark: ObjectMark,
    kind: ObjectKind,
}

impl LoopBinding {
    /// Of an object of this kind.
    pub fn new(kind: ObjectKind) -> Self {
        Self { bound: GilCell::new(None), mark: ObjectMark::default(), kind }
    }

    /// A future of the running loop, to which `owner` is bound from now on.
    ///
    /// # Errors
    ///
    /// `RuntimeError` if no loop runs, or another one than before.
    pub fn future(&self, owner: &Bound<'_, PyAny>) -> PyResult<Py<Future>> {
        let py = owner.py();
        let running = running_loop(py)?;
        let future = match self.bound.clone_ref(py).map(|bound| bound.into_bound(py)) {
            Some(bound) if !bound.as_any().is(&running) => {
                if crate::watchdog::is_started() {
                    stdlib::note_other_loop(owner);
                }
                return Err(PyRuntimeError::new_err(format!(
                    "{} is bound to a different event loop",
                    owner.repr()?
                )));
            }
            Some(BoundLoop::Native(core)) => Future::created_by(&core),
            Some(BoundLoop::Foreign(_)) => Future::for_any_loop(&running),
            None => {
                let event_loop = LoopRef::of(&running);
                drop(self.bound.replace(py, Some(event_loop)));
                Future::for_any_loop(&running)
            }
        }?;
        if recorder::is_on()
            && let Some(record) = self.recorded(py, LoopCore::of(&running), || recorder::caller(py))
        {
            recorder::note_object(future.bind(py), record.id());
        }
        Ok(future)
    }

    /// The object's record, made when it is first needed.
    #[cold]
    fn recorded(
        &self,
        py: Python<'_>,
        core: Option<&Bound<'_, LoopCore>>,
        location: impl FnOnce() -> u32,
    ) -> Option<&'static ObjectRecord> {
        let (record, is_new) = self.mark.get_or_begin(py, self.kind, location)?;
        if let Some(core) = core {
            core.get().record_object(py, record, is_new);
        }
        Some(record)
    }

    /// The object is being made by the code that calls.
    #[inline(always)]
    pub fn note_creation(&self, py: Python<'_>) {
        if recorder::is_on() {
            let running = running_loop_or_none(py).ok();
            let core = running.as_ref().and_then(LoopCore::of);
            self.recorded(py, core, || recorder::caller(py));
        }
    }

    /// The running task has acquired the object, or (false) it was released. While nothing is
    /// recorded, two instructions. It may be called inside a cell: it runs no Python code, and
    /// makes no object.
    #[inline(always)]
    pub fn note_owner(&self, py: Python<'_>, acquired: bool) {
        if recorder::is_on() {
            self.record_owner(py, acquired);
        }
    }

    #[cold]
    fn record_owner(&self, py: Python<'_>, acquired: bool) {
        if let Some((record, task)) = self.record_and_task(py) {
            if !acquired && let Some(owner) = record.holders().1.next() {
                record.note_release(owner == task);
            }
            record.set_owner(if acquired { task } else { 0 });
            record.set_length(acquired.into());
        }
    }

    /// The object's record, and the id of the running task; 0 if none runs. None if the object
    /// has no record, and outside of a loop of ours gets none.
    pub fn record_and_task(&self, py: Python<'_>) -> Option<(&'static ObjectRecord, u64)> {
        let running = running_loop_or_none(py).ok();
        match running.as_ref().and_then(LoopCore::of) {
            Some(core) => {
                let record = self.recorded(py, Some(core), || 0)?;
                Some((record, core.get().recorded_task(py)))
            }
            None => Some((self.mark.get(py)?, 0)),
        }
    }

    /// The object's record, if it has one.
    pub fn record(&self, py: Python<'_>) -> Option<&'static ObjectRecord> {
        self.mark.get(py)
    }

    /// The object has so many items or free permits now. As `note_owner`.
    #[inline(always)]
    pub fn note_length(&self, py: Python<'_>, length: impl FnOnce() -> Option<u64>) {
        if recorder::is_on()
            && let (Some(record), Some(length)) = (self.mark.get(py), length())
        {
            record.set_length(length);
        }
    }

    /// The recorder's number of the line at which the object was made; 0 if that is not known.
    pub fn recorded_location(&self, py: Python<'_>) -> u32 {
        self.mark.get(py).map_or(0, ObjectRecord::location)
    }

    /// The loop, for Python.
    pub fn shown(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.bound.clone_of(py, |bound| bound.as_ref().map(LoopRef::as_any))
    }

    /// Puts another loop in its place, for Python.
    pub fn set(&self, py: Python<'_>, event_loop: Option<Bound<'_, PyAny>>) {
        let event_loop = event_loop.map(|it| LoopRef::of(&it));
        drop(self.bound.replace(py, event_loop));
    }
}

impl Collected for LoopBinding {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.bound.traverse(|bound| match bound {
            Some(bound) => visit.call(bound.as_any()),
            None => Ok(()),
        })
    }

    fn clear(&self, py: Python<'_>) {
        drop(self.bound.take(py));
    }
}
