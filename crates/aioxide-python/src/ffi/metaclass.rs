//! The class of a class, changed after it was made.
//!
//! `install()` makes asyncio's loop classes answer calls and `isinstance()` for
//! aioxide's loops. A class answers these by its own class, the metaclass. The interpreter sets it when the
//! class is made, and refuses later assignments to `__class__` because `type` itself is
//! immutable. A class object has the same layout whatever its metaclass is, as long as
//! that adds no slots, so that there is no other reason to refuse.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// Make `metaclass` the class of `class_`, which keeps its identity and its attributes.
///
/// # Errors
///
/// `TypeError` if one of them is built in, or if objects of the two metaclasses differ
/// in their layout.
#[pyfunction]
#[pyo3(signature = (class_, metaclass, /))]
pub fn _set_metaclass(class_: &Bound<'_, PyType>, metaclass: &Bound<'_, PyType>) -> PyResult<()> {
    let (object, new) = (class_.as_type_ptr(), metaclass.as_type_ptr());
    let old = class_.get_type();
    // SAFETY: all three are type objects, and the references to them are alive.
    let refused = unsafe {
        (*object).tp_flags & ffi::Py_TPFLAGS_HEAPTYPE == 0
            || (*object).tp_flags & ffi::Py_TPFLAGS_IMMUTABLETYPE != 0
            || !is_plain_metaclass(new)
            || !is_plain_metaclass(old.as_type_ptr())
    };
    if refused {
        return Err(PyTypeError::new_err(format!(
            "{} cannot become the class of {}",
            metaclass.name()?,
            class_.name()?
        )));
    }
    // SAFETY: objects of both metaclasses are laid out as those of `type`, and its
    // functions traverse and deallocate them. The object owns a reference to its class
    // before and after, if that was made at run time; built-in classes are not counted.
    // What the interpreter has cached of the class rests on its version, which ends here.
    unsafe {
        if is_made_at_run_time(new) {
            ffi::Py_INCREF(new.cast());
        }
        (*object.cast::<ffi::PyObject>()).ob_type = new;
        ffi::PyType_Modified(object);
        if is_made_at_run_time(old.as_type_ptr()) {
            ffi::Py_DECREF(old.as_ptr());
        }
    }
    Ok(())
}

/// Whether objects of this class are laid out as those of `type`.
///
/// # Safety
///
/// It is a type object, and alive.
unsafe fn is_plain_metaclass(class_: *mut ffi::PyTypeObject) -> bool {
    let plain = &raw mut ffi::PyType_Type;
    // SAFETY: both are type objects that are ready for use.
    unsafe {
        ffi::PyType_IsSubtype(class_, plain) != 0
            && (*class_).tp_basicsize == (*plain).tp_basicsize
            && (*class_).tp_itemsize == (*plain).tp_itemsize
            && (*class_).tp_dictoffset == (*plain).tp_dictoffset
            && (*class_).tp_weaklistoffset == (*plain).tp_weaklistoffset
    }
}

/// Whether its instances own a reference to it.
///
/// # Safety
///
/// It is a type object, and alive.
unsafe fn is_made_at_run_time(class_: *mut ffi::PyTypeObject) -> bool {
    // SAFETY: the caller's.
    unsafe { (*class_).tp_flags & ffi::Py_TPFLAGS_HEAPTYPE != 0 }
}
