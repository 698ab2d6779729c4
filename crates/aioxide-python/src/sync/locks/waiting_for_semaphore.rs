//! Acquiring and releasing a semaphore.

use std::ffi::CStr;

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBool;

use super::EnterBySubclass;
use super::semaphore::Semaphore;
use super::waiters::Key;
use crate::core::coroutines::{Completed, Coroutine, Input, ResumePoint, Routine, Step};
use crate::core::futures::Future;
use crate::ffi::fastcall::{CallArguments, FastMethod, PlainMethod, install, install_plain};
use crate::stdlib;

/// `Semaphore.acquire`, and entering `async with semaphore`.
pub struct AcquireSemaphore {
    pub semaphore: Py<Semaphore>,
    pub waiting: Option<(Key, Py<Future>)>,
    pub entering: bool,
}

impl AcquireSemaphore {
    fn result(&self, py: Python<'_>) -> Py<PyAny> {
        if self.entering { py.None() } else { PyBool::new(py, true).to_owned().into_any().unbind() }
    }
}

impl Routine for AcquireSemaphore {
    #[inline]
    fn try_complete(&mut self, py: Python<'_>, point: ResumePoint) -> Option<Completed> {
        let semaphore = self.semaphore.bind(py);
        let state = &semaphore.get().state;
        let acquired = match (point, &self.waiting) {
            // The wake-up has decremented the value for this waiter. If the value is
            // still positive, `resume` wakes others as well.
            (ResumePoint::Woken, Some((key, _))) => {
                let woken = state.value.is_positive(py) == Some(false)
                    && state.waiters.leave(py, Some(*key));
                if woken {
                    state.note_permit(py, true);
                }
                woken
            }
            _ => Semaphore::is_native(semaphore) && semaphore.get().try_acquire(py),
        };
        acquired.then(|| Completed::Return(self.result(py)))
    }

    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let semaphore = self.semaphore.bind(py);
        let state = &semaphore.get().state;
        let error = match input {
            Input::Start => {
                if !Semaphore::is_taken(semaphore)? {
                    Semaphore::step(semaphore, -1)?;
                    state.note_permit(py, true);
                    return Ok(Step::Return(self.result(py)));
                }
                let future = state.binding.future(semaphore.as_any())?;
                let key = state.waiters.push(py, future.clone_ref(py));
                self.waiting = Some((key, future.clone_ref(py)));
                return Ok(Step::Wait(future));
            }
            Input::Value(_) => None,
            Input::Error(error) => Some(error),
        };
        let mut outcome = Ok(());
        if let Some((key, future)) = self.waiting.take() {
            outcome = state.waiters.strike(py, Some(key), error.as_ref());
            if let Some(error) = &error
                && outcome.is_ok()
                && error.is_instance(py, stdlib::cancelled_error(py)?)
                && future.get().is_done(py)
                && !future.get().is_cancelled(py)
            {
                // Woken and then cancelled: the value was decremented for nothing.
                outcome = Semaphore::step(semaphore, 1);
            }
        }
        // Other tasks may have begun to wait meanwhile.
        while Semaphore::is_positive(semaphore)? && Semaphore::wake_next(semaphore)? {}
        outcome?;
        match error {
            Some(error) => Err(error),
            None => {
                state.note_permit(py, true);
                Ok(Step::Return(self.result(py)))
            }
        }
    }

    fn qualname(&self) -> &'static str {
        if self.entering { "Semaphore.__aenter__" } else { "Semaphore.acquire" }
    }

    #[inline]
    fn release(self, py: Python<'_>) {
        self.semaphore.drop_ref(py);
        if let Some((_, future)) = self.waiting {
            future.drop_ref(py);
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some((_, future)) = &self.waiting {
            visit.call(future)?;
        }
        visit.call(&self.semaphore)
    }
}

/// Leaving `async with semaphore`.
pub struct ReleaseSemaphore {
    pub semaphore: Py<Semaphore>,
}

impl Routine for ReleaseSemaphore {
    #[inline]
    fn try_complete(&mut self, py: Python<'_>, _point: ResumePoint) -> Option<Completed> {
        let semaphore = self.semaphore.bind(py);
        let state = &semaphore.get().state;
        if !super::is_plain(semaphore) || !state.value.step(py, 1) {
            return None;
        }
        state.note_permit(py, false);
        let next = state.waiters.wake_next(py);
        if next.is_some() {
            state.value.step(py, -1);
            state.note_value(py);
        }
        Some(Completed::return_and_wake(py, next))
    }

    fn resume(&mut self, py: Python<'_>, _input: Input<'_>) -> PyResult<Step> {
        let semaphore = self.semaphore.bind(py);
        if super::is_plain(semaphore) {
            Semaphore::give_back(semaphore)?;
        } else {
            semaphore.call_method0(crate::intern!(py, "release"))?;
        }
        Ok(Step::Return(py.None()))
    }

    fn qualname(&self) -> &'static str {
        "Semaphore.__aexit__"
    }

    fn release(self, py: Python<'_>) {
        self.semaphore.drop_ref(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.semaphore)
    }
}

/// `semaphore.acquire()`.
struct Acquire;

impl PlainMethod for Acquire {
    type Class = Semaphore;
    const NAME: &'static CStr = c"acquire";
    const DOC: &'static CStr = c"Decrements the value; waits while it is zero, in the order of the calls. True.\n\nCancellation ends the wait; the value stays.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call(slf: &Bound<'_, Semaphore>) -> PyResult<Py<PyAny>> {
        let semaphore = slf.clone().unbind();
        let program = AcquireSemaphore { semaphore, waiting: None, entering: false };
        Coroutine::new(slf.py(), program).map(Py::into_any)
    }
}

/// Entering `async with semaphore`.
struct Enter;

impl PlainMethod for Enter {
    type Class = Semaphore;
    const NAME: &'static CStr = c"__aenter__";
    const DOC: &'static CStr = c"Acquires the semaphore.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call(slf: &Bound<'_, Semaphore>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let semaphore = slf.clone().unbind();
        let entering = if Semaphore::is_native(slf) {
            Coroutine::new(py, AcquireSemaphore { semaphore, waiting: None, entering: true })
        } else {
            Coroutine::new(py, EnterBySubclass { object: semaphore.into_any() })
        };
        entering.map(Py::into_any)
    }
}

/// Leaving `async with semaphore`.
struct Exit;

impl FastMethod for Exit {
    type Class = Semaphore;
    const NAME: &'static CStr = c"__aexit__";
    const DOC: &'static CStr = c"Releases the semaphore.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call<'py>(
        slf: &Bound<'py, Semaphore>,
        _exception: CallArguments<'_, 'py>,
    ) -> PyResult<Py<PyAny>> {
        Coroutine::new(slf.py(), ReleaseSemaphore { semaphore: slf.clone().unbind() })
            .map(Py::into_any)
    }
}

/// Adds the fast methods. Called once, at module initialisation.
pub fn install_semaphore(py: Python<'_>) -> PyResult<()> {
    install_plain::<Acquire>(py)?;
    install_plain::<Enter>(py)?;
    install::<Exit>(py)
}
