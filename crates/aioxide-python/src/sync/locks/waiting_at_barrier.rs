//! `Barrier.wait`, and `async with barrier`.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::barrier::{Barrier, Phase};
use super::lock::AcquireLock;
use super::waiting_for_notice::WaitForNotice;
use crate::core::coroutines::{Coroutine, Input, Routine, Step, awaiting};
use crate::ffi::allocate;
use crate::ffi::errors::Settled;
use crate::stdlib;

/// `Barrier.wait`.
pub struct WaitAtBarrier {
    barrier: Py<Barrier>,
    stage: Stage,
}

/// The progress of the wait. Boxed, since every program has the size of the
/// largest one.
enum Stage {
    Beginning,
    /// The lock is being acquired.
    Locking(Box<AcquireLock>),
    /// The tasks of the last round have to leave first.
    Blocked(Box<WaitForNotice>),
    /// This task has arrived, with this number, and waits for the others.
    Present(i64, Box<WaitForNotice>),
    Over,
}

impl WaitAtBarrier {
    pub fn new(barrier: Py<Barrier>) -> Self {
        Self { barrier, stage: Stage::Beginning }
    }

    /// Waits for notifications while `stays` is true of the barrier. None when
    /// there is nothing to wait for, or no longer.
    fn wait_while(
        &self,
        py: Python<'_>,
        waiting: &mut WaitForNotice,
        stays: impl Fn(Phase) -> bool,
        mut input: Option<Input<'_>>,
    ) -> PyResult<Option<Step>> {
        loop {
            if let Some(input) = input.take() {
                match waiting.resume(py, input)? {
                    Step::Return(_) => {}
                    step => return Ok(Some(step)),
                }
            }
            if !stays(self.barrier.get().phase(py)) {
                return Ok(None);
            }
            waiting.again();
            input = Some(Input::Start);
        }
    }

    /// With the lock held: waits until the tasks of the last round have left.
    fn enter(
        &mut self,
        py: Python<'_>,
        mut waiting: Box<WaitForNotice>,
        input: Option<Input<'_>>,
    ) -> PyResult<Step> {
        let leaving = |phase| matches!(phase, Phase::Draining | Phase::Resetting);
        if let Some(step) = self.wait_while(py, &mut waiting, leaving, input)? {
            self.stage = Stage::Blocked(waiting);
            return Ok(step);
        }
        if self.barrier.get().phase(py) == Phase::Broken {
            return Err(broken(py, "Barrier aborted")?);
        }
        let (index, last) = match Barrier::arrive(self.barrier.bind(py)) {
            Ok((index, true)) => match Barrier::drain(self.barrier.bind(py)) {
                Ok(()) => (index, true),
                Err(error) => return Err(self.depart_with(py, error)),
            },
            Ok(arrived) => arrived,
            Err(error) => return Err(self.depart_with(py, error)),
        };
        if last { self.depart(py, index) } else { self.stay(py, index, waiting, None) }
    }

    /// With the lock held: waits until the others have arrived.
    fn stay(
        &mut self,
        py: Python<'_>,
        index: i64,
        mut waiting: Box<WaitForNotice>,
        input: Option<Input<'_>>,
    ) -> PyResult<Step> {
        let filling = |phase| phase == Phase::Filling;
        match self.wait_while(py, &mut waiting, filling, input) {
            Ok(Some(step)) => {
                self.stage = Stage::Present(index, waiting);
                Ok(step)
            }
            Ok(None) => match self.barrier.get().phase(py) {
                Phase::Broken | Phase::Resetting => {
                    let error = broken(py, "Abort or reset of barrier")?;
                    Err(self.depart_with(py, error))
                }
                _ => self.depart(py, index),
            },
            Err(error) => Err(self.depart_with(py, error)),
        }
    }

    fn depart(&self, py: Python<'_>, index: i64) -> PyResult<Step> {
        Barrier::depart(self.barrier.bind(py))?;
        Ok(Step::Return(allocate::int(py, index)?.into_any().unbind()))
    }

    /// Leaves because of `error`.
    fn depart_with(&self, py: Python<'_>, error: PyErr) -> PyErr {
        match Barrier::depart(self.barrier.bind(py)).settled(py) {
            Ok(()) => error,
            Err(failure) => {
                failure.set_context(py, Some(error));
                failure
            }
        }
    }

    /// Releases the lock at the end, whatever the outcome.
    fn unlocked_at_end(&self, py: Python<'_>, outcome: PyResult<Step>) -> PyResult<Step> {
        let ends = !matches!(outcome, Ok(Step::Wait(_) | Step::Delegate(_) | Step::Yield));
        if ends && let Err(failure) = Barrier::unlock(self.barrier.bind(py)).settled(py) {
            if let Err(error) = outcome {
                failure.set_context(py, Some(error));
            }
            return Err(failure);
        }
        outcome
    }
}

fn broken(py: Python<'_>, why: &'static str) -> PyResult<PyErr> {
    Ok(PyErr::from_value(stdlib::broken_barrier_error(py)?.call1((why,))?))
}

impl Routine for WaitAtBarrier {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let outcome = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Blocked(waiting) => self.enter(py, waiting, Some(input)),
            Stage::Present(index, waiting) => self.stay(py, index, waiting, Some(input)),
            stage => {
                let barrier = self.barrier.bind(py);
                let mut locking = match stage {
                    Stage::Locking(locking) => locking,
                    _ => Box::new(Barrier::locking(barrier)?),
                };
                match locking.resume(py, input)? {
                    Step::Return(_) => {
                        let condition = Barrier::condition(barrier)?.unbind();
                        self.enter(py, Box::new(WaitForNotice::new(condition)), None)
                    }
                    step => {
                        self.stage = Stage::Locking(locking);
                        return Ok(step);
                    }
                }
            }
        };
        self.unlocked_at_end(py, outcome)
    }

    fn qualname(&self) -> &'static str {
        "Barrier.wait"
    }

    fn release(self, py: Python<'_>) {
        match self.stage {
            Stage::Locking(locking) => locking.release(py),
            Stage::Blocked(waiting) | Stage::Present(_, waiting) => waiting.release(py),
            Stage::Beginning | Stage::Over => {}
        }
        self.barrier.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.stage {
            Stage::Locking(locking) => locking.traverse(visit)?,
            Stage::Blocked(waiting) | Stage::Present(_, waiting) => waiting.traverse(visit)?,
            Stage::Beginning | Stage::Over => {}
        }
        visit.call(&self.barrier)
    }
}

/// Entering a barrier by the `wait()` of a subclass.
pub struct EnterBarrier {
    pub barrier: Py<Barrier>,
}

impl Routine for EnterBarrier {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match input {
            Input::Start => {
                let waiting = self.barrier.bind(py).call_method0(crate::intern!(py, "wait"))?;
                awaiting(&waiting)
            }
            Input::Value(index) => Ok(Step::Return(index.unbind())),
            Input::Error(error) => Err(error),
        }
    }

    fn qualname(&self) -> &'static str {
        "Barrier.__aenter__"
    }

    fn release(self, py: Python<'_>) {
        self.barrier.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.barrier)
    }
}

/// Leaving `async with barrier`, which is nothing.
pub struct LeaveBarrier;

impl Routine for LeaveBarrier {
    fn resume(&mut self, py: Python<'_>, _input: Input<'_>) -> PyResult<Step> {
        Ok(Step::Return(py.None()))
    }

    fn qualname(&self) -> &'static str {
        "Barrier.__aexit__"
    }

    fn release(self, _py: Python<'_>) {}

    fn traverse(&self, _visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        Ok(())
    }
}

#[pymethods]
impl Barrier {
    /// Waits until enough tasks have arrived. Returns the number of this one, from
    /// 0 in the order of arrival.
    ///
    /// `BrokenBarrierError` if the barrier is broken, or reset meanwhile.
    /// Cancellation ends the wait; the others wait for one more task.
    fn wait(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, WaitAtBarrier::new(slf))
    }

    fn __aenter__(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        if super::is_plain(slf.bind(py)) {
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
}
