//! Copies of native methods in the class `Loop`.
//!
//! Before it calls an inherited native method, the interpreter searches for the method's
//! class among all bases of the object's class, one by one. `Loop` has sixteen, and
//! `LoopCore` is near their end: this takes a twentieth of the time of a callback. If the
//! class itself has a descriptor for the same function, there is no search.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::LoopCore;

/// The methods that a program calls for each callback, future and task.
const HOT: [&str; 7] = [
    "call_soon",
    "call_soon_threadsafe",
    "call_later",
    "call_at",
    "create_future",
    "create_task",
    "time",
];

/// The class with the copies: nearly every loop of ours is of this class.
static OWNER: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(null_mut());

impl LoopCore {
    /// `object`, if it is a loop of ours. The interpreter's own check would search those
    /// sixteen bases, too.
    #[inline]
    pub fn of<'a, 'py>(object: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, Self>> {
        // SAFETY: the reference is alive; the class that is compared with has this one
        // as a base, and is never freed, so that no other has its address.
        unsafe {
            if std::ptr::eq(ffi::Py_TYPE(object.as_ptr()), OWNER.load(Ordering::Relaxed)) {
                return Some(object.cast_unchecked::<Self>());
            }
        }
        let core = object.cast::<Self>().ok();
        if core.is_none() {
            // A foreign loop runs in this thread.
            crate::ffi::exiting::arm();
        }
        core
    }
}

/// Copies the descriptors of the most frequently called methods to `class_`, a subclass of
/// `LoopCore`. Called once, when the class has been made.
///
/// # Errors
///
/// `TypeError` for any other class.
#[pyfunction]
#[pyo3(signature = (class_, /))]
pub fn _own_hot_methods(class_: &Bound<'_, PyType>) -> PyResult<()> {
    let py = class_.py();
    if !class_.is_subclass_of::<LoopCore>()? {
        return Err(PyTypeError::new_err(format!(
            "{} is not a subclass of LoopCore",
            class_.name()?
        )));
    }
    for name in HOT {
        let inherited = py.get_type::<LoopCore>().getattr(name)?;
        // SAFETY: the reference is alive.
        let definition = unsafe { definition_of(inherited.as_ptr()) }
            .ok_or_else(|| PyTypeError::new_err(format!("{name} is not a native method")))?;
        // SAFETY: the definition lives as long as the module's class, which is never freed;
        // the descriptor accepts only instances of `class_`, which are LoopCores.
        let own = unsafe {
            let own = ffi::PyDescr_NewMethod(class_.as_type_ptr(), definition);
            Bound::from_owned_ptr_or_err(py, own)?
        };
        class_.setattr(name, own)?;
    }
    OWNER.store(class_.clone().into_ptr().cast(), Ordering::Relaxed);
    Ok(())
}

/// The definition of a native method; None for any other object, and for null.
///
/// # Safety
///
/// The GIL is held, and the object is alive.
pub unsafe fn definition_of(method: *mut ffi::PyObject) -> Option<*mut ffi::PyMethodDef> {
    // SAFETY: the caller's promise, and what its type says about its layout holds.
    unsafe {
        let is_native = !method.is_null()
            && std::ptr::eq(ffi::Py_TYPE(method), &raw const ffi::PyMethodDescr_Type);
        is_native.then(|| (*method.cast::<ffi::PyMethodDescrObject>()).d_method)
    }
}
