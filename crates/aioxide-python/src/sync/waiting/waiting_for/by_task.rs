//! `wait_for` up to 3.11.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::cancelling::Cancelling;
use super::result_in_time;
use crate::core::coroutines::awaiting;
use crate::core::coroutines::{Input, Routine, Step};
use crate::core::current_task::running_loop;
use crate::core::futures::Future;
use crate::stdlib;
use crate::sync::timeouts::is_positive;
use crate::sync::waiting::done_callback::{DoneCallback, Role};
use crate::sync::waiting::ensuring::ensured;
use crate::sync::waiting::outcomes::{is_done, result_of};
use crate::sync::waiting::timer::Timer;

/// The body of `wait_for`.
pub struct WaitFor {
    awaitable: Py<PyAny>,
    /// In seconds; None for no limit.
    timeout: Option<Py<PyAny>>,
    stage: Stage,
}

enum Stage {
    Created,
    /// There is no limit.
    InPlace,
    Waiting(Box<Waiting>),
    /// The time is up.
    TooLate(Box<Cancelling>),
    /// The wait was cancelled, by this exception.
    Cancelled(Box<Cancelling>, Py<PyAny>),
}

/// A future that is waited for.
struct Waiting {
    future: Py<PyAny>,
    callback: Py<DoneCallback>,
    timer: Timer,
}

impl WaitFor {
    /// Waits for `awaitable`, `timeout` seconds at most.
    pub fn new(awaitable: Py<PyAny>, timeout: Option<Py<PyAny>>) -> Self {
        Self { awaitable, timeout, stage: Stage::Created }
    }

    fn begin(&mut self, py: Python<'_>) -> PyResult<Step> {
        let event_loop = running_loop(py)?;
        let awaitable = self.awaitable.bind(py);
        let Some(timeout) = self.timeout.as_ref().map(|timeout| timeout.bind(py)) else {
            self.stage = Stage::InPlace;
            return awaiting(awaitable);
        };
        if !is_positive(timeout)? {
            let future = ensured(awaitable, Some(&event_loop))?;
            if is_done(&future)? {
                return result_of(&future).map(|value| Step::Return(value.unbind()));
            }
            let (cancelling, step) = Cancelling::begin(&event_loop, &future)?;
            self.stage = Stage::TooLate(Box::new(cancelling));
            return Ok(step);
        }
        let waiter = Future::for_any_loop(&event_loop)?;
        let mut timer = Timer::start(&event_loop, timeout, &waiter)?;
        let future = match ensured(awaitable, Some(&event_loop)) {
            Ok(future) => future,
            Err(error) => {
                timer.call_off(py)?;
                return Err(error);
            }
        };
        let callback = DoneCallback::new(py, Role::Release(waiter.clone_ref(py)))?;
        DoneCallback::listen_to(callback.bind(py), &future)?;
        let waiting = Waiting { future: future.unbind(), callback, timer };
        self.stage = Stage::Waiting(Box::new(waiting));
        Ok(Step::Wait(waiter))
    }

    /// The wait has ended: by the future, by the timer or by `error`.
    fn waited(
        &mut self,
        py: Python<'_>,
        mut waiting: Waiting,
        error: Option<PyErr>,
    ) -> PyResult<Step> {
        let future = waiting.future.bind(py).clone();
        if let Some(error) = &error
            && !error.matches(py, stdlib::cancelled_error(py)?)?
        {
            waiting.timer.call_off(py)?;
            return Err(error.clone_ref(py));
        }
        let done = is_done(&future)?;
        // The timer has expired if nothing else has ended the wait.
        if done || error.is_some() {
            waiting.timer.call_off(py)?;
        } else {
            waiting.timer.has_rung(py)?;
        }
        if done {
            return result_of(&future).map(|value| Step::Return(value.unbind()));
        }
        DoneCallback::leave(waiting.callback.bind(py), &future)?;
        let (cancelling, step) = Cancelling::begin(&running_loop(py)?, &future)?;
        let cancelling = Box::new(cancelling);
        self.stage = match error {
            None => Stage::TooLate(cancelling),
            Some(error) => Stage::Cancelled(cancelling, error.into_value(py).into_any()),
        };
        Ok(step)
    }
}

impl Routine for WaitFor {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let (value, error) = match input {
            Input::Start => return self.begin(py),
            Input::Value(value) => (Some(value), None),
            Input::Error(error) => (None, Some(error)),
        };
        match (std::mem::replace(&mut self.stage, Stage::Created), error) {
            (Stage::Waiting(waiting), error) => self.waited(py, *waiting, error),
            (Stage::TooLate(cancelling), None) => result_in_time(&cancelling.end(py)?),
            (Stage::Cancelled(cancelling, cancelled), None) => {
                cancelling.end(py)?;
                Err(PyErr::from_value(cancelled.into_bound(py)))
            }
            (Stage::TooLate(cancelling) | Stage::Cancelled(cancelling, _), Some(error)) => {
                cancelling.end(py)?;
                Err(error)
            }
            (Stage::InPlace, Some(error)) => Err(error),
            (Stage::InPlace | Stage::Created, _) => {
                Ok(Step::Return(value.map_or_else(|| py.None(), Bound::unbind)))
            }
        }
    }

    fn qualname(&self) -> &'static str {
        "wait_for"
    }

    fn release(self, py: Python<'_>) {
        self.awaitable.drop_ref(py);
        if let Some(timeout) = self.timeout {
            timeout.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.awaitable)?;
        visit.call(&self.timeout)?;
        match &self.stage {
            Stage::Created | Stage::InPlace => Ok(()),
            Stage::Waiting(waiting) => {
                visit.call(&waiting.future)?;
                visit.call(&waiting.callback)?;
                waiting.timer.traverse(visit)
            }
            Stage::TooLate(cancelling) => cancelling.traverse(visit),
            Stage::Cancelled(cancelling, error) => {
                visit.call(error)?;
                cancelling.traverse(visit)
            }
        }
    }
}
