//! `Semaphore` and `BoundedSemaphore`.

use std::ffi::CStr;

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple};

use super::EnterBySubclass;
use super::binding::LoopBinding;
use super::count::Count;
use super::waiters::Waiters;
use crate::coroutines::{AtOnce, Coroutine, Input, Moment, Routine, Step};
use crate::futures::Future;
use crate::methods::{CallArguments, FastMethod, PlainMethod, install, install_plain};
use crate::standard;
use crate::with_cell::WithCell;

/// A counter of what may be had at once. `acquire` takes one and waits while
/// there is none; `release` gives one back.
///
/// https://docs.python.org/3/library/asyncio-sync.html#asyncio.Semaphore
#[pyclass(frozen, subclass, weakref, dict, module = "asyncio.locks")]
pub struct Semaphore {
    state: WithCell<State>,
    binding: LoopBinding,
}

#[derive(Default)]
struct State {
    value: Count,
    waiters: Waiters,
}

/// A semaphore that refuses to be released more often than acquired.
///
/// https://docs.python.org/3/library/asyncio-sync.html#asyncio.BoundedSemaphore
#[pyclass(frozen, extends = Semaphore, subclass, module = "asyncio.locks")]
pub struct BoundedSemaphore {
    bound: WithCell<Count>,
}

impl Semaphore {
    fn begin(&self, py: Python<'_>, value: Count) -> PyResult<()> {
        if value.is_negative() {
            return Err(PyValueError::new_err("Semaphore initial value must be >= 0"));
        }
        self.state.with(py, |state| state.value = value);
        Ok(())
    }

    /// Takes one if there is one that is not for somebody who came before.
    #[inline]
    fn try_acquire(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| {
            if state.value.is_zero() || (state.waiters.len() > 0 && state.waiters.any_alive(py)) {
                return false;
            }
            state.value.step(-1);
            true
        })
    }

    /// Gives one to the first who waits; whether there was anybody.
    fn wake_next(&self, py: Python<'_>) -> PyResult<bool> {
        let next = self.state.with(py, |state| state.next(py));
        tell(py, next)
    }

    fn give_back(&self, py: Python<'_>) -> PyResult<()> {
        let next = self.state.with(py, |state| state.give_back(py));
        tell(py, next).map(drop)
    }
}

impl State {
    /// Takes one for the first who waits and was not woken up yet.
    #[inline]
    fn next(&mut self, py: Python<'_>) -> Option<Py<Future>> {
        let next = self.waiters.wake_next(py)?;
        self.value.step(-1);
        Some(next)
    }

    #[inline]
    fn give_back(&mut self, py: Python<'_>) -> Option<Py<Future>> {
        self.value.step(1);
        self.next(py)
    }
}

/// Tells him that he has got one; whether there was anybody.
fn tell(py: Python<'_>, next: Option<Py<Future>>) -> PyResult<bool> {
    let Some(next) = next else {
        return Ok(false);
    };
    let woken = PyBool::new(py, true).to_owned().into_any().unbind();
    Future::finish(&next.into_bound(py), woken)?;
    Ok(true)
}

/// `Semaphore.acquire`, and entering `async with semaphore`.
pub struct AcquireSemaphore {
    semaphore: Py<Semaphore>,
    waiting: Option<(usize, Py<Future>)>,
    entering: bool,
}

impl AcquireSemaphore {
    fn result(&self, py: Python<'_>) -> Py<PyAny> {
        if self.entering { py.None() } else { PyBool::new(py, true).to_owned().into_any().unbind() }
    }
}

impl Routine for AcquireSemaphore {
    #[inline]
    fn at_once(&mut self, py: Python<'_>, moment: Moment) -> Option<AtOnce> {
        let semaphore = self.semaphore.get();
        let acquired = match (moment, &self.waiting) {
            // The place was given with the wake-up. If there are more, others are to
            // be woken as well.
            (Moment::Woken, Some((key, _))) => semaphore.state.with(py, |state| {
                let last = !state.value.is_positive();
                if last {
                    state.waiters.leave(py, Some(*key));
                }
                last
            }),
            _ => semaphore.try_acquire(py),
        };
        acquired.then(|| AtOnce::Return(self.result(py)))
    }

    fn resume(&mut self, py: Python<'_>, input: Input<'_>) -> PyResult<Step> {
        let semaphore = self.semaphore.get();
        if let Input::Start = input {
            if semaphore.try_acquire(py) {
                return Ok(Step::Return(self.result(py)));
            }
            let future = semaphore.binding.future(self.semaphore.bind(py).as_any())?;
            let kept = future.clone_ref(py);
            let key = semaphore.state.with(py, |state| state.waiters.push(kept));
            self.waiting = Some((key, future.clone_ref(py)));
            return Ok(Step::Wait(future));
        }
        if let Some((key, future)) = self.waiting.take() {
            drop(semaphore.state.with(py, |state| state.waiters.remove(key)));
            if let Input::Error(error) = &input
                && error.is_instance(py, standard::cancelled_error(py)?)
                && future.get().is_done(py)
                && !future.get().is_cancelled(py)
            {
                // It was given one and cancelled at once.
                semaphore.state.with(py, |state| state.value.step(1));
            }
        }
        // Others may have come meanwhile and had to queue up behind.
        while semaphore.state.with(py, |state| state.value.is_positive()) {
            if !semaphore.wake_next(py)? {
                break;
            }
        }
        match input {
            Input::Error(error) => Err(error),
            _ => Ok(Step::Return(self.result(py))),
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
    semaphore: Py<Semaphore>,
}

impl Routine for ReleaseSemaphore {
    #[inline]
    fn at_once(&mut self, py: Python<'_>, _moment: Moment) -> Option<AtOnce> {
        let semaphore = self.semaphore.bind(py);
        if !semaphore.is_exact_instance_of::<Semaphore>() {
            return None;
        }
        let next = semaphore.get().state.with(py, |state| state.give_back(py));
        Some(AtOnce::return_and_wake(py, next))
    }

    fn resume(&mut self, py: Python<'_>, _input: Input<'_>) -> PyResult<Step> {
        let semaphore = self.semaphore.bind(py);
        if semaphore.is_exact_instance_of::<Semaphore>() {
            semaphore.get().give_back(py)?;
        } else {
            semaphore.call_method0(pyo3::intern!(py, "release"))?;
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
    const DOC: &'static CStr = c"Takes one; waits while there is none, in the order of coming. True.\n\nCancellation ends the wait; none is taken.";
    const DROPS_NOTHING: bool = true;

    #[inline]
    fn call(slf: &Bound<'_, Semaphore>) -> PyResult<Py<PyAny>> {
        let semaphore = slf.clone().unbind();
        let program = AcquireSemaphore { semaphore, waiting: None, entering: false };
        Coroutine::new(slf.py(), program).map(Py::into_any)
    }
}

/// `async with semaphore`, at its beginning.
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
        let native = slf.is_exact_instance_of::<Semaphore>()
            || slf.is_exact_instance_of::<BoundedSemaphore>();
        let entering = if native {
            Coroutine::new(py, AcquireSemaphore { semaphore, waiting: None, entering: true })
        } else {
            Coroutine::new(py, EnterBySubclass { object: semaphore.into_any() })
        };
        entering.map(Py::into_any)
    }
}

/// `async with semaphore`, at its end.
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

/// Adds the methods that are by hand. Called once, at module initialisation.
pub fn install_semaphore(py: Python<'_>) -> PyResult<()> {
    install_plain::<Acquire>(py)?;
    install_plain::<Enter>(py)?;
    install::<Exit>(py)
}

#[pymethods]
impl Semaphore {
    // A subclass may take what it likes; its `__init__` says what.
    #[new]
    #[pyo3(signature = (*_arguments, **_keywords), text_signature = "(value=1)")]
    fn __new__(_arguments: &Bound<'_, PyTuple>, _keywords: Option<&Bound<'_, PyDict>>) -> Self {
        Self { state: WithCell::new(State::default()), binding: LoopBinding::new() }
    }

    #[pyo3(signature = (value=Count::Int(1)))]
    fn __init__(&self, py: Python<'_>, value: Count) -> PyResult<()> {
        self.begin(py, value)
    }

    /// Whether `acquire` would wait.
    fn locked(&self, py: Python<'_>) -> bool {
        self.state.with(py, |state| state.value.is_zero() || state.waiters.any_alive(py))
    }

    /// Gives one back, to the first who waits if anybody does.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        self.give_back(py)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let py = slf.py();
        let (value, waiters) = slf.get().state.with(py, |state| (state.value, state.waiters.len()));
        let what = if slf.get().locked(py) {
            "locked".to_owned()
        } else {
            format!("unlocked, value:{}", value.to_python(py)?)
        };
        super::describe(slf.as_any(), &what, waiters)
    }

    #[getter]
    fn _waiters(&self, py: Python<'_>) -> Option<Vec<Py<Future>>> {
        let waiters = self.state.with(py, |state| {
            state.waiters.iter().map(|future| future.clone_ref(py)).collect::<Vec<_>>()
        });
        Some(waiters).filter(|waiters| !waiters.is_empty())
    }

    #[getter]
    fn _value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.state.with(py, |state| state.value).to_python(py)
    }

    #[getter]
    fn _loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.binding.shown(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.binding.traverse(&visit)?;
        self.state.traverse(|state| state.waiters.traverse(&visit))
    }

    fn __clear__(&self, py: Python<'_>) {
        self.binding.clear(py);
        drop(self.state.with(py, std::mem::take));
    }
}

#[pymethods]
impl BoundedSemaphore {
    #[new]
    #[pyo3(signature = (*arguments, **keywords), text_signature = "(value=1)")]
    fn __new__(
        arguments: &Bound<'_, PyTuple>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        let semaphore = Semaphore::__new__(arguments, keywords);
        PyClassInitializer::from(semaphore)
            .add_subclass(Self { bound: WithCell::new(Count::default()) })
    }

    #[pyo3(signature = (value=Count::Int(1)))]
    fn __init__(slf: &Bound<'_, Self>, value: Count) -> PyResult<()> {
        slf.get().bound.with(slf.py(), |bound| *bound = value);
        slf.as_super().get().begin(slf.py(), value)
    }

    /// Gives one back. `ValueError` if there would be more than at first.
    fn release(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let semaphore = slf.as_super().get();
        let bound = slf.get().bound.with(py, |bound| *bound);
        if semaphore.state.with(py, |state| state.value).has_reached(bound) {
            return Err(PyValueError::new_err("BoundedSemaphore released too many times"));
        }
        semaphore.give_back(py)
    }

    #[getter]
    fn _bound_value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.bound.with(py, |bound| *bound).to_python(py)
    }
}
