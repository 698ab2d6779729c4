//! The Python class `TimerHandle`.

use std::ffi::CStr;

use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;
use pyo3::types::{PyFloat, PyList, PyType};
use pyo3::{Borrowed, PyTraverseError};

use super::handle::HandleState;
use super::{Arguments, Handle};
use crate::core::futures::{BoundLoop, LoopRef};
use crate::ffi::allocate;
use crate::ffi::fastcall::PlainMethod;
use crate::ffi::free_list::{self, FreeList, FreeListed};
use crate::ffi::gil_cell::GilCell;
use crate::stdlib;

/// A callback that `call_later` or `call_at` has scheduled.
#[pyclass(frozen, subclass, extends = Handle, module = "aioxide")]
pub struct TimerHandle {
    timing: GilCell<Timing>,
    /// The time as the caller passed it, if that is not a float.
    given: GilCell<Option<Py<PyAny>>>,
}

#[derive(Clone, Copy)]
struct Timing {
    /// Loop time, in seconds.
    when: f64,
    /// Whether the timer is in the loop's heap.
    scheduled: bool,
}

impl TimerHandle {
    /// A timer that is about to enter the heap.
    #[inline]
    pub fn create(
        py: Python<'_>,
        when: f64,
        callback: Py<PyAny>,
        arguments: Arguments,
        event_loop: LoopRef,
        context: Py<PyAny>,
    ) -> PyResult<Py<Self>> {
        let timing = Timing { when, scheduled: true };
        match free_list::take::<Self>(py) {
            Some(timer) => {
                let handle = timer.as_super().get();
                handle.state.refill(py, callback, arguments, event_loop, context);
                timer.get().timing.set(py, timing);
                Ok(timer.unbind())
            }
            None => {
                let state = HandleState::scheduled(callback, arguments, event_loop, context);
                let handle = Handle { state };
                let timer = Self { timing: GilCell::new(timing), given: GilCell::new(None) };
                Py::new(py, PyClassInitializer::from(handle).add_subclass(timer))
            }
        }
    }

    /// Keeps the time as the caller passed it, for `when()`.
    pub fn set_when(&self, when: &Bound<'_, PyAny>) {
        drop(self.given.replace(when.py(), Some(when.clone().unbind())));
    }

    /// The time, as the caller passed it.
    fn when_object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.given.clone_ref(py) {
            Some(given) => Ok(given.into_bound(py)),
            None => Ok(allocate::float(py, self.deadline(py))?.into_any()),
        }
    }

    fn deadline(&self, py: Python<'_>) -> f64 {
        self.timing.get(py).when
    }

    /// Records that the timer has entered or left the heap.
    #[inline]
    pub fn set_scheduled(&self, py: Python<'_>, scheduled: bool) {
        self.timing.update(py, |timing| timing.scheduled = scheduled);
    }
}

impl TimerHandle {
    /// Cancels the timer, and removes it from the loop.
    #[inline]
    fn cancel_timer(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if slf.as_super().get().is_cancelled(py) {
            return Ok(());
        }
        Handle::cancel_handle(slf.as_super())?;
        match slf.as_super().get().event_loop(py) {
            Some(BoundLoop::Native(core)) => {
                if slf.get().timing.get(py).scheduled {
                    core.get().timer_cancelled(py);
                }
                Ok(())
            }
            Some(BoundLoop::Foreign(event_loop)) => {
                let name = crate::intern!(py, "_timer_handle_cancelled");
                event_loop.call_method1(name, (slf,)).map(drop)
            }
            None => Ok(()),
        }
    }
}

/// `timer.cancel()`.
pub struct CancelTimer;

impl PlainMethod for CancelTimer {
    type Class = TimerHandle;
    const NAME: &'static CStr = c"cancel";
    const DOC: &'static CStr = c"cancel($self)\n--\n\nCalls the timer off; the loop forgets it.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call(slf: &Bound<'_, TimerHandle>) -> PyResult<Py<PyAny>> {
        TimerHandle::cancel_timer(slf)?;
        Ok(slf.py().None())
    }
}

impl FreeListed for TimerHandle {
    fn free_list() -> &'static FreeList {
        static FREE_LIST: FreeList = FreeList::new();
        &FREE_LIST
    }

    const DROPS_NOTHING: bool = true;

    #[inline]
    fn empty(slf: Borrowed<'_, '_, Self>) {
        let py = slf.py();
        slf.as_super().get().state.empty(py);
        if let Some(given) = slf.get().given.take(py) {
            given.drop_ref(py);
        }
    }
}

#[pymethods]
impl TimerHandle {
    #[new]
    #[pyo3(signature = (when, callback, args, r#loop, context=None))]
    fn __new__(
        when: Bound<'_, PyAny>,
        callback: Py<PyAny>,
        args: &Bound<'_, PyAny>,
        r#loop: Bound<'_, PyAny>,
        context: Option<Bound<'_, PyAny>>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let handle = Handle::__new__(callback, args, r#loop, context)?;
        let timing = GilCell::new(Timing { when: when.extract()?, scheduled: false });
        let given = (!when.is_exact_instance_of::<PyFloat>()).then(|| when.unbind());
        let timer = Self { timing, given: GilCell::new(given) };
        Ok(PyClassInitializer::from(handle).add_subclass(timer))
    }

    /// `isinstance(x, asyncio.TimerHandle)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        let py = slf.py();
        let actual = slf.get_type();
        if actual.is(py.get_type::<Self>()) {
            Ok(stdlib::timer_handle_type(py)?.clone().unbind())
        } else {
            Ok(actual.unbind())
        }
    }

    fn _repr_info<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyList>> {
        let info = Handle::describe(slf.as_super())?;
        let position = if slf.as_super().get().is_cancelled(slf.py()) { 2 } else { 1 };
        let when = slf.get().when_object(slf.py())?;
        info.insert(position, crate::ffi::allocate::Made(format!("when={}", when.str()?)))?;
        Ok(info)
    }

    /// Returns the loop time at which the callback is due, in seconds.
    fn when<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.when_object(py)
    }

    #[getter]
    fn _when<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.when_object(py)
    }

    #[getter]
    fn get__scheduled(&self, py: Python<'_>) -> bool {
        self.timing.get(py).scheduled
    }

    #[setter]
    fn set__scheduled(&self, py: Python<'_>, scheduled: bool) {
        self.set_scheduled(py, scheduled);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.given.traverse(|given| visit.call(given))
    }

    fn __clear__(&self, py: Python<'_>) {
        drop(self.given.take(py));
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.when_object(py)?.hash()
    }

    fn __richcmp__(
        slf: &Bound<'_, Self>,
        other: &Bound<'_, PyAny>,
        operation: CompareOp,
    ) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let Ok(other) = other.cast::<TimerHandle>() else {
            return Ok(py.NotImplemented());
        };
        let (left, right) = (slf.get().deadline(py), other.get().deadline(py));
        let equal = || -> PyResult<bool> {
            let (a, b) = (slf.as_super().get(), other.as_super().get());
            Ok(left == right
                && a.is_cancelled(py) == b.is_cancelled(py)
                && a._callback(py).into_pyobject(py)?.eq(b._callback(py))?
                && a._args(py)?.into_pyobject(py)?.eq(b._args(py)?)?)
        };
        let answer = match operation {
            CompareOp::Lt => left < right,
            CompareOp::Gt => left > right,
            CompareOp::Le => left < right || equal()?,
            CompareOp::Ge => left > right || equal()?,
            CompareOp::Eq => equal()?,
            CompareOp::Ne => !equal()?,
        };
        Ok(answer.into_pyobject(py)?.to_owned().into_any().unbind())
    }
}
