//! `Barrier`.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::condition::Condition;
use super::lock::AcquireLock;
use super::waiting_at_barrier::{EnterBarrier, LeaveBarrier, WaitAtBarrier};
use crate::coroutines::{Coroutine, Input, Routine, Step};
use crate::standard;
use crate::with_cell::WithCell;

/// A place where tasks wait for each other: when `parties` of them are there,
/// all go on.
///
/// https://docs.python.org/3/library/asyncio-sync.html#asyncio.Barrier
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.locks")]
pub struct Barrier {
    state: WithCell<State>,
}

struct State {
    /// Guards the rest and tells who waits of changes. None until `__init__`.
    condition: Option<Py<Condition>>,
    /// How many tasks it takes, as it was given.
    parties: Option<Py<PyAny>>,
    phase: Phase,
    /// How many tasks are at the barrier.
    count: i64,
}

/// What goes on at a barrier.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Tasks come and wait.
    Filling,
    /// All are there and go on, one by one.
    Draining,
    /// Who is there gets an exception, and then it begins anew.
    Resetting,
    /// Whoever comes gets an exception.
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
        Self { state: WithCell::new(State::default()) }
    }

    /// What goes on.
    pub(super) fn phase(&self, py: Python<'_>) -> Phase {
        self.state.with(py, |state| state.phase)
    }

    /// The condition; asyncio's error for a barrier whose `__init__` never ran.
    pub(super) fn condition<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Condition>> {
        let py = slf.py();
        let condition = slf
            .get()
            .state
            .with(py, |state| state.condition.as_ref().map(|it| it.bind(py).clone()));
        condition.ok_or_else(|| uninitialized(slf, "_cond"))
    }

    /// Takes the barrier's lock.
    pub(super) fn locking(slf: &Bound<'_, Self>) -> PyResult<AcquireLock> {
        let lock = Self::condition(slf)?.get().native_lock(slf.py());
        let lock = lock.ok_or_else(|| uninitialized(slf, "_cond"))?;
        Ok(AcquireLock { lock, key: None, entering: true })
    }

    /// Gives the barrier's lock back.
    pub(super) fn unlock(slf: &Bound<'_, Self>) -> PyResult<()> {
        Condition::give_back(&Self::condition(slf)?)
    }

    /// One more task is at the barrier: its number from 0, and whether it is
    /// the last.
    pub(super) fn arrive(slf: &Bound<'_, Self>) -> PyResult<(i64, bool)> {
        let py = slf.py();
        let (index, parties) = slf.get().state.with(py, |state| {
            state.count += 1;
            (state.count - 1, state.parties.as_ref().map(|it| it.bind(py).clone()))
        });
        let parties = parties.ok_or_else(|| uninitialized(slf, "_parties"))?;
        Ok((index, parties.eq(index + 1)?))
    }

    /// All are there: lets them go.
    pub(super) fn drain(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().state.with(slf.py(), |state| state.phase = Phase::Draining);
        Condition::wake_all(&Self::condition(slf)?)
    }

    /// One task has left; the last one makes way for those who wait to come.
    pub(super) fn depart(slf: &Bound<'_, Self>) -> PyResult<()> {
        let last = slf.get().state.with(slf.py(), |state| {
            state.count -= 1;
            if state.count == 0 && matches!(state.phase, Phase::Resetting | Phase::Draining) {
                state.phase = Phase::Filling;
            }
            state.count == 0
        });
        if last { Condition::wake_all(&Self::condition(slf)?) } else { Ok(()) }
    }
}

/// What reading an attribute says that `__init__` would have set.
fn uninitialized(barrier: &Bound<'_, Barrier>, attribute: &str) -> PyErr {
    match barrier.get_type().name() {
        Ok(name) => pyo3::exceptions::PyAttributeError::new_err(format!(
            "'{name}' object has no attribute '{attribute}'"
        )),
        Err(error) => error,
    }
}

impl Default for State {
    fn default() -> Self {
        Self { condition: None, parties: None, phase: Phase::Filling, count: 0 }
    }
}

/// `Barrier.reset` and `Barrier.abort`.
pub struct ChangeBarrier {
    barrier: Py<Barrier>,
    /// Taking the lock, once that has begun.
    locking: Option<AcquireLock>,
    aborts: bool,
}

impl ChangeBarrier {
    fn change(&self, py: Python<'_>) -> PyResult<()> {
        let barrier = self.barrier.bind(py);
        barrier.get().state.with(py, |state| {
            state.phase = match (self.aborts, state.count) {
                (true, _) => Phase::Broken,
                (false, 0) => Phase::Filling,
                (false, _) => Phase::Resetting,
            }
        });
        let told = Condition::wake_all(&Barrier::condition(barrier)?);
        Barrier::unlock(barrier)?;
        told
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

#[pymethods]
impl Barrier {
    // A subclass may take what it likes; its `__init__` says what.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(parties)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self::new()
    }

    fn __init__(&self, py: Python<'_>, parties: Bound<'_, PyAny>) -> PyResult<()> {
        if parties.lt(1)? {
            return Err(PyValueError::new_err(if cfg!(Py_3_14) {
                "parties must be >= 1"
            } else {
                "parties must be > 0"
            }));
        }
        let state = State {
            condition: Some(Condition::create(py)?),
            parties: Some(parties.unbind()),
            ..State::default()
        };
        drop(self.state.with(py, |old| std::mem::replace(old, state)));
        Ok(())
    }

    /// Waits until enough tasks have come; the number of this one, from 0 in
    /// the order of coming.
    ///
    /// `BrokenBarrierError` if the barrier is broken, or reset meanwhile.
    /// Cancellation ends the wait; the others go on waiting for one more.
    fn wait(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, WaitAtBarrier::new(slf))
    }

    /// Begins anew. Who waits gets a `BrokenBarrierError`.
    fn reset(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, ChangeBarrier { barrier: slf, locking: None, aborts: false })
    }

    /// Breaks the barrier: who waits and who comes gets a `BrokenBarrierError`.
    fn abort(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, ChangeBarrier { barrier: slf, locking: None, aborts: true })
    }

    fn __aenter__(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        if slf.bind(py).is_exact_instance_of::<Self>() {
            Coroutine::new(py, WaitAtBarrier::new(slf))
        } else {
            Coroutine::new(py, EnterBarrier { barrier: slf })
        }
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__(
        &self,
        py: Python<'_>,
        _exception: &Bound<'_, PyTuple>,
    ) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, LeaveBarrier)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let phase = slf.get().phase(py);
        let mut what = phase.name().to_owned();
        if phase != Phase::Broken {
            let waiting = slf.get().n_waiting(py);
            let parties = slf.getattr(pyo3::intern!(py, "parties"))?;
            what = format!("{what}, waiters:{waiting}/{}", parties.str()?);
        }
        super::describe(slf.as_any(), &what, 0)
    }

    /// How many tasks it takes.
    #[getter]
    fn parties(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let parties =
            slf.get().state.with(py, |state| state.parties.as_ref().map(|it| it.clone_ref(py)));
        parties.ok_or_else(|| uninitialized(slf, "_parties"))
    }

    /// How many tasks wait for others to come.
    #[getter]
    fn n_waiting(&self, py: Python<'_>) -> i64 {
        self.state.with(py, |state| if state.phase == Phase::Filling { state.count } else { 0 })
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
    fn _count(&self, py: Python<'_>) -> i64 {
        self.state.with(py, |state| state.count)
    }

    #[getter]
    fn _state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        standard::barrier_state(py)?.call1((self.phase(py).name(),))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            visit.call(&state.condition)?;
            visit.call(&state.parties)
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.state.with(py, std::mem::take));
    }
}
