//! The Python class `Coroutine`.

use std::ffi::CString;
use std::sync::OnceLock;

use pyo3::exceptions::{PyGeneratorExit, PyRuntimeError, PyRuntimeWarning, PyValueError};
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyString;
use pyo3::{Borrowed, PyTraverseError, PyTypeInfo};

use super::introspection::{Steps, code_of, iter_slot, itself_slot};
use super::origins;
use super::phase::Phase;
use super::stepping::{Flow, Resumption};
use crate::core::dispatch::Program;
use crate::core::futures::{sent, thrown};
use crate::ffi::allocate;
use crate::ffi::definition::Definition;
use crate::ffi::entry::{Attach, enter};
use crate::ffi::errors::Settled;
use crate::ffi::finalizer::Finalize;
use crate::ffi::free_list::{self, FreeList, FreeListed};
use crate::ffi::gil_cell::{Contents, GilCell};
use crate::{recorder, stdlib};

/// A coroutine whose body is native.
#[pyclass(frozen, weakref, module = "aioxide")]
pub struct Coroutine {
    pub(super) state: Contents<State>,
}

pub(super) struct State {
    pub(super) phase: GilCell<Phase>,
    /// Absent while a step runs, and once it is over.
    pub(super) program: GilCell<Program>,
    /// The program's name, for when the program is absent.
    qualname: GilCell<&'static str>,
    definition: GilCell<Option<&'static Definition>>,
}

impl Coroutine {
    /// A coroutine that has not begun.
    #[inline]
    pub fn new(py: Python<'_>, program: impl Into<Program>) -> PyResult<Py<Self>> {
        let program = program.into();
        let (qualname, definition) = (program.qualname(), program.definition());
        let coroutine = match free_list::take::<Self>(py) {
            Some(coroutine) => coroutine,
            None => match Self::blank(py) {
                Ok(coroutine) => coroutine,
                Err(error) => {
                    program.release(py);
                    return Err(error);
                }
            },
        };
        // One from the free list holds no references either.
        let state = &coroutine.get().state;
        state.phase.fill(py, Phase::Created(0));
        state.program.fill(py, program);
        state.qualname.set(py, qualname);
        state.definition.set(py, definition);
        let coroutine = coroutine.unbind();
        if recorder::wants_origins() {
            Self::note_origin(coroutine.bind(py))?;
        }
        Ok(coroutine)
    }

    /// It was made now, and somebody wants to know where.
    #[cold]
    fn note_origin(slf: &Bound<'_, Self>) -> PyResult<()> {
        if recorder::origins_are_recorded() {
            return origins::remember(slf.as_any());
        }
        let py = slf.py();
        drop(slf.get().state.phase.replace(py, Phase::Created(recorder::caller(py))));
        Ok(())
    }

    #[cold]
    fn blank(py: Python<'_>) -> PyResult<Bound<'_, Self>> {
        let state = State {
            phase: GilCell::new(Phase::Over),
            program: GilCell::new(Program::Absent),
            qualname: GilCell::new(""),
            definition: GilCell::new(None),
        };
        Bound::new(py, Self { state: Contents::new(state) })
    }

    pub fn qualname(&self, py: Python<'_>) -> &'static str {
        self.state.qualname.get(py)
    }

    /// What tells of its function if that is another extension module's.
    pub fn definition(&self, py: Python<'_>) -> Option<&'static Definition> {
        self.state.definition.get(py)
    }

    /// The code of its function.
    pub fn code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.definition(py) {
            Some(definition) => definition.code(py),
            None => code_of(py, self.qualname(py)),
        }
    }

    /// The future or the iterator that it awaits.
    fn awaited(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.phase.awaited(py)
    }

    /// Drops all references.
    pub(super) fn end(&self, py: Python<'_>) {
        let phase = self.state.phase.replace(py, Phase::Over);
        let program = self.state.program.replace(py, Program::Absent);
        drop(phase);
        program.release(py);
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
            Phase::Created(_) | Phase::Over => Some(false),
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
            Phase::Created(_) => "CORO_CREATED",
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
        let code = self.code(py)?;
        let arguments = (allocate::Made(self.qualname(py)), self.awaited(py), code);
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
        let noted = slf.get().state.phase.read(py, Phase::created_at) != 0;
        let outcome = if created && (noted || recorder::origins_are_recorded()) {
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
