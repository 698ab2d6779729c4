//! `wait_for` from 3.12 on.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::cancelling::Cancelling;
use super::result_in_time;
use crate::core::coroutines::awaiting;
use crate::core::coroutines::{Input, Routine, Step};
use crate::core::current_task::running_loop;
use crate::ffi::errors::Settled;
use crate::sync::timeouts::{Timeout, When, enter, is_positive, leave};
use crate::sync::waiting::ensuring::ensured;
use crate::sync::waiting::outcomes::{is_done, result_of};

/// The body of `wait_for`.
pub struct WaitFor {
    awaitable: Py<PyAny>,
    /// In seconds; None for no limit.
    timeout: Option<Py<PyAny>>,
    stage: Stage,
}

enum Stage {
    Created,
    /// It waits inside this timeout.
    Inside(Py<Timeout>),
    /// The timeout was zero or below.
    Cancelling(Box<Cancelling>),
}

impl WaitFor {
    /// Waits for `awaitable`, `timeout` seconds at most.
    #[inline]
    pub fn new(awaitable: Py<PyAny>, timeout: Option<Py<PyAny>>) -> Self {
        Self { awaitable, timeout, stage: Stage::Created }
    }

    #[inline]
    fn begin(&mut self, py: Python<'_>) -> PyResult<Step> {
        let timeout = self.timeout.as_ref().map(|timeout| timeout.bind(py));
        if let Some(timeout) = timeout
            && !is_positive(timeout)?
        {
            return self.give_no_time(py);
        }
        let event_loop = running_loop(py)?;
        let when = match timeout {
            Some(timeout) => When::after(&event_loop, timeout)?,
            None => When::Never,
        };
        let timeout = Timeout::create(py, when)?;
        // The clock was just read, so the deadline counts as being in the future.
        enter(timeout.bind(py), &event_loop, true)?;
        self.stage = Stage::Inside(timeout);
        match awaiting(self.awaitable.bind(py)) {
            Ok(step) => Ok(step),
            Err(error) => self.go_on(py, Input::Error(error)),
        }
    }

    /// The time is up before it begins: what has not run must not run.
    #[cold]
    fn give_no_time(&mut self, py: Python<'_>) -> PyResult<Step> {
        let future = ensured(self.awaitable.bind(py), None)?;
        if is_done(&future)? {
            return result_of(&future).map(|value| Step::Return(value.unbind()));
        }
        let (cancelling, step) = Cancelling::begin(&running_loop(py)?, &future)?;
        self.stage = Stage::Cancelling(Box::new(cancelling));
        Ok(step)
    }

    /// The awaitable has ended.
    #[inline]
    fn go_on(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match (std::mem::replace(&mut self.stage, Stage::Created), input) {
            (Stage::Inside(timeout), Input::Error(error)) => {
                let left = leave(timeout.bind(py), Some(error.value(py))).settled(py);
                timeout.drop_ref(py);
                Err(match left {
                    Ok(()) => error,
                    Err(too_late) => {
                        too_late.set_context(py, Some(error));
                        too_late
                    }
                })
            }
            (Stage::Inside(timeout), Input::Value(value)) => {
                leave(timeout.bind(py), None)?;
                timeout.drop_ref(py);
                Ok(Step::Return(value.unbind()))
            }
            (Stage::Cancelling(cancelling), input) => {
                let future = cancelling.end(py)?;
                match input {
                    Input::Error(error) => Err(error),
                    Input::Value(_) | Input::Start => result_in_time(&future),
                }
            }
            (Stage::Created, _) | (Stage::Inside(_), Input::Start) => {
                unreachable!("begin() is called first, and once")
            }
        }
    }
}

impl Routine for WaitFor {
    #[inline]
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match input {
            Input::Start => self.begin(py),
            input => self.go_on(py, input),
        }
    }

    fn qualname(&self) -> &'static str {
        "wait_for"
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.awaitable.drop_ref(py);
        if let Some(timeout) = self.timeout {
            timeout.drop_ref(py);
        }
        if let Stage::Inside(timeout) = self.stage {
            timeout.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.awaitable)?;
        visit.call(&self.timeout)?;
        match &self.stage {
            Stage::Created => Ok(()),
            Stage::Inside(timeout) => visit.call(timeout),
            Stage::Cancelling(cancelling) => cancelling.traverse(visit),
        }
    }
}
