//! Methods of the class of loops itself.
//!
//! Before it calls an inherited native method, the interpreter looks for the method's
//! class among all the bases of the object's, one by one. `Loop` has sixteen, and
//! `LoopCore` is near their end: a twentieth of a callback. A descriptor of `Loop`'s own,
//! for the same function, is not looked for.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::LoopCore;

/// What a program calls for each of its callbacks, futures and tasks.
const HOT: [&str; 7] = [
    "call_soon",
    "call_soon_threadsafe",
    "call_later",
    "call_at",
    "create_future",
    "create_task",
    "time",
];

/// The class that was given its own: nearly every loop of ours is of it.
static OWNER: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(null_mut());

impl LoopCore {
    /// `object`, if it is a loop of ours. To ask the interpreter means to look among
    /// those sixteen bases, too.
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
            // A loop of somebody else's runs in this thread.
            crate::ffi::exiting::arm();
        }
        core
    }
}

/// Gives `class_`, a subclass of `LoopCore`, descriptors of its own for the methods that
/// are called most. Called once, when the class has been made.
///
/// # Errors
///
/// `TypeError` for any other class.
#[pyfunction]
#[pyo3(signature = (class_, /))]
pub fn _own_hot_methods(class_: &Bound<'_, PyType>) -> PyResult<()> {
    let py = class_.py();
    if !class_.is_subclass_of::<LoopCore>()? {
        return Err(PyTypeError::new_err(format!("{} is no subclass of LoopCore", class_.name()?)));
    }
    for name in HOT {
        let inherited = py.get_type::<LoopCore>().getattr(name)?;
        // SAFETY: the reference is alive.
        let definition = unsafe { definition_of(inherited.as_ptr()) }
            .ok_or_else(|| PyTypeError::new_err(format!("{name} is no native method")))?;
        // SAFETY: the definition lives as long as the module's class, for ever; the
        // descriptor lets instances of `class_` only through, which are LoopCores.
        let own = unsafe {
            let own = ffi::PyDescr_NewMethod(class_.as_type_ptr(), definition);
            Bound::from_owned_ptr_or_err(py, own)?
        };
        class_.setattr(name, own)?;
    }
    OWNER.store(class_.clone().into_ptr().cast(), Ordering::Relaxed);
    Ok(())
}

/// The definition of a native method; None for what is none, and for null.
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
