//! Free lists for the objects that every turn makes and drops.
//!
//! PyO3's `freelist` hands an object out again without telling the cyclic
//! garbage collector, which would never find a cycle through it, and keeps
//! objects that were finalized, which the interpreter would not finalize a
//! second time. Both functions are therefore wrapped: what is allocated is
//! tracked, and what was finalized is freed for good.

use std::sync::OnceLock;

use pyo3::PyClass;
use pyo3::ffi;
use pyo3::prelude::*;

/// A class with a free list.
pub trait Reuse: PyClass {
    /// Where the functions that PyO3 made for the class are kept.
    fn original() -> &'static OnceLock<(ffi::allocfunc, ffi::freefunc)>;
}

/// Implements [`Reuse`] for a class.
macro_rules! reuse {
    ($class:ty) => {
        impl crate::reuse::Reuse for $class {
            fn original()
            -> &'static std::sync::OnceLock<(pyo3::ffi::allocfunc, pyo3::ffi::freefunc)> {
                static ORIGINAL: std::sync::OnceLock<(pyo3::ffi::allocfunc, pyo3::ffi::freefunc)> =
                    std::sync::OnceLock::new();
                &ORIGINAL
            }
        }
    };
}
pub(crate) use reuse;

/// Wraps the functions of `T`. Called once, at module
/// initialisation, before any instance exists.
pub fn install<T: Reuse>(py: Python<'_>) {
    let type_object = T::type_object_raw(py);
    // SAFETY: as in `finalizer::install`: the type is ours, new and unused.
    unsafe {
        let original_alloc = (*type_object).tp_alloc.expect("a native class has tp_alloc");
        let original_free = (*type_object).tp_free.expect("a native class has tp_free");
        T::original().get_or_init(|| (original_alloc, original_free));
        (*type_object).tp_alloc = Some(alloc::<T>);
        (*type_object).tp_free = Some(free::<T>);
        ffi::PyType_Modified(type_object);
    }
}

unsafe extern "C" fn alloc<T: Reuse>(
    class: *mut ffi::PyTypeObject,
    items: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: called with the GIL held, on T or a subclass. An object from the
    // free list was untracked when it went there, and has the size that its
    // class says.
    unsafe {
        let (original, _) = T::original().get().expect("set by install()");
        let object = original(class, items);
        if !object.is_null() && ffi::PyObject_GC_IsTracked(object) == 0 {
            // Like any new object it is all zeros behind its head, whatever it
            // was before.
            let head = size_of::<ffi::PyObject>();
            let body = (*class).tp_basicsize as usize - head;
            object.cast::<u8>().add(head).write_bytes(0, body);
            ffi::PyObject_GC_Track(object.cast());
        }
        object
    }
}

unsafe extern "C" fn free<T: Reuse>(object: *mut std::ffi::c_void) {
    // SAFETY: called with the GIL held on an instance of exactly T whose
    // contents are gone.
    unsafe {
        if ffi::PyObject_GC_IsFinalized(object.cast()) != 0 {
            ffi::PyObject_GC_Del(object);
        } else {
            let (_, original) = T::original().get().expect("set by install()");
            original(object);
        }
    }
}
