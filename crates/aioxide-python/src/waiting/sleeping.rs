//! `sleep`.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::timer::Timer;
use crate::coroutines::{Coroutine, Input, Routine, Step};
use crate::futures::Future;
use crate::running::running_loop;

/// `asyncio.sleep`.
pub struct Sleep {
    delay: Py<PyAny>,
    result: Py<PyAny>,
    timer: Timer,
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
        let future = Future::of_loop(&running)?;
        self.timer = Timer::start(&running, delay, &future)?;
        Ok(Step::Wait(future))
    }
}

impl Routine for Sleep {
    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        match input {
            Input::Start => self.begin(py),
            Input::Value(_) => {
                self.timer.has_rung(py)?;
                Ok(Step::Return(self.result.clone_ref(py)))
            }
            Input::Error(error) => {
                self.timer.call_off(py)?;
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
        self.timer.release(py);
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.timer.traverse(visit)?;
        visit.call(&self.delay)?;
        visit.call(&self.result)
    }
}
