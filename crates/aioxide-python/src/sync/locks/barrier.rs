//! `Barrier`.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::attributes::repr;
use super::condition::Condition;
use super::lock::AcquireLock;
use crate::core::coroutines::{Coroutine, Input, Routine, Step};
use crate::ffi::allocate;
use crate::ffi::allocate::Made;
use crate::ffi::attributes::{collected_fields, uninitialized};
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::stdlib;

/// A point at which tasks wait for each other: when `parties` of them have arrived,
/// all continue.
///
/// https://docs.python.org/3/library/asyncio-sync.html#asyncio.Barrier
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.locks")]
pub struct Barrier {
    state: Contents<State>,
}

struct State {
    /// Guards the other fields, and notifies the waiters of changes. None until `__init__`.
    condition: GilCell<Option<Py<Condition>>>,
    /// How many tasks it waits for, as it was given.
    parties: GilCell<Option<Py<PyAny>>>,
    phase: GilCell<Phase>,
    /// How many tasks have arrived and not left.
    count: GilCell<i64>,
}

/// The state of a barrier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Tasks arrive and wait.
    Filling,
    /// All have arrived, and leave one by one.
    Draining,
    /// Each waiter gets an exception; then the barrier fills again.
    Resetting,
    /// Each task that waits or arrives gets an exception.
    Broken,
}

impl Phase {
    /// What asyncio calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Filling => "filling",
            Self::Draining => "draining",
            Self::Resetting => "resetting",
            Self::Broken => "broken",
        }
    }
}

impl Barrier {
    fn new() -> Self {
        Self {
            state: Contents::new(State {
                condition: GilCell::new(None),
                parties: GilCell::new(None),
                phase: GilCell::new(Phase::Filling),
                count: GilCell::new(0),
            }),
        }
    }

    /// The state.
    pub(super) fn phase(&self, py: Python<'_>) -> Phase {
        self.state.phase.get(py)
    }

    /// The condition; asyncio's error for a barrier whose `__init__` never ran.
    pub(super) fn condition<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Condition>> {
        let condition = slf.get().state.condition.clone_ref(slf.py());
        let condition = condition.ok_or_else(|| uninitialized(slf.as_any(), "_cond"))?;
        Ok(condition.into_bound(slf.py()))
    }

    /// Acquires the barrier's lock.
    pub(super) fn locking(slf: &Bound<'_, Self>) -> PyResult<AcquireLock> {
        let lock = Self::condition(slf)?.get().native_lock(slf.py());
        let lock = lock.ok_or_else(|| uninitialized(slf.as_any(), "_cond"))?;
        Ok(AcquireLock { lock, key: None, entering: true })
    }

    /// Releases the barrier's lock.
    pub(super) fn unlock(slf: &Bound<'_, Self>) -> PyResult<()> {
        Condition::give_back(&Self::condition(slf)?)
    }

    /// A task has arrived. Returns its number, from 0, and whether it is the last.
    pub(super) fn arrive(slf: &Bound<'_, Self>) -> PyResult<(i64, bool)> {
        let py = slf.py();
        let state = &slf.get().state;
        let index = state.count.replace(py, state.count.get(py) + 1);
        let parties = Self::parties(slf)?.into_bound(py);
        let arrived = allocate::int(py, index + 1)?;
        Ok((index, arrived.as_any().eq(&parties)?))
    }

    /// All tasks have arrived: wakes them.
    pub(super) fn drain(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().state.phase.set(slf.py(), Phase::Draining);
        Condition::wake_all(&Self::condition(slf)?)
    }

    /// A task has left. The last one lets the tasks in that wait to arrive.
    pub(super) fn depart(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let state = &slf.get().state;
        let left = state.count.update(py, |count| {
            *count -= 1;
            *count
        });
        if left != 0 {
            return Ok(());
        }
        if matches!(state.phase.get(py), Phase::Resetting | Phase::Draining) {
            state.phase.set(py, Phase::Filling);
        }
        Condition::wake_all(&Self::condition(slf)?)
    }
}

/// `Barrier.reset` and `Barrier.abort`.
pub struct ChangeBarrier {
    barrier: Py<Barrier>,
    /// Acquiring the lock, once that has begun.
    locking: Option<AcquireLock>,
    aborts: bool,
}

impl ChangeBarrier {
    fn change(&self, py: Python<'_>) -> PyResult<()> {
        let barrier = self.barrier.bind(py);
        let state = &barrier.get().state;
        let phase = match (self.aborts, state.count.get(py)) {
            (true, _) => Phase::Broken,
            (false, 0) => Phase::Filling,
            (false, _) => Phase::Resetting,
        };
        state.phase.set(py, phase);
        let notified = Condition::wake_all(&Barrier::condition(barrier)?);
        Barrier::unlock(barrier)?;
        notified
    }
}

impl Routine for ChangeBarrier {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let locking = match &mut self.locking {
            Some(locking) => locking,
            None => self.locking.insert(Barrier::locking(self.barrier.bind(py))?),
        };
        match locking.resume(py, input)? {
            Step::Return(_) => {
                self.change(py)?;
                Ok(Step::Return(py.None()))
            }
            step => Ok(step),
        }
    }

    fn qualname(&self) -> &'static str {
        if self.aborts { "Barrier.abort" } else { "Barrier.reset" }
    }

    fn release(self, py: Python<'_>) {
        if let Some(locking) = self.locking {
            locking.release(py);
        }
        self.barrier.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(locking) = &self.locking {
            locking.traverse(visit)?;
        }
        visit.call(&self.barrier)
    }
}

collected_fields!(Barrier { condition, parties });

#[pymethods]
impl Barrier {
    // A subclass may have other arguments, which its `__init__` takes.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(parties)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self::new()
    }

    fn __init__(&self, py: Python<'_>, parties: Bound<'_, PyAny>) -> PyResult<()> {
        if parties.lt(1)? {
            return Err(PyValueError::new_err(stdlib::barrier_needs(py)?.clone().unbind()));
        }
        let condition = Condition::create(py)?;
        let state = &self.state;
        state.phase.set(py, Phase::Filling);
        state.count.set(py, 0);
        drop(state.condition.replace(py, Some(condition)));
        drop(state.parties.replace(py, Some(parties.unbind())));
        Ok(())
    }

    /// Resets the barrier. Each waiter gets a `BrokenBarrierError`.
    fn reset(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, ChangeBarrier { barrier: slf, locking: None, aborts: false })
    }

    /// Breaks the barrier: tasks that wait or arrive get a `BrokenBarrierError`.
    fn abort(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, ChangeBarrier { barrier: slf, locking: None, aborts: true })
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<Made<String>> {
        let py = slf.py();
        let phase = slf.get().phase(py);
        let mut what = phase.name().to_owned();
        if phase != Phase::Broken {
            let waiting = slf.get().n_waiting(py).0;
            let parties = slf.getattr(crate::intern!(py, "parties"))?;
            what = format!("{what}, waiters:{waiting}/{}", parties.str()?);
        }
        repr(slf.as_any(), &what, 0).map(Made)
    }

    /// How many tasks it waits for.
    #[getter]
    fn parties(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let parties = slf.get().state.parties.clone_ref(py);
        parties.ok_or_else(|| uninitialized(slf.as_any(), "_parties"))
    }

    /// How many tasks wait for the others to arrive.
    #[getter]
    fn n_waiting(&self, py: Python<'_>) -> Made<i64> {
        Made(if self.phase(py) == Phase::Filling { self.state.count.get(py) } else { 0 })
    }

    /// Whether it is broken.
    #[getter]
    fn broken(&self, py: Python<'_>) -> bool {
        self.phase(py) == Phase::Broken
    }

    #[getter]
    fn _cond<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Condition>> {
        Self::condition(slf)
    }

    #[getter]
    fn _parties(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        Self::parties(slf)
    }

    #[getter]
    fn _count(&self, py: Python<'_>) -> Made<i64> {
        Made(self.state.count.get(py))
    }

    #[getter]
    fn _state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        stdlib::barrier_state(py)?.call1((self.phase(py).name(),))
    }
}
