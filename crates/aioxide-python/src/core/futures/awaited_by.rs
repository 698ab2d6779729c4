//! What awaits a future, for call graphs (`asyncio.capture_call_graph`), from 3.14
//! on.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyFrozenSet, PySet};

use super::Future;
use crate::ffi::debug_offsets::ThreadState;
use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};
use crate::stdlib;

/// The tasks and futures that await a future.
///
/// CPython's tools read it from other processes, so the fields have the offsets that
/// they have in CPython's futures (`crate::ffi::debug_offsets`).
#[repr(C)]
#[derive(Default)]
pub struct AwaitedBy {
    /// The one waiter, which is nearly always the only one, or a set of waiters.
    waiters: Option<Py<PyAny>>,
    /// CPython's state of the future. Only CPython's own code reads it, and only in a
    /// debug build, which expects 0 for a task in its list.
    _state: u32,
    is_task: bool,
    /// Whether `waiters` is a set.
    is_set: bool,
}

impl AwaitedBy {
    /// For a future that nothing awaits; `is_task` if it is a task.
    pub fn none(is_task: bool) -> Self {
        Self { is_task, ..Self::default() }
    }

    /// The offsets of the fields that CPython's tools read: `waiters`, `is_task`, `is_set`.
    pub const OFFSETS: (usize, usize, usize) = (
        std::mem::offset_of!(Self, waiters),
        std::mem::offset_of!(Self, is_task),
        std::mem::offset_of!(Self, is_set),
    );

    /// Removes all waiters and returns the object to drop.
    #[inline]
    fn take_waiters(&mut self) -> Option<Py<PyAny>> {
        self.is_set = false;
        self.waiters.take()
    }

    fn recorded(&mut self, py: Python<'_>) -> Recorded {
        match &self.waiters {
            None => Recorded::Nothing,
            Some(set) if self.is_set => Recorded::Set(set.clone_ref(py)),
            Some(one) => Recorded::One(one.clone_ref(py)),
        }
    }

    /// Records the first waiter; returns it if there is one already.
    #[inline]
    fn add_alone(&mut self, waiter: Py<PyAny>) -> Option<Py<PyAny>> {
        if self.waiters.is_some() {
            return Some(waiter);
        }
        std::mem::forget(self.waiters.replace(waiter));
        None
    }

    /// Replaces the only waiter by a set; returns the object that is not needed any more.
    fn become_set(&mut self, only: &Py<PyAny>, set: Py<PyAny>) -> Result<Py<PyAny>, Py<PyAny>> {
        match &mut self.waiters {
            Some(one) if !self.is_set && one.is(only) => {
                self.is_set = true;
                Ok(std::mem::replace(one, set))
            }
            _ => Err(set),
        }
    }

    /// Removes the only waiter if it is this one.
    #[inline]
    fn take_alone(&mut self, waiter: &Bound<'_, PyAny>) -> Option<Py<PyAny>> {
        match &self.waiters {
            Some(one) if !self.is_set && one.is(waiter) => self.waiters.take(),
            _ => None,
        }
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.waiters)
    }
}

/// The recorded waiters of a future.
pub enum Recorded {
    /// None.
    Nothing,
    /// One object.
    One(Py<PyAny>),
    /// The members of a set.
    Set(Py<PyAny>),
}

// SAFETY (of the methods): references are moved in and out and counted up; nothing is
// overwritten but what was taken out before.
unsafe_cell_methods!(AwaitedBy {
    /// See [`AwaitedBy::take_waiters`].
    fn take_waiters(&mut self) -> Option<Py<PyAny>>;
    /// See [`AwaitedBy::add_alone`].
    fn add_alone(&mut self, waiter: Py<PyAny>) -> Option<Py<PyAny>>;
    /// See [`AwaitedBy::become_set`].
    fn become_set(&mut self, only: &Py<PyAny>, set: Py<PyAny>) -> Result<Py<PyAny>, Py<PyAny>>;
    /// See [`AwaitedBy::take_alone`].
    fn take_alone(&mut self, waiter: &Bound<'_, PyAny>) -> Option<Py<PyAny>>;
} with py {
    /// See [`AwaitedBy::recorded`].
    fn recorded(&mut self) -> Recorded;
});

impl GilCell<AwaitedBy> {
    /// Records that `waiter` awaits the future.
    #[inline]
    pub fn add(&self, waiter: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.add_alone(waiter.py(), waiter.clone().unbind()) {
            None => Ok(()),
            Some(waiter_again) => {
                waiter_again.drop_ref(waiter.py());
                self.add_another(waiter)
            }
        }
    }

    #[cold]
    fn add_another(&self, waiter: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = waiter.py();
        // Making the set may run Python code, which may change the record.
        loop {
            match self.recorded(py) {
                Recorded::Set(set) => return set.into_bound(py).cast_into::<PySet>()?.add(waiter),
                Recorded::Nothing => {
                    if self.add_alone(py, waiter.clone().unbind()).is_none() {
                        return Ok(());
                    }
                }
                Recorded::One(other) => {
                    let set = PySet::new(py, [other.bind(py), waiter])?.into_any().unbind();
                    match self.become_set(py, &other, set) {
                        Ok(before) => {
                            drop(before);
                            return Ok(());
                        }
                        Err(unused) => drop(unused),
                    }
                }
            }
        }
    }

    /// Records that `waiter` does not await the future any more.
    #[inline]
    pub fn discard(&self, waiter: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = waiter.py();
        if let Some(one) = self.take_alone(py, waiter) {
            one.drop_ref(py);
            return Ok(());
        }
        if self.read(py, |record| record.is_set)
            && let Recorded::Set(set) = self.recorded(py)
        {
            set.into_bound(py).cast_into::<PySet>()?.discard(waiter)?;
        }
        Ok(())
    }

    /// `_asyncio_awaited_by`: a frozen set, or None.
    pub fn all<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyFrozenSet>>> {
        match self.recorded(py) {
            Recorded::Nothing => Ok(None),
            Recorded::One(one) => PyFrozenSet::new(py, [one]).map(Some),
            Recorded::Set(set) => {
                let members = set.bind(py).try_iter()?.collect::<PyResult<Vec<_>>>()?;
                PyFrozenSet::new(py, members).map(Some)
            }
        }
    }
}

/// The record of `object`, if it is a native future or task, ours or the standard
/// library's. If the standard library's have it at another offset, they are not touched.
#[inline]
pub fn record_of<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a GilCell<AwaitedBy>>> {
    if let Ok(future) = object.cast::<Future>() {
        return Ok(Some(&future.get().awaited_by));
    }
    if !ThreadState::is_known() || !is_stdlib_future(object)? {
        return Ok(None);
    }
    // SAFETY: where the thread's state is known, our layout is the one of CPython's
    // futures, and the GIL guards it.
    unsafe { Ok(Some(&*object.as_ptr().byte_add(Future::RECORD_OFFSET).cast())) }
}

/// Whether it is a native future or task of the standard library. Checks the real type,
/// because `__class__` may be overridden.
fn is_stdlib_future(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    object.get_type().is_subclass(stdlib::native_future_type(object.py())?)
}

/// Record that `waiter` awaits `fut`.
#[pyfunction]
#[pyo3(signature = (fut, waiter, /))]
pub fn future_add_to_awaited_by(fut: Bound<'_, PyAny>, waiter: Bound<'_, PyAny>) -> PyResult<()> {
    match record_of(&fut)? {
        Some(record) if can_wait(&waiter)? => record.add(&waiter),
        Some(_) => Ok(()),
        None => stdlib::add_to_awaited_by(fut.py())?.call1((&fut, waiter)).map(drop),
    }
}

/// Record that `waiter` does not await `fut` any more.
#[pyfunction]
#[pyo3(signature = (fut, waiter, /))]
pub fn future_discard_from_awaited_by(
    fut: Bound<'_, PyAny>,
    waiter: Bound<'_, PyAny>,
) -> PyResult<()> {
    match record_of(&fut)? {
        Some(record) if can_wait(&waiter)? => record.discard(&waiter),
        Some(_) => Ok(()),
        None => stdlib::discard_from_awaited_by(fut.py())?.call1((&fut, waiter)).map(drop),
    }
}

fn can_wait(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(object.cast::<Future>().is_ok() || is_stdlib_future(object)?)
}
