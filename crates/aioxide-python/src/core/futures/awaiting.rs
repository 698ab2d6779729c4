//! `await future`.
//!
//! A future of exactly one of our classes is its own iterator when the interpreter
//! awaits it: the future itself holds all state between the two steps, and an iterator
//! for each waiting task would be an allocation of 48 bytes. Python code cannot see
//! this: the future has no `__next__`, and `__await__` and `iter()` return a
//! [`FutureIterator`], as they do for a subclass.

use pyo3::exceptions::{PyDeprecationWarning, PyRuntimeError, PyStopIteration};
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use pyo3::{Borrowed, PyTraverseError, PyTypeInfo};

use super::exception_object::{self, is_exception};
use super::{Future, Outcome, stop_iteration};
use crate::ffi::entry::{Attach, enter};
use crate::ffi::free_list::{self, FreeList, FreeListed};
use crate::ffi::gil_cell::{Contents, GilCell};

/// The iterator of `future.__await__()`: yields the future once if it is not
/// done, then returns its result.
#[pyclass(frozen, module = "aioxide")]
pub struct FutureIterator {
    /// None once the result was returned.
    future: Contents<GilCell<Option<Py<Future>>>>,
}

impl FreeListed for FutureIterator {
    fn free_list() -> &'static FreeList {
        static FREE_LIST: FreeList = FreeList::new();
        &FREE_LIST
    }

    #[inline]
    fn is_empty(slf: Borrowed<'_, '_, Self>) -> bool {
        slf.get().future.is_none(slf.py())
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        slf.get().release(slf.py());
    }
}

impl FutureIterator {
    #[inline]
    fn release(&self, py: Python<'_>) {
        if let Some(future) = self.future.take(py) {
            future.drop_ref(py);
        }
    }

    /// An iterator over `future`.
    #[inline]
    pub fn new(py: Python<'_>, future: Py<Future>) -> PyResult<Py<Self>> {
        match free_list::take::<Self>(py) {
            Some(iterator) => {
                iterator.get().future.fill(py, Some(future));
                Ok(iterator.unbind())
            }
            None => Py::new(py, Self { future: Contents::new(GilCell::new(Some(future))) }),
        }
    }
}

/// The next step of awaiting `future`: returns the future, or null with its outcome by
/// the iterator protocol.
#[inline]
fn next(future: &Bound<'_, Future>) -> *mut ffi::PyObject {
    let py = future.py();
    let this = future.get();
    let outcome = if this.is_done(py) {
        this.take_result(py)
    } else if this.state.flags.get(py).blocking {
        Err(PyRuntimeError::new_err(crate::name!("await wasn't used with future")))
    } else {
        this.set_blocking(py, true);
        return future.clone().into_ptr();
    };
    match outcome {
        Ok(value) => stop_iteration(value),
        Err(error) => {
            error.restore(py);
            std::ptr::null_mut()
        }
    }
}

/// The fast path of it: for a future that is pending or has a result, which covers most
/// steps. Drops no `Py`.
#[inline]
fn try_next(future: &Bound<'_, Future>) -> Option<*mut ffi::PyObject> {
    let py = future.py();
    let state = &future.get().state;
    if state.outcome.read(py, Outcome::is_pending) {
        if state.flags.get(py).blocking {
            return None;
        }
        state.flags.update(py, |flags| flags.blocking = true);
        return Some(future.clone().into_ptr());
    }
    let value = state.outcome.clone_of(py, Outcome::result)?;
    Some(stop_iteration(value.into_bound(py)))
}

/// Makes `await` use the future itself as the iterator. Called for `Future` and each native
/// class that extends it, at module initialisation.
pub fn install_await<T: PyTypeInfo>(py: Python<'_>) {
    let class = T::type_object_raw(py);
    // SAFETY: the type was just created by PyO3, is a heap type of this module, which has
    // room for the slots of awaitables, and the GIL is held; no instance and no subclass
    // exists yet. A subclass made in Python gets the slots of its methods: PyO3's slot for
    // `__await__`, and no `tp_iternext`.
    unsafe {
        (*(*class).tp_as_async).am_await = Some(await_slot);
        (*class).tp_iternext = Some(next_slot);
        ffi::PyType_Modified(class);
    }
}

unsafe extern "C" fn await_slot(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls slots with the GIL held and an object that is alive, of
    // a class that the slot was installed in: a future in memory.
    unsafe {
        enter(c"awaiting a future", Attach::Bare, |py| {
            let future = Borrowed::from_ptr(py, object).cast_unchecked::<Future>();
            future.get().require_event_loop(py)?;
            Ok(ffi::Py_NewRef(object))
        })
    }
}

unsafe extern "C" fn next_slot(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        enter(c"awaiting a future", Attach::Bare, |py| {
            let future = Bound::ref_from_ptr(py, &object).cast_unchecked::<Future>();
            Ok(match try_next(future) {
                Some(next) => next,
                None => Python::attach_unchecked(|_| next(future)),
            })
        })
    }
}

/// The result of `send` for the result `next` of the iterator slot: a method, unlike the
/// slot, must raise `StopIteration` at the end.
pub fn sent(py: Python<'_>, next: *mut ffi::PyObject) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: `next` is a new reference, or null as an iterator returns it.
    if let Some(next) = unsafe { Bound::from_owned_ptr_or_opt(py, next) } {
        return Ok(next);
    }
    match PyErr::take(py) {
        None => Err(PyStopIteration::new_err(())),
        // A caller of `send` gets the usual class.
        Some(error) if error.is_instance_of::<PyStopIteration>(py) => {
            let value = error.value(py).getattr(crate::intern!(py, "value"))?;
            Err(PyStopIteration::new_err((value.unbind(),)))
        }
        Some(error) => Err(error),
    }
}

#[pymethods]
impl FutureIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> *mut ffi::PyObject {
        let Some(future) = self.future.clone_ref(py).map(|future| future.into_bound(py)) else {
            return std::ptr::null_mut();
        };
        // Since 3.14 an iterator that has ended returns the result again.
        if cfg!(not(Py_3_14)) && future.get().is_done(py) {
            self.release(py);
        }
        next(&future)
    }

    #[pyo3(signature = (_value, /))]
    fn send<'py>(&self, py: Python<'py>, _value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        sent(py, self.__next__(py))
    }

    #[pyo3(signature = (kind, value=None, traceback=None, /))]
    fn throw(
        &self,
        py: Python<'_>,
        kind: Bound<'_, PyAny>,
        value: Option<Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        self.release(py);
        Err(thrown(&kind, value, traceback)?)
    }

    fn close(&self, py: Python<'_>) {
        self.release(py);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.future.traverse(|cell| cell.traverse(|future| visit.call(future)))
    }

    fn __clear__(&self, py: Python<'_>) {
        self.release(py);
    }
}

/// The exception for the arguments of a generator's `throw`.
pub fn thrown(
    kind: &Bound<'_, PyAny>,
    value: Option<Bound<'_, PyAny>>,
    traceback: Option<Bound<'_, PyAny>>,
) -> PyResult<PyErr> {
    let py = kind.py();
    if cfg!(Py_3_12) && (value.is_some() || traceback.is_some()) {
        let text = c"the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.";
        PyErr::warn(py, &py.get_type::<PyDeprecationWarning>(), text, 1)?;
    }
    let value = value.filter(|value| !value.is_none());
    let traceback = traceback.filter(|traceback| !traceback.is_none());
    let exception = if let Ok(class) = kind.cast::<PyType>() {
        match value {
            Some(value) if value.is_instance(class)? => value,
            Some(value) => match value.cast::<PyTuple>() {
                Ok(arguments) => class.call1(arguments)?,
                Err(_) => class.call1((value,))?,
            },
            None => class.call0()?,
        }
    } else if value.is_some() {
        return Err(pyo3::exceptions::PyTypeError::new_err(crate::name!(
            "instance exception may not have a separate value"
        )));
    } else {
        kind.clone()
    };
    if !is_exception(&exception) {
        return Err(pyo3::exceptions::PyTypeError::new_err(crate::name!(
            "exceptions must be classes deriving BaseException or instances of such a class"
        )));
    }
    if let Some(traceback) = traceback {
        if !traceback.is_instance_of::<pyo3::types::PyTraceback>() {
            return Err(pyo3::exceptions::PyTypeError::new_err(crate::name!(
                "throw() third argument must be a traceback"
            )));
        }
        exception_object::set_traceback(&exception, Some(traceback.unbind()))?;
    }
    Ok(PyErr::from_value(exception))
}
