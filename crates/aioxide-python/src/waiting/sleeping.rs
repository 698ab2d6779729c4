//! `sleep`.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use crate::coroutines::{Coroutine, Input, Routine, Step};
use crate::event_loop::LoopCore;
use crate::futures::{Future, FutureState, LoopRef};
use crate::running::running_loop;
use crate::standard;

/// `asyncio.sleep`.
pub struct Sleep {
    delay: Py<PyAny>,
    result: Py<PyAny>,
    timer: Timer,
}

/// What will end the sleep.
enum Timer {
    /// Nothing yet, or a single turn of the loop.
    None,
    /// A place among the timers of a loop of ours, which the future gives up
    /// when it is done.
    Native(Py<Future>, Py<LoopCore>),
    /// The handle of any other loop.
    Foreign(Py<PyAny>),
}

/// Waits for `delay` seconds and returns `result`. Zero, or less, gives the
/// others one turn.
///
/// `ValueError` if the delay is not a number. Cancellation ends the wait.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.sleep
#[pyfunction]
#[pyo3(signature = (delay, result=None))]
pub fn sleep(
    py: Python<'_>,
    delay: Py<PyAny>,
    result: Option<Py<PyAny>>,
) -> PyResult<Py<Coroutine>> {
    let result = result.unwrap_or_else(|| py.None());
    Coroutine::new(py, Sleep { delay, result, timer: Timer::None })
}

impl Sleep {
    fn begin(&mut self, py: Python<'_>) -> PyResult<Step> {
        let delay = self.delay.bind(py);
        if delay.le(0)? {
            return Ok(Step::Yield);
        }
        let seconds = delay.extract::<f64>().ok();
        if seconds.is_some_and(f64::is_nan) {
            return Err(PyValueError::new_err("Invalid delay: NaN (not a number)"));
        }
        let running = running_loop(py)?;
        if let (Some(seconds), Ok(core)) = (seconds, running.cast::<LoopCore>())
            && core.get().schedules_natively(py)
        {
            let future = Future::on_loop(py, core)?;
            core.get().wake_later(py, seconds, future.clone_ref(py))?;
            self.timer = Timer::Native(future.clone_ref(py), core.clone().unbind());
            return Ok(Step::Wait(future));
        }
        let future = Py::new(py, Future::new(FutureState::pending(LoopRef::of(&running))))?;
        let wake = standard::set_result_unless_cancelled(py)?;
        let timer = running
            .call_method1(pyo3::intern!(py, "call_later"), (delay, wake, &future, py.None()))?;
        self.timer = Timer::Foreign(timer.unbind());
        Ok(Step::Wait(future))
    }

    fn call_off(&mut self, py: Python<'_>) -> PyResult<()> {
        match std::mem::replace(&mut self.timer, Timer::None) {
            Timer::None => Ok(()),
            Timer::Native(future, core) => {
                // Cancelled, it is a timer that will not ring; if a bare
                // exception ended the wait it has to become one.
                if !future.get().is_done(py) {
                    Future::cancel_with(future.bind(py), None)?;
                }
                core.get().timer_cancelled(py);
                Ok(())
            }
            Timer::Foreign(handle) => {
                handle.call_method0(py, pyo3::intern!(py, "cancel")).map(drop)
            }
        }
    }
}

impl Routine for Sleep {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match input {
            Input::Start => self.begin(py),
            Input::Value(_) => {
                if let Timer::Foreign(_) = self.timer {
                    self.call_off(py)?;
                }
                Ok(Step::Return(self.result.clone_ref(py)))
            }
            Input::Error(error) => {
                self.call_off(py)?;
                Err(error)
            }
        }
    }

    fn qualname(&self) -> &'static str {
        "sleep"
    }

    fn release(self, py: Python<'_>) {
        self.delay.drop_ref(py);
        self.result.drop_ref(py);
        match self.timer {
            Timer::None => {}
            Timer::Native(future, core) => {
                future.drop_ref(py);
                core.drop_ref(py);
            }
            Timer::Foreign(handle) => handle.drop_ref(py),
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.timer {
            Timer::None => {}
            Timer::Native(future, core) => {
                visit.call(future)?;
                visit.call(core)?;
            }
            Timer::Foreign(handle) => visit.call(handle)?,
        }
        visit.call(&self.delay)?;
        visit.call(&self.result)
    }
}
