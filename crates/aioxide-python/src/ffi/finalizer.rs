//! `__del__` for native classes, which PyO3 does not offer.
//!
//! asyncio reports a future whose exception was never retrieved, and a task that
//! is dropped while it waits, from the object's finalizer, with the object
//! itself in the report. That needs `tp_finalize` (PEP 442): called once, with
//! the object alive, both when the last reference goes and when a collection
//! finds a cycle.

use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{Borrowed, PyClass};

use crate::ffi::deallocation::in_turn;
use crate::ffi::entry::{RaisedBefore, enter_silently};

/// A class whose instances have something to do before they are freed.
pub trait Finalize: PyClass {
    /// Where the dealloc function that PyO3 made for the class is kept.
    fn original_dealloc() -> &'static OnceLock<ffi::destructor>;

    /// Whether there is anything to do: a cheap check, on every deallocation,
    /// without taking a reference.
    fn wants_finalizer(slf: Borrowed<'_, '_, Self>) -> bool;

    /// May run any Python code, and may bring the object back to life.
    fn finalize(slf: &Bound<'_, Self>);

    /// Called just before the memory is freed: removes the object's address from
    /// any table of borrowed pointers. Must not take a reference.
    fn forget(_slf: Borrowed<'_, '_, Self>) {}

    /// `__del__`, which subclasses written in Python inherit.
    fn delete(slf: &Bound<'_, Self>) {
        if Self::wants_finalizer(slf.as_borrowed()) {
            Self::finalize(slf);
        }
    }
}

/// Installs [`Finalize`] in the type object of `T`. Called once, at module
/// initialisation, before any instance exists.
pub fn install<T: Finalize>(py: Python<'_>) {
    let type_object = T::type_object_raw(py);
    // SAFETY: the type was just created by PyO3, is a heap type of this
    // module, and the GIL is held; no instance exists yet, so no slot is in
    // use while it is replaced.
    unsafe {
        let original = (*type_object).tp_dealloc.expect("a native class has tp_dealloc");
        T::original_dealloc().get_or_init(|| original);
        (*type_object).tp_finalize = Some(finalize_slot::<T>);
        (*type_object).tp_dealloc = Some(dealloc_slot::<T>);
        ffi::PyType_Modified(type_object);
    }
}

unsafe extern "C" fn finalize_slot<T: Finalize>(object: *mut ffi::PyObject) {
    // SAFETY: the interpreter calls slots with the GIL held, and an object that is
    // alive; an instance of T, because the slot is installed on T only and inherited by
    // its subclasses.
    unsafe {
        enter_silently(c"a finalizer of aioxide", |_| {
            Python::attach_unchecked(|py| {
                let bound = Bound::from_borrowed_ptr(py, object).cast_into_unchecked::<T>();
                finalize(&bound);
            });
        });
    }
}

fn finalize<T: Finalize>(bound: &Bound<'_, T>) {
    if T::wants_finalizer(bound.as_borrowed()) {
        let _raised = RaisedBefore::take(bound.py());
        T::finalize(bound);
    }
}

unsafe extern "C" fn dealloc_slot<T: Finalize>(object: *mut ffi::PyObject) {
    // SAFETY: tp_dealloc is called with the GIL held on an instance of T whose
    // last reference is gone. The borrowed reference does not count, and the token
    // alone is enough: no reference is given up here.
    unsafe {
        enter_silently(c"a deallocation of aioxide", |py| {
            let borrowed = Borrowed::from_ptr(py, object).cast_unchecked::<T>();
            if T::wants_finalizer(borrowed) {
                in_turn(py, object, finalize_and_dispose::<T>);
            } else {
                dispose::<T>(py, object);
            }
        });
    }
}

/// # Safety
///
/// `object` is an instance of `T` without references.
unsafe fn finalize_and_dispose<T: Finalize>(py: Python<'_>, object: *mut ffi::PyObject) {
    // SAFETY: the caller's promise. The interpreter's helper keeps the object alive
    // while it finalizes, and does nothing when it has been finalized already.
    unsafe {
        if ffi::PyObject_CallFinalizerFromDealloc(object) == 0 {
            dispose::<T>(py, object);
        } // Otherwise there is a new reference to it.
    }
}

/// # Safety
///
/// `object` is an instance of `T` without references.
#[inline]
unsafe fn dispose<T: Finalize>(py: Python<'_>, object: *mut ffi::PyObject) {
    // SAFETY: the caller's promise.
    unsafe {
        T::forget(Borrowed::from_ptr(py, object).cast_unchecked::<T>());
        let original = T::original_dealloc().get().expect("set by install()");
        original(object);
    }
}
