//! Who awaits a future, for call graphs (`asyncio.capture_call_graph`), from 3.14
//! on.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyFrozenSet, PySet};

use super::Future;
use crate::interpreter::ThreadState;
use crate::standard;
use crate::with_cell::BareCell;

/// The tasks and futures that await a future.
///
/// CPython's tools read it from other processes, so the fields lie where its own
/// futures have them (`crate::interpreter`).
#[repr(C)]
#[derive(Default)]
pub struct AwaitedBy {
    /// The one that awaits, which is nearly always all, or a set of them.
    waiters: Option<Py<PyAny>>,
    /// CPython's state of the future. Only its own code looks there, and in a debug
    /// build only: 0 is what it wants to see of a task that is in its list.
    _state: u32,
    is_task: bool,
    /// Whether `waiters` is a set.
    is_set: bool,
}

impl AwaitedBy {
    /// Of a future that is, or is not, a task; nobody awaits it.
    pub fn nobody(is_task: bool) -> Self {
        Self { is_task, ..Self::default() }
    }

    /// Where the fields are that others read: `waiters`, `is_task`, `is_set`.
    pub const OFFSETS: (usize, usize, usize) = (
        std::mem::offset_of!(Self, waiters),
        std::mem::offset_of!(Self, is_task),
        std::mem::offset_of!(Self, is_set),
    );

    /// Forgets everybody and hands out what to drop.
    #[inline]
    pub fn take(&mut self) -> Option<Py<PyAny>> {
        self.is_set = false;
        self.waiters.take()
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.waiters)
    }
}

/// What a future has on record.
enum Recorded {
    Nobody,
    One(Py<PyAny>),
    Set(Py<PyAny>),
}

impl BareCell<AwaitedBy> {
    fn recorded(&self, py: Python<'_>) -> Recorded {
        self.with(py, |record| match &record.waiters {
            None => Recorded::Nobody,
            Some(set) if record.is_set => Recorded::Set(set.clone_ref(py)),
            Some(one) => Recorded::One(one.clone_ref(py)),
        })
    }

    /// Records that `waiter` awaits the future.
    #[inline]
    pub fn add(&self, waiter: &Bound<'_, PyAny>) -> PyResult<()> {
        let alone = self.with(waiter.py(), |record| {
            let alone = record.waiters.is_none();
            if alone {
                record.waiters = Some(waiter.clone().unbind());
            }
            alone
        });
        if alone { Ok(()) } else { self.add_another(waiter) }
    }

    #[cold]
    fn add_another(&self, waiter: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = waiter.py();
        let set = match self.recorded(py) {
            Recorded::Set(set) => return set.into_bound(py).cast_into::<PySet>()?.add(waiter),
            Recorded::Nobody => PySet::new(py, [waiter])?,
            Recorded::One(other) => PySet::new(py, [other.bind(py), waiter])?,
        };
        drop(self.with(py, |record| {
            record.is_set = true;
            record.waiters.replace(set.into_any().unbind())
        }));
        Ok(())
    }

    /// Records that `waiter` awaits the future no longer.
    #[inline]
    pub fn discard(&self, waiter: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = waiter.py();
        enum Found {
            It(Option<Py<PyAny>>),
            Another,
            Set,
        }
        let found = self.with(py, |record| match &record.waiters {
            Some(one) if one.is(waiter) => Found::It(record.waiters.take()),
            Some(_) if record.is_set => Found::Set,
            _ => Found::Another,
        });
        match found {
            Found::It(one) => {
                if let Some(one) = one {
                    one.drop_ref(py);
                }
            }
            Found::Another => {}
            Found::Set => {
                if let Recorded::Set(set) = self.recorded(py) {
                    set.into_bound(py).cast_into::<PySet>()?.discard(waiter)?;
                }
            }
        }
        Ok(())
    }

    /// `_asyncio_awaited_by`: a frozen set, or None.
    pub fn all<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyFrozenSet>>> {
        match self.recorded(py) {
            Recorded::Nobody => Ok(None),
            Recorded::One(one) => PyFrozenSet::new(py, [one]).map(Some),
            Recorded::Set(set) => {
                PyFrozenSet::new(py, set.bind(py).cast::<PySet>()?.iter()).map(Some)
            }
        }
    }
}

/// The record of `object`, if it is a future or a task, ours or of the standard
/// library's native kind. The latter keep it where ours do, or it is not touched.
#[inline]
pub fn record_of<'a>(object: &'a Bound<'_, PyAny>) -> PyResult<Option<&'a BareCell<AwaitedBy>>> {
    if let Ok(future) = object.cast::<Future>() {
        return Ok(Some(&future.get().awaited_by));
    }
    if !ThreadState::is_known() || !is_standard(object)? {
        return Ok(None);
    }
    // SAFETY: where the thread's state is known, our layout is the one of CPython's
    // futures, and the GIL guards it.
    unsafe { Ok(Some(&*object.as_ptr().byte_add(Future::RECORD_OFFSET).cast())) }
}

/// Whether it is a native future or task of the standard library. By its real type:
/// `__class__` could claim anything.
fn is_standard(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    object.get_type().is_subclass(standard::native_future_type(object.py())?)
}

/// Record that `waiter` awaits `fut`.
#[pyfunction]
#[pyo3(signature = (fut, waiter, /))]
pub fn future_add_to_awaited_by(fut: Bound<'_, PyAny>, waiter: Bound<'_, PyAny>) -> PyResult<()> {
    match record_of(&fut)? {
        Some(record) if can_wait(&waiter)? => record.add(&waiter),
        Some(_) => Ok(()),
        None => standard::add_to_awaited_by(fut.py())?.call1((&fut, waiter)).map(drop),
    }
}

/// Record that `waiter` awaits `fut` no longer.
#[pyfunction]
#[pyo3(signature = (fut, waiter, /))]
pub fn future_discard_from_awaited_by(
    fut: Bound<'_, PyAny>,
    waiter: Bound<'_, PyAny>,
) -> PyResult<()> {
    match record_of(&fut)? {
        Some(record) if can_wait(&waiter)? => record.discard(&waiter),
        Some(_) => Ok(()),
        None => standard::discard_from_awaited_by(fut.py())?.call1((&fut, waiter)).map(drop),
    }
}

fn can_wait(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    Ok(object.cast::<Future>().is_ok() || is_standard(object)?)
}
