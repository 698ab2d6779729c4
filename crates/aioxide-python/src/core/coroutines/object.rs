//! The Python class `Coroutine`.

use std::ffi::CString;
use std::sync::OnceLock;

use pyo3::exceptions::{
    PyGeneratorExit, PyRuntimeError, PyRuntimeWarning, PyStopIteration, PyTypeError, PyValueError,
};
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{Borrowed, PyTraverseError, PyTypeInfo};

use super::introspection::{Steps, iter_slot, itself_slot};
use super::{Completed, Input, ResumePoint, Step, origins};
use crate::core::dispatch::Program;
use crate::core::futures::{Future, sent, stop_iteration, thrown};
use crate::ffi::allocate;
use crate::ffi::entry::{Attach, enter};
use crate::ffi::errors::Settled;
use crate::ffi::finalizer::Finalize;
use crate::ffi::free_list::{self, FreeList, FreeListed};
use crate::ffi::gil_cell::{Contents, GilCell, unsafe_cell_methods};
use crate::ffi::recursion::Level;
use crate::stdlib;

/// A coroutine whose body is native.
#[pyclass(frozen, weakref, module = "aioxide")]
pub struct Coroutine {
    state: Contents<State>,
}

struct State {
    phase: GilCell<Phase>,
    /// Absent while a step runs, and once it is over.
    program: GilCell<Program>,
    /// The program's name, for when the program is absent.
    qualname: GilCell<&'static str>,
}

enum Phase {
    Created,
    Running,
    Waiting(Py<Future>),
    /// It awaits another object, by this iterator.
    Delegated(Py<PyAny>),
    Yielded,
    Over,
}

impl Phase {
    /// Whether it is suspended.
    fn is_suspended(&self) -> bool {
        matches!(self, Self::Waiting(_) | Self::Delegated(_) | Self::Yielded)
    }

    fn is_created(&self) -> bool {
        matches!(self, Self::Created)
    }

    fn is_running(&self) -> bool {
        matches!(self, Self::Running)
    }

    fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    /// The point at which it resumes if None is sent in; None if there is no fast path.
    #[inline(always)]
    fn resume_point(&mut self, py: Python<'_>) -> Option<ResumePoint> {
        match self {
            Self::Created => Some(ResumePoint::Start),
            Self::Yielded => Some(ResumePoint::Yielded),
            Self::Waiting(future) if future.get().has_result(py) => Some(ResumePoint::Woken),
            _ => None,
        }
    }

    /// The object that it awaits.
    fn awaited(&mut self, py: Python<'_>) -> Option<Py<PyAny>> {
        match self {
            Self::Waiting(future) => Some(future.clone_ref(py).into_any()),
            Self::Delegated(inner) => Some(inner.clone_ref(py)),
            _ => None,
        }
    }
}

// SAFETY (of the methods): references are counted up; they read the outcome of a future, which
// is another cell.
unsafe_cell_methods!(Phase {
} with py {
    /// See [`Phase::resume_point`].
    fn resume_point(&mut self) -> Option<ResumePoint>;
    /// See [`Phase::awaited`].
    fn awaited(&mut self) -> Option<Py<PyAny>>;
});

/// The outcome of a step, as of a generator.
pub enum Flow<'py> {
    /// It has yielded this object.
    Yielded(Bound<'py, PyAny>),
    /// It has ended with this result.
    Returned(Bound<'py, PyAny>),
}

/// How a suspended coroutine is resumed.
enum Resumption<'py> {
    Send(Bound<'py, PyAny>),
    Throw(PyErr),
}

impl Coroutine {
    /// A coroutine that has not begun.
    #[inline]
    pub fn new(py: Python<'_>, program: impl Into<Program>) -> PyResult<Py<Self>> {
        let program = program.into();
        let qualname = program.qualname();
        let coroutine = match free_list::take::<Self>(py) {
            Some(coroutine) => {
                // A coroutine from the free list holds no references.
                let state = &coroutine.get().state;
                state.phase.fill(py, Phase::Created);
                state.program.fill(py, program);
                state.qualname.set(py, qualname);
                coroutine.unbind()
            }
            None => {
                let state = State {
                    phase: GilCell::new(Phase::Created),
                    program: GilCell::new(program),
                    qualname: GilCell::new(qualname),
                };
                Py::new(py, Self { state: Contents::new(state) })?
            }
        };
        if origins::are_wanted() {
            origins::remember(coroutine.bind(py).as_any())?;
        }
        Ok(coroutine)
    }

    pub(super) fn qualname(&self, py: Python<'_>) -> &'static str {
        self.state.qualname.get(py)
    }

    /// The future or the iterator that it awaits.
    fn awaited(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.phase.awaited(py)
    }

    fn resume<'py>(&self, py: Python<'py>, resumption: Resumption<'py>) -> PyResult<Flow<'py>> {
        let phase = self.state.phase.replace(py, Phase::Running);
        let input = match (phase, resumption) {
            (Phase::Created, Resumption::Send(value)) if value.is_none() => Input::Start,
            (Phase::Created, Resumption::Send(_)) => {
                drop(self.state.phase.replace(py, Phase::Created));
                return Err(PyTypeError::new_err(crate::name!(
                    "can't send non-None value to a just-started coroutine"
                )));
            }
            (Phase::Created, Resumption::Throw(error)) => {
                self.end(py);
                return Err(error);
            }
            (Phase::Running, _) => {
                return Err(PyValueError::new_err(crate::name!("coroutine already executing")));
            }
            (Phase::Over, _) => {
                drop(self.state.phase.replace(py, Phase::Over));
                return Err(PyRuntimeError::new_err(crate::name!(
                    "cannot reuse already awaited coroutine"
                )));
            }
            (Phase::Waiting(future), Resumption::Send(_)) => outcome(future.bind(py)),
            (Phase::Yielded, Resumption::Send(value)) => Input::Value(value),
            (Phase::Waiting(_) | Phase::Yielded, Resumption::Throw(error)) => Input::Error(error),
            (Phase::Delegated(inner), resumption) => match delegate(inner.bind(py), resumption) {
                Ok(Flow::Yielded(value)) => {
                    drop(self.state.phase.replace(py, Phase::Delegated(inner)));
                    return Ok(Flow::Yielded(value));
                }
                Ok(Flow::Returned(value)) => Input::Value(value),
                Err(error) => Input::Error(error),
            },
        };
        self.run(py, input)
    }

    #[inline]
    fn run<'py>(&self, py: Python<'py>, mut input: Input<'py>) -> PyResult<Flow<'py>> {
        let mut program = self.state.program.replace(py, Program::Absent);
        loop {
            if let Input::Error(error) = input {
                input = Input::Error(error.settled(py));
            }
            let (phase, yielded) = match program.resume(py, input).settled(py) {
                Ok(Step::Return(value)) => {
                    drop(self.state.phase.replace(py, Phase::Over));
                    program.release(py);
                    return Ok(Flow::Returned(value.into_bound(py)));
                }
                Err(error) => {
                    drop(self.state.phase.replace(py, Phase::Over));
                    program.release(py);
                    return Err(error);
                }
                Ok(Step::Wait(future)) if future.get().is_done(py) => {
                    input = outcome(future.bind(py));
                    continue;
                }
                Ok(Step::Wait(future)) => {
                    future.get().set_blocking(py, true);
                    let yielded = future.bind(py).clone().into_any();
                    (Phase::Waiting(future), yielded)
                }
                Ok(Step::Yield) => (Phase::Yielded, py.None().into_bound(py)),
                Ok(Step::Delegate(inner)) => {
                    let start = Resumption::Send(py.None().into_bound(py));
                    match delegate(inner.bind(py), start) {
                        Ok(Flow::Yielded(value)) => (Phase::Delegated(inner), value),
                        Ok(Flow::Returned(value)) => {
                            input = Input::Value(value);
                            continue;
                        }
                        Err(error) => {
                            input = Input::Error(error);
                            continue;
                        }
                    }
                }
            };
            drop((self.state.phase.replace(py, phase), self.state.program.replace(py, program)));
            return Ok(Flow::Yielded(yielded));
        }
    }

    /// Drops all references.
    fn end(&self, py: Python<'_>) {
        let phase = self.state.phase.replace(py, Phase::Over);
        let program = self.state.program.replace(py, Program::Absent);
        drop(phase);
        program.release(py);
    }

    /// The synchronous fast path of the next step, if there is one: returns the result for
    /// the interpreter. Drops no `Py`.
    #[inline]
    fn try_step(&self, py: Python<'_>) -> Option<*mut ffi::PyObject> {
        let state = &self.state;
        let point = state.phase.resume_point(py)?;
        let step = state.program.try_complete(py, point)?;
        let yields = matches!(step, Completed::Yield);
        let phase = if yields { Phase::Yielded } else { Phase::Over };
        let phase = state.phase.replace(py, phase);
        if !yields {
            // It is over, so code that runs when its references are dropped cannot step it.
            let program = state.program.replace(py, Program::Absent);
            if let Phase::Waiting(future) = phase {
                future.drop_ref(py);
            }
            program.release(py);
        } else if let Phase::Waiting(future) = phase {
            future.drop_ref(py);
        }
        let value = match step {
            Completed::Yield => return Some(py.None().into_ptr()),
            Completed::Return(value) => value,
            Completed::ReturnAndWake(value, (future, result)) => match wake(future, result) {
                Ok(()) => value,
                Err(error) => {
                    value.drop_ref(py);
                    return Some(raised_or_yielded(py, Err(error)));
                }
            },
        };
        Some(stop_iteration(value.into_bound(py)))
    }

    /// The next step with None sent in; most often the first one.
    fn step(&self, py: Python<'_>) -> *mut ffi::PyObject {
        if self.state.phase.read(py, Phase::is_created) {
            self.state.phase.fill(py, Phase::Running);
            return raised_or_yielded(py, self.run(py, Input::Start));
        }
        self.next(py, Resumption::Send(py.None().into_bound(py)))
    }

    /// `throw(exception)`, without a Python call.
    ///
    /// # Errors
    ///
    /// The exception that the coroutine raises; it has ended then.
    pub fn throw_in<'py>(&self, exception: Bound<'py, PyAny>) -> PyResult<Flow<'py>> {
        let py = exception.py();
        self.resume(py, Resumption::Throw(PyErr::from_value(exception)))
            .map_err(|error| stop_is_an_error(py, error))
    }

    fn next(&self, py: Python<'_>, resumption: Resumption<'_>) -> *mut ffi::PyObject {
        raised_or_yielded(py, self.resume(py, resumption))
    }
}

/// Sets the future of a waiter that this step has unblocked.
fn wake(future: Py<Future>, result: Py<PyAny>) -> PyResult<()> {
    // SAFETY: the GIL is held while a step runs.
    unsafe { Python::attach_unchecked(|py| Future::finish(&future.into_bound(py), result)) }
}

/// Converts the outcome of a step for `tp_iternext`: null without an exception means a
/// result of None.
#[inline]
fn raised_or_yielded(py: Python<'_>, flow: PyResult<Flow<'_>>) -> *mut ffi::PyObject {
    match flow {
        Ok(Flow::Yielded(value)) => value.into_ptr(),
        Ok(Flow::Returned(value)) => stop_iteration(value),
        Err(error) => {
            stop_is_an_error(py, error).restore(py);
            std::ptr::null_mut()
        }
    }
}

/// Converts a `StopIteration` that the body raises, which would otherwise be taken for the
/// result, to a `RuntimeError`.
fn stop_is_an_error(py: Python<'_>, error: PyErr) -> PyErr {
    let error = error.settled(py);
    if !error.is_instance_of::<PyStopIteration>(py) {
        return error;
    }
    let wrapped =
        PyRuntimeError::new_err(crate::name!("coroutine raised StopIteration")).settled(py);
    wrapped.set_cause(py, Some(error));
    wrapped
}

/// The outcome of the awaited future, as the input of the next step.
fn outcome<'py>(future: &Bound<'py, Future>) -> Input<'py> {
    let py = future.py();
    if !future.get().is_done(py) {
        return Input::Error(PyRuntimeError::new_err(crate::name!(
            "await wasn't used with future"
        )));
    }
    match future.get().take_result(py) {
        Ok(value) => Input::Value(value),
        Err(error) => Input::Error(error),
    }
}

/// Resumes the awaited iterator, as `await` does.
fn delegate<'py>(inner: &Bound<'py, PyAny>, resumption: Resumption<'py>) -> PyResult<Flow<'py>> {
    let py = inner.py();
    // The depth of nested coroutines is not limited otherwise.
    let _level = Level::enter(py)?;
    match resumption {
        Resumption::Send(value) => {
            let mut result = std::ptr::null_mut();
            // SAFETY: the thread is attached, the references are alive, and
            // `result` receives a new reference unless an error is reported.
            unsafe {
                match ffi::PyIter_Send(inner.as_ptr(), value.as_ptr(), &mut result) {
                    ffi::PySendResult::PYGEN_NEXT => {
                        Ok(Flow::Yielded(Bound::from_owned_ptr(py, result)))
                    }
                    ffi::PySendResult::PYGEN_RETURN => {
                        Ok(Flow::Returned(Bound::from_owned_ptr(py, result)))
                    }
                    ffi::PySendResult::PYGEN_ERROR => Err(crate::ffi::errors::fetched(py)),
                }
            }
        }
        Resumption::Throw(error) if error.is_instance_of::<PyGeneratorExit>(py) => {
            if let Some(close) = inner.getattr_opt(crate::intern!(py, "close"))? {
                close.call0()?;
            }
            Err(error)
        }
        Resumption::Throw(error) => {
            let Some(throw) = inner.getattr_opt(crate::intern!(py, "throw"))? else {
                return Err(error);
            };
            match throw.call1((error.into_value(py),)) {
                Ok(value) => Ok(Flow::Yielded(value)),
                Err(error) if error.is_instance_of::<PyStopIteration>(py) => {
                    error.value(py).getattr(crate::intern!(py, "value")).map(Flow::Returned)
                }
                Err(error) => Err(error),
            }
        }
    }
}

/// Installs the slots for `await` and for the next step by hand: see
/// [`crate::ffi::fastcall`]. They are hidden from Python code, because a coroutine is not an
/// iterator. Called once, at module initialisation.
pub fn install_slots(py: Python<'_>) {
    // Make the class of its iterators now, because later it might fail for want of memory.
    Steps::type_object_raw(py);
    let class = Coroutine::type_object_raw(py);
    // SAFETY: the type was just created by PyO3, is a heap type of this module
    // with the slots that `__await__` filled, and the GIL is held; no instance
    // exists yet, so no slot is in use while it is replaced.
    unsafe {
        (*class).tp_iternext = Some(next_slot);
        (*class).tp_iter = Some(iter_slot);
        (*(*class).tp_as_async).am_await = Some(itself_slot);
        ffi::PyType_Modified(class);
    }
}

unsafe extern "C" fn next_slot(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls slots with the GIL held and an object that is
    // alive, of this class, which has no subclasses.
    unsafe {
        enter(c"a coroutine of aioxide", Attach::Bare, |py| {
            let slf = Bound::ref_from_ptr(py, &object).cast_unchecked::<Coroutine>().get();
            Ok(match slf.try_step(py) {
                Some(result) => result,
                None => Python::attach_unchecked(|py| slf.step(py)),
            })
        })
    }
}

#[pymethods]
impl Coroutine {
    /// For calls by name; `await` uses the slot (see [`install_slots`]).
    fn __await__(slf: &Bound<'_, Self>) -> Steps {
        Steps::of(slf.as_any())
    }

    #[pyo3(signature = (value, /))]
    fn send<'py>(&self, py: Python<'py>, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        sent(py, self.next(py, Resumption::Send(value)))
    }

    #[pyo3(signature = (kind, value=None, traceback=None, /))]
    fn throw<'py>(
        &self,
        py: Python<'py>,
        kind: Bound<'py, PyAny>,
        value: Option<Bound<'py, PyAny>>,
        traceback: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let error = thrown(&kind, value, traceback)?;
        sent(py, self.next(py, Resumption::Throw(error)))
    }

    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let waits = self.state.phase.read(py, |phase| match phase {
            Phase::Created | Phase::Over => Some(false),
            Phase::Running => None,
            Phase::Waiting(_) | Phase::Delegated(_) | Phase::Yielded => Some(true),
        });
        match waits {
            None => Err(PyValueError::new_err(crate::name!("coroutine already executing"))),
            Some(false) => {
                self.end(py);
                Ok(())
            }
            Some(true) => {
                match self
                    .resume(py, Resumption::Throw(PyGeneratorExit::new_err(()).settled(py)))
                    .settled(py)
                {
                    Ok(Flow::Returned(_)) => Ok(()),
                    Ok(Flow::Yielded(_)) => Err(PyRuntimeError::new_err(crate::name!(
                        "coroutine ignored GeneratorExit"
                    ))),
                    Err(error) if error.is_instance_of::<PyGeneratorExit>(py) => Ok(()),
                    Err(error) => Err(error),
                }
            }
        }
    }

    #[getter]
    fn __name__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let qualname = self.qualname(py);
        allocate::string(py, qualname.rsplit('.').next().unwrap_or(qualname))
    }

    #[getter]
    fn __qualname__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        allocate::string(py, self.qualname(py))
    }

    #[getter]
    fn cr_running(&self, py: Python<'_>) -> bool {
        self.state.phase.read(py, Phase::is_running)
    }

    #[getter]
    fn cr_suspended(&self, py: Python<'_>) -> bool {
        self.state.phase.read(py, Phase::is_suspended)
    }

    /// The state, by its name in `inspect`.
    #[cfg(Py_3_15)]
    #[getter]
    fn cr_state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        let state = self.state.phase.read(py, |phase| match phase {
            Phase::Created => "CORO_CREATED",
            Phase::Running => "CORO_RUNNING",
            Phase::Waiting(_) | Phase::Delegated(_) | Phase::Yielded => "CORO_SUSPENDED",
            Phase::Over => "CORO_CLOSED",
        });
        allocate::string(py, state)
    }

    /// A stand-in for the interpreter's frame; None once it is over.
    #[getter]
    fn cr_frame<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        if self.state.phase.read(py, Phase::is_over) {
            return Ok(None);
        }
        let arguments = (self.qualname(py), self.awaited(py));
        stdlib::native_frame(py)?.call1(arguments).map(Some)
    }

    #[getter]
    fn cr_await<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(awaited) = self.awaited(py) else {
            return Ok(None);
        };
        stdlib::awaited_natively(py)?.call1((self.qualname(py), awaited)).map(Some)
    }

    fn __repr__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyString>> {
        let name = slf.get().qualname(slf.py());
        allocate::string(slf.py(), &format!("<coroutine object {name} at {:p}>", slf.as_ptr()))
    }

    fn __del__(slf: &Bound<'_, Self>) {
        <Self as Finalize>::delete(slf);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.traverse(|state| {
            state.phase.traverse(|phase| match phase {
                Phase::Waiting(future) => visit.call(future),
                Phase::Delegated(inner) => visit.call(inner),
                _ => Ok(()),
            })?;
            state.program.traverse(|program| program.traverse(&visit))
        })
    }

    fn __clear__(&self, py: Python<'_>) {
        self.end(py);
    }
}

impl FreeListed for Coroutine {
    fn free_list() -> &'static FreeList {
        static FREE_LIST: FreeList = FreeList::new();
        &FREE_LIST
    }

    #[inline]
    fn is_empty(slf: Borrowed<'_, '_, Self>) -> bool {
        let (py, state) = (slf.py(), &slf.get().state);
        state.phase.read(py, Phase::is_over)
            && state.program.read(py, |program| matches!(program, Program::Absent))
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        slf.get().end(slf.py());
    }
}

impl Finalize for Coroutine {
    fn original_dealloc() -> &'static OnceLock<ffi::destructor> {
        static ORIGINAL: OnceLock<ffi::destructor> = OnceLock::new();
        &ORIGINAL
    }

    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool {
        !slf.get().state.phase.read(slf.py(), Phase::is_over)
    }

    /// Warns about a coroutine that was never awaited, and closes a suspended one, so that
    /// its body releases what it holds.
    fn finalize(slf: &Bound<'_, Self>) {
        let py = slf.py();
        let created = slf.get().state.phase.read(py, Phase::is_created);
        let outcome = if created && origins::are_wanted() {
            stdlib::warn_of_unawaited(py).and_then(|warn| warn.call1((slf,))).map(drop)
        } else if created {
            let text = format!("coroutine '{}' was never awaited", slf.get().qualname(py));
            let text = CString::new(text).expect("function names have no zero bytes");
            PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &text, 1)
        } else {
            slf.get().close(py)
        };
        if let Err(error) = outcome {
            error.write_unraisable(py, Some(slf.as_any()));
        }
    }
}
