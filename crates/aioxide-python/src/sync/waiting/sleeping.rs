//! `sleep`.

use std::ffi::CStr;

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::timer::Timer;
use crate::core::coroutines::{Completed, Coroutine, Input, ResumePoint, Routine, Step};
use crate::core::current_task::running_loop;
use crate::core::futures::Future;
use crate::ffi::fastcall::{CallArguments, FastFunction, Parsed, Signature};

/// `asyncio.sleep`.
pub struct Sleep {
    delay: Py<PyAny>,
    result: Py<PyAny>,
    timer: Timer,
}

/// `sleep(delay, result=None)`.
///
/// https://docs.python.org/3/library/asyncio-task.html#asyncio.sleep
pub struct SleepFunction;

const SLEEP: Signature<1, 1> = Signature::function("sleep", ["delay"], ["result"]);

impl FastFunction for SleepFunction {
    const NAME: &'static CStr = c"sleep";
    const DOC: &'static CStr = c"sleep(delay, result=None)\n--\n\nWaits for `delay` seconds and returns `result`. Zero, or less, lets the\nothers run for one iteration.\n\nValueError if the delay is not a number. Cancellation ends the wait.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call<'py>(py: Python<'py>, arguments: CallArguments<'_, 'py>) -> PyResult<Py<PyAny>> {
        let Parsed { required: [delay], optional: [result], .. } = SLEEP.parse(&arguments)?;
        let delay = delay.clone().unbind();
        let result = result.map_or_else(|| py.None(), |result| result.clone().unbind());
        Coroutine::new(py, Sleep { delay, result, timer: Timer::None }).map(Py::into_any)
    }
}

/// Whether it is an integer that is not above zero.
#[inline]
fn is_no_time(delay: &Bound<'_, PyAny>) -> bool {
    let mut overflow = 0;
    // SAFETY: the reference is alive; of an integer the second call makes no error.
    unsafe {
        ffi::PyLong_CheckExact(delay.as_ptr()) != 0
            && ffi::PyLong_AsLongAndOverflow(delay.as_ptr(), &mut overflow) <= 0
            && overflow <= 0
    }
}

impl Sleep {
    fn begin(&mut self, py: Python<'_>) -> PyResult<Step> {
        let delay = self.delay.bind(py);
        if delay.le(0)? {
            return Ok(Step::Yield);
        }
        let seconds = delay.extract::<f64>().ok();
        if seconds.is_some_and(f64::is_nan) {
            return Err(PyValueError::new_err(crate::name!("Invalid delay: NaN (not a number)")));
        }
        let running = running_loop(py)?;
        let future = Future::for_any_loop(&running)?;
        self.timer = Timer::start(&running, delay, &future)?;
        Ok(Step::Wait(future))
    }
}

impl Routine for Sleep {
    #[inline]
    fn try_complete(&mut self, py: Python<'_>, point: ResumePoint) -> Option<Completed> {
        match (point, &self.timer) {
            (ResumePoint::Start, _) => is_no_time(self.delay.bind(py)).then_some(Completed::Yield),
            (_, Timer::Foreign(_)) => None,
            _ => Some(Completed::Return(self.result.clone_ref(py))),
        }
    }

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
