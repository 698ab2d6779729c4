//! `Condition.wait` and `Condition.wait_for`.

use pyo3::PyTraverseError;
use pyo3::exceptions::{PyBaseException, PyRuntimeError};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::condition::Condition;
use super::lock::AcquireLock;
use super::waiters::Key;
use crate::core::coroutines::{Coroutine, Input, Routine, Step, awaiting};
use crate::ffi::errors::Settled;
use crate::stdlib;

/// `Condition.wait`.
pub struct WaitForNotice {
    condition: Py<Condition>,
    stage: Stage,
    /// What is raised when the lock is held again.
    raised: Option<Py<PyBaseException>>,
}

enum Stage {
    Beginning,
    /// In the condition's list, under this key.
    Listed(Key),
    /// The lock is being acquired without calling Python.
    Reacquiring(AcquireLock),
    /// `acquire()` is being awaited.
    ReacquiringByMethod,
    Over,
}

impl WaitForNotice {
    pub fn new(condition: Py<Condition>) -> Self {
        Self { condition, stage: Stage::Beginning, raised: None }
    }

    /// Prepares for the next wait, after the last one has ended.
    pub(super) fn again(&mut self) {
        self.stage = Stage::Beginning;
    }

    fn begin(&mut self, py: Python<'_>) -> PyResult<Step> {
        let condition = self.condition.bind(py).clone();
        if !Condition::is_locked(&condition)? {
            return Err(PyRuntimeError::new_err(crate::name!("cannot wait on un-acquired lock")));
        }
        let this = condition.get();
        // Since 3.13 the lock is not released if the running loop is another one than before.
        let early = if cfg!(Py_3_13) { Some(Condition::future(&condition)?) } else { None };
        Condition::give_back(&condition)?;
        let future = match early {
            Some(future) => future,
            None => match Condition::future(&condition).settled(py) {
                Ok(future) => future,
                Err(error) => {
                    self.raised = Some(error.into_value(py));
                    return self.reacquire(py);
                }
            },
        };
        self.stage = Stage::Listed(this.join(py, future.clone_ref(py)));
        Ok(Step::Wait(future))
    }

    /// Acquires the lock, whatever cancels the wait meanwhile.
    fn reacquire(&mut self, py: Python<'_>) -> PyResult<Step> {
        loop {
            let attempt = match self.condition.get().native_lock(py) {
                Some(lock) => {
                    let mut acquiring = AcquireLock { lock, key: None, entering: false };
                    let step = acquiring.resume(py, Input::Start);
                    self.stage = Stage::Reacquiring(acquiring);
                    step
                }
                None => {
                    self.stage = Stage::ReacquiringByMethod;
                    let acquire = crate::intern!(py, "acquire");
                    let acquiring = self.condition.bind(py).call_method0(acquire);
                    acquiring.and_then(|it| awaiting(&it))
                }
            };
            match attempt {
                Ok(Step::Return(_)) => return self.finish(py),
                Ok(step) => return Ok(step),
                Err(error) => self.refuse(py, error)?,
            }
        }
    }

    /// The lock was not acquired. A cancellation is remembered and raised when it is; any
    /// other error is returned.
    fn refuse(&mut self, py: Python<'_>, error: PyErr) -> PyResult<()> {
        let before = self.raised.take();
        let error = error.settled(py);
        if !error.is_instance(py, stdlib::cancelled_error(py)?) {
            self.stage = Stage::Over;
            return Err(self.passed_on(py, after(py, error, before)));
        }
        let latest = if cfg!(Py_3_13) {
            error
        } else {
            PyErr::from_value(stdlib::cancelled_error(py)?.call0()?)
        };
        self.raised = Some(after(py, latest, before).into_value(py));
        Ok(())
    }

    /// The lock is held again.
    fn finish(&mut self, py: Python<'_>) -> PyResult<Step> {
        self.stage = Stage::Over;
        match self.raised.take() {
            None => Ok(Step::Return(PyBool::new(py, true).to_owned().into_any().unbind())),
            Some(raised) => {
                let error = PyErr::from_value(raised.into_bound(py).into_any());
                Err(self.passed_on(py, error))
            }
        }
    }

    /// Since 3.13, a wait that fails wakes another waiter, since it may have been notified
    /// itself. Returns the error to raise.
    fn passed_on(&self, py: Python<'_>, error: PyErr) -> PyErr {
        if cfg!(Py_3_13)
            && let Err(failure) = self.condition.get().wake_next(py).settled(py)
        {
            failure.set_context(py, Some(error));
            return failure;
        }
        error
    }
}

/// `error`, whose context is the error that was to be raised `before`.
fn after(py: Python<'_>, error: PyErr, before: Option<Py<PyBaseException>>) -> PyErr {
    if before.is_some() && error.context(py).is_none() {
        let before = before.map(|before| PyErr::from_value(before.into_bound(py).into_any()));
        error.set_context(py, before);
    }
    error
}

impl Routine for WaitForNotice {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Beginning => self.begin(py),
            Stage::Listed(key) => {
                let mut error = match input {
                    Input::Error(error) => Some(error),
                    _ => None,
                };
                if let Err(failure) = self.condition.get().leave(py, key, error.as_ref()) {
                    error = Some(failure);
                }
                self.raised = error.map(|error| error.into_value(py));
                self.reacquire(py)
            }
            Stage::Reacquiring(mut acquiring) => match acquiring.resume(py, input) {
                Ok(Step::Return(_)) => {
                    acquiring.release(py);
                    self.finish(py)
                }
                Ok(step) => {
                    self.stage = Stage::Reacquiring(acquiring);
                    Ok(step)
                }
                Err(error) => {
                    acquiring.release(py);
                    self.refuse(py, error)?;
                    self.reacquire(py)
                }
            },
            Stage::ReacquiringByMethod => match input {
                Input::Error(error) => {
                    self.refuse(py, error)?;
                    self.reacquire(py)
                }
                _ => self.finish(py),
            },
            Stage::Over => unreachable!("a routine that has ended is not resumed"),
        }
    }

    fn qualname(&self) -> &'static str {
        "Condition.wait"
    }

    fn release(self, py: Python<'_>) {
        if let Stage::Reacquiring(acquiring) = self.stage {
            acquiring.release(py);
        }
        if let Some(raised) = self.raised {
            raised.drop_ref(py);
        }
        self.condition.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Stage::Reacquiring(acquiring) = &self.stage {
            acquiring.traverse(visit)?;
        }
        visit.call(&self.raised)?;
        visit.call(&self.condition)
    }
}

/// `Condition.wait_for`.
pub struct WaitUntil {
    waiting: WaitForNotice,
    predicate: Py<PyAny>,
}

impl WaitUntil {
    pub fn new(condition: Py<Condition>, predicate: Py<PyAny>) -> Self {
        Self { waiting: WaitForNotice::new(condition), predicate }
    }

    /// Calls the predicate, and waits as long as it is false.
    fn ask(&mut self, py: Python<'_>) -> PyResult<Step> {
        loop {
            let answer = self.predicate.bind(py).call0()?;
            if answer.is_truthy()? {
                return Ok(Step::Return(answer.unbind()));
            }
            // No wait of ours is under way from now on.
            self.waiting.again();
            let condition = self.waiting.condition.bind(py);
            if !Condition::is_native(condition) {
                let waiting = condition.call_method0(crate::intern!(py, "wait"))?;
                return awaiting(&waiting);
            }
            match self.waiting.resume(py, Input::Start)? {
                Step::Return(_) => {}
                step => return Ok(step),
            }
        }
    }
}

impl Routine for WaitUntil {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match (&self.waiting.stage, input) {
            (_, Input::Start) => self.ask(py),
            // The `wait()` of a subclass has ended.
            (Stage::Beginning, Input::Error(error)) => Err(error),
            (Stage::Beginning, Input::Value(_)) => self.ask(py),
            (_, input) => match self.waiting.resume(py, input)? {
                Step::Return(_) => self.ask(py),
                step => Ok(step),
            },
        }
    }

    fn qualname(&self) -> &'static str {
        "Condition.wait_for"
    }

    fn release(self, py: Python<'_>) {
        self.predicate.drop_ref(py);
        self.waiting.release(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.predicate)?;
        self.waiting.traverse(visit)
    }
}

#[pymethods]
impl Condition {
    /// Releases the lock, waits for a notification, and acquires the lock again.
    /// True.
    ///
    /// `RuntimeError` if the lock is not held. Cancellation ends the wait when the
    /// lock is acquired again; from Python 3.13 on another waiter is notified then.
    fn wait(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, WaitForNotice::new(slf))
    }

    /// Waits until `predicate()` is true: calls it at first and after each
    /// notification. Returns its result.
    fn wait_for(
        slf: Py<Self>,
        py: Python<'_>,
        predicate: Bound<'_, PyAny>,
    ) -> PyResult<Py<Coroutine>> {
        Coroutine::new(py, WaitUntil::new(slf, predicate.unbind()))
    }
}
