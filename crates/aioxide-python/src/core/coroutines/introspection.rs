//! Introspection of native coroutines: the attributes of the interpreter's coroutines.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use pyo3::{PyTraverseError, PyTypeInfo};

use super::phase::Phase;
use super::{Coroutine, origins};
use crate::ffi::allocate;
use crate::{recorder, stdlib};

#[pymethods]
impl Coroutine {
    /// So that `isinstance(x, types.CoroutineType)` is true.
    #[getter]
    fn __class__(slf: &Bound<'_, Self>) -> PyResult<Py<PyType>> {
        Ok(stdlib::coroutine_type(slf.py())?.clone().unbind())
    }

    /// The code of asyncio's function, or an empty one that says where the function is.
    #[getter]
    fn cr_code<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.code(py)
    }

    /// What a suspended Rust future waits for: the kind of it, and the Python object if it is one.
    /// None for other coroutines.
    #[getter]
    fn _rust_wait<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let Some((kind, object)) = self.state.program.rust_wait(py) else { return Ok(None) };
        let kind = allocate::string(py, kind.word())?.into_any();
        let object = object.unwrap_or_else(|| py.None()).into_bound(py);
        allocate::tuple(py, [kind, object]).map(Some)
    }

    /// Where it was made, if a loop in debug mode has recorded that; until it begins, also if lints
    /// have looked.
    #[getter]
    fn cr_origin<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match origins::of(slf.as_any())? {
            Some(origin) => Ok(Some(origin)),
            None => slf.get().line_of_origin(slf.py()),
        }
    }
}

impl Coroutine {
    /// An origin of one line, as lints have noted it: file, line and function.
    fn line_of_origin<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let place = self.state.phase.read(py, Phase::created_at);
        let Some((file, line, function)) = recorder::described(place) else { return Ok(None) };
        // The interpreter's own have the plain name.
        let function = function.rsplit('.').next().unwrap_or_default();
        let (file, function) = (allocate::string(py, &file)?, allocate::string(py, function)?);
        let line = allocate::int(py, line.into())?;
        let frame = allocate::tuple(py, [file.into_any(), line.into_any(), function.into_any()])?;
        allocate::tuple(py, [frame]).map(|origin| Some(origin.into_any()))
    }
}

/// The code of asyncio's function of that name.
pub fn code_of<'py>(py: Python<'py>, qualname: &str) -> PyResult<Bound<'py, PyAny>> {
    stdlib::native_code(py)?.call1((crate::ffi::allocate::Made(qualname),))
}

/// The iterator that `coroutine.__await__()` returns. `await` itself does not need it.
#[pyclass(frozen, name = "coroutine_wrapper", module = "aioxide")]
pub struct Steps {
    coroutine: Py<PyAny>,
}

impl Steps {
    /// The steps of `coroutine`.
    pub fn of(coroutine: &Bound<'_, PyAny>) -> Self {
        Self { coroutine: coroutine.clone().unbind() }
    }
}

#[pymethods]
impl Steps {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.coroutine.bind(py).call_method1(crate::intern!(py, "send"), (py.None(),))
    }

    #[pyo3(signature = (value, /))]
    fn send<'py>(&self, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = value.py();
        self.coroutine.bind(py).call_method1(crate::intern!(py, "send"), (value,))
    }

    #[pyo3(signature = (*arguments))]
    fn throw<'py>(
        &self,
        arguments: &Bound<'py, pyo3::types::PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = arguments.py();
        self.coroutine.bind(py).call_method1(crate::intern!(py, "throw"), arguments)
    }

    fn close<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.coroutine.bind(py).call_method0(crate::intern!(py, "close"))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.coroutine)
    }
}

/// `iter(coroutine)`, which is allowed only for the `yield from` of a generator-based
/// coroutine (`types.coroutine`).
pub unsafe extern "C" fn iter_slot(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls slots with the GIL held and an object that is alive.
    unsafe {
        crate::ffi::entry::enter(c"__iter__", crate::ffi::entry::Attach::Registered, |py| {
            let object = Bound::from_borrowed_ptr(py, object);
            if caller_is_generator_based(py)? {
                return Ok(object.unbind());
            }
            Err(PyTypeError::new_err(crate::name!("'coroutine' object is not iterable")))
        })
    }
}

/// Hides `__iter__` and `__next__` of `T` from Python code, although the interpreter steps
/// it by `tp_iternext`: a coroutine is not an iterator. Called once, at module
/// initialisation.
pub fn conceal_iteration<T: PyTypeInfo>(py: Python<'_>) -> PyResult<()> {
    let class = py.get_type::<T>();
    let raw = class.as_type_ptr();
    // SAFETY: the class is one of this module's, with the slots that `__next__` and
    // `__await__` filled; no instance exists yet, and the GIL is held.
    unsafe {
        let next = (*raw).tp_iternext;
        class.delattr(crate::name!("__iter__"))?;
        class.delattr(crate::name!("__next__"))?;
        (*raw).tp_iter = Some(iter_slot);
        (*raw).tp_iternext = next;
        (*(*raw).tp_as_async).am_await = Some(itself_slot);
        ffi::PyType_Modified(raw);
    }
    Ok(())
}

/// The slot `am_await`: the object is its own iterator.
pub unsafe extern "C" fn itself_slot(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls slots with the GIL held and an object that
    // is alive.
    unsafe { ffi::Py_NewRef(object) }
}

/// Whether the Python code that called is a generator-based coroutine.
fn caller_is_generator_based(py: Python<'_>) -> PyResult<bool> {
    const CO_ITERABLE_COROUTINE: u32 = 0x100;
    // SAFETY: the GIL is held; a borrowed reference, or null if no Python code runs.
    let frame = unsafe { Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast()) };
    let Some(frame) = frame else { return Ok(false) };
    let code = frame.getattr(crate::intern!(py, "f_code"))?;
    let flags: u32 = code.getattr(crate::intern!(py, "co_flags"))?.extract()?;
    Ok(flags & CO_ITERABLE_COROUTINE != 0)
}
