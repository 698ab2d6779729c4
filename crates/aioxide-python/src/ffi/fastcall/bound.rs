//! Bound methods for `async with` that come from a free list.
//!
//! Up to 3.13 the interpreter makes a bound method of `__aenter__`, and one of
//! `__aexit__`, for each `async with`: a quarter of what a free lock costs. A
//! descriptor of ours binds too, but takes its bound methods from a free list. From 3.14
//! on the interpreter makes no bound method.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyType;
use pyo3::{Borrowed, PyTraverseError, PyTypeInfo};

use crate::ffi::allocate::Made;
use crate::ffi::free_list::{self, FreeList, FreeListed};
use crate::ffi::gil_cell::{CloneRef, Contents, GilCell};

/// The descriptor that a class has in place of the method.
#[pyclass(frozen, module = "aioxide")]
pub struct SpecialMethod {
    /// The function that Python code sees in its place.
    method: Py<PyAny>,
    /// The class whose method it is.
    class: Py<PyType>,
    call: ffi::vectorcallfunc,
}

/// The method and its receiver.
#[pyclass(frozen, module = "aioxide")]
#[repr(C)]
pub struct BoundMethod {
    /// The first field: the interpreter looks for it there.
    call: GilCell<Option<ffi::vectorcallfunc>>,
    parts: Contents<GilCell<Option<Parts>>>,
}

struct Parts {
    method: Py<SpecialMethod>,
    receiver: Py<PyAny>,
}

// SAFETY: reference counts go up.
unsafe impl CloneRef for Parts {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        Self { method: self.method.clone_ref(py), receiver: self.receiver.clone_ref(py) }
    }
}

impl Parts {
    fn drop_ref(self, py: Python<'_>) {
        self.method.drop_ref(py);
        self.receiver.drop_ref(py);
    }
}

/// The attribute of `class` for the function `method`: the function itself, or, for the
/// methods that `async with` calls, a descriptor whose bound methods are called by `call`.
pub fn special<'py>(
    class: &Bound<'py, PyType>,
    name: &str,
    method: Bound<'py, PyAny>,
    call: ffi::vectorcallfunc,
) -> PyResult<Bound<'py, PyAny>> {
    if name != "__aenter__" && name != "__aexit__" {
        return Ok(method);
    }
    let py = method.py();
    let class = class.clone().unbind();
    Ok(Bound::new(py, SpecialMethod { method: method.unbind(), class, call })?.into_any())
}

impl SpecialMethod {
    #[inline]
    fn bind<'py>(slf: &Bound<'py, Self>, receiver: &Bound<'py, PyAny>) -> PyResult<Py<PyAny>> {
        let py = slf.py();
        let this = slf.get();
        // By the real type, as the interpreter's own descriptors check it: `__class__` may
        // be anything.
        // SAFETY: both references are alive; this looks at types.
        let is_its = unsafe {
            ffi::PyObject_TypeCheck(receiver.as_ptr(), this.class.bind(py).as_type_ptr()) != 0
        };
        if !is_its {
            // The call of this one raises the interpreter's error.
            let get = this.method.bind(py).getattr(crate::intern!(py, "__get__"))?;
            return get.call1((receiver,)).map(Bound::unbind);
        }
        let call = Some(this.call);
        let parts =
            Some(Parts { method: slf.clone().unbind(), receiver: receiver.clone().unbind() });
        if let Some(bound) = free_list::take::<BoundMethod>(py) {
            bound.get().call.set(py, call);
            bound.get().parts.fill(py, parts);
            return Ok(bound.into_any().unbind());
        }
        let parts = Contents::new(GilCell::new(parts));
        let bound = BoundMethod { call: GilCell::new(call), parts };
        Ok(Py::new(py, bound)?.into_any())
    }
}

impl BoundMethod {
    fn parts<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let parts = self.parts.clone_ref(py).ok_or_else(|| {
            PyTypeError::new_err(crate::name!("the method's object is being deleted"))
        })?;
        let method = parts.method.get().method.bind(py).clone();
        Ok((method, parts.receiver.into_bound(py)))
    }
}

/// Sets the slots of the classes. Called once, at module
/// initialisation, before any method is added.
pub fn install_slots(py: Python<'_>) {
    free_list::install::<BoundMethod>(py);
    // SAFETY: the types were just created by PyO3, are heap types of this module, and
    // the GIL is held; no instance exists yet. The offset is that of a field that holds
    // a function whenever the object can be called.
    unsafe {
        let special = SpecialMethod::type_object_raw(py);
        (*special).tp_descr_get = Some(get_slot);
        ffi::PyType_Modified(special);
        let bound = BoundMethod::type_object_raw(py);
        let contents = size_of::<ffi::PyObject>() + std::mem::offset_of!(BoundMethod, call);
        (*bound).tp_vectorcall_offset = contents as ffi::Py_ssize_t;
        (*bound).tp_call = Some(ffi::PyVectorcall_Call);
        (*bound).tp_flags |= ffi::Py_TPFLAGS_HAVE_VECTORCALL;
        ffi::PyType_Modified(bound);
    }
}

unsafe extern "C" fn get_slot(
    descriptor: *mut ffi::PyObject,
    receiver: *mut ffi::PyObject,
    _class: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the interpreter calls slots with the GIL held and references that are
    // alive; a descriptor that is looked up on a class has no receiver.
    unsafe {
        crate::ffi::entry::enter(c"__get__", crate::ffi::entry::Attach::Bare, |py| {
            let slf = Bound::ref_from_ptr(py, &descriptor).cast_unchecked::<SpecialMethod>();
            if receiver.is_null() {
                return Ok(slf.get().method.clone_ref(py));
            }
            SpecialMethod::bind(slf, Bound::ref_from_ptr(py, &receiver))
        })
    }
}

/// The receiver of a bound method, as a borrowed reference; None, with an exception set, if
/// it was cleared.
///
/// # Safety
///
/// The GIL is held, and `callable` is a bound method that is alive.
#[inline]
pub unsafe fn receiver_of(callable: *mut ffi::PyObject) -> Option<*mut ffi::PyObject> {
    // SAFETY: the caller's promise.
    let bound = unsafe {
        let py = Python::assume_attached();
        Borrowed::from_ptr(py, callable).cast_unchecked::<BoundMethod>()
    };
    let py = bound.py();
    let receiver =
        bound.get().parts.read(py, |parts| parts.as_ref().map(|parts| parts.receiver.as_ptr()));
    if receiver.is_none() {
        PyTypeError::new_err(crate::name!("the method's object is being deleted")).restore(py);
    }
    receiver
}

#[pymethods]
impl SpecialMethod {
    fn __get__(
        slf: &Bound<'_, Self>,
        receiver: &Bound<'_, PyAny>,
        _class: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        Self::bind(slf, receiver)
    }

    /// Python code sees the function, its class included.
    fn __getattribute__<'py>(&self, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.method.bind(name.py()).getattr(name.cast()?)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.method)?;
        visit.call(&self.class)
    }
}

#[pymethods]
impl BoundMethod {
    /// Python code sees the interpreter's bound method, its class included.
    fn __getattribute__<'py>(&self, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = name.py();
        let (method, receiver) = self.parts(py)?;
        let bound = method.getattr(crate::intern!(py, "__get__"))?.call1((receiver,))?;
        bound.getattr(name.cast()?)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<Made<String>> {
        let (method, receiver) = self.parts(py)?;
        let name = method.getattr(crate::intern!(py, "__qualname__"))?;
        Ok(Made(format!("<bound method {name} of {}>", receiver.repr()?)))
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(other) = other.cast::<Self>() else { return Ok(false) };
        let (mine, its) = (self.parts(py)?, other.get().parts(py)?);
        Ok(mine.0.is(&its.0) && mine.1.is(&its.1))
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<u64> {
        let (method, receiver) = self.parts(py)?;
        Ok((method.as_ptr().addr() ^ receiver.as_ptr().addr().rotate_left(32)) as u64)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let visit_parts = |parts: &Option<Parts>| match parts {
            Some(parts) => {
                visit.call(&parts.method)?;
                visit.call(&parts.receiver)
            }
            None => Ok(()),
        };
        self.parts.traverse(|cell| cell.traverse(visit_parts))
    }

    fn __clear__(&self, py: Python<'_>) {
        if let Some(parts) = self.parts.take(py) {
            parts.drop_ref(py);
        }
    }
}

impl FreeListed for BoundMethod {
    fn free_list() -> &'static FreeList {
        static FREE_LIST: FreeList = FreeList::new();
        &FREE_LIST
    }

    fn empty(slf: Borrowed<'_, '_, Self>) {
        slf.get().__clear__(slf.py());
    }
}
