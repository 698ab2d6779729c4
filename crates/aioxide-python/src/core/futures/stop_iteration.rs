//! How a native iterator returns a result: `StopIteration(value)`.

use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use crate::ffi::deallocation::in_turn;
use crate::ffi::entry::{Attach, enter, enter_silently};
use crate::ffi::gil_cell::GilCell;

/// The class of the exceptions, a subclass of `StopIteration`.
static CLASS: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(null_mut());

/// The free list of these exceptions, without a value.
static FREE_LIST: GilCell<Vec<NonNull<ffi::PyStopIterationObject>>> = GilCell::new(Vec::new());

/// The size of the free list. More than one is alive only if code catches and keeps
/// an exception.
const CAPACITY: usize = 16;

/// Raises `StopIteration(value)` and returns the null that goes with it.
///
/// `None`, the most frequent value, needs no exception: null alone ends an iterator.
/// For other values the interpreter requires an exception, reads its value and drops it
/// at once. Making one costs more than the rest of an `await`, so its class has a free
/// list.
#[inline]
pub fn stop_iteration(value: Bound<'_, PyAny>) -> *mut ffi::PyObject {
    let py = value.py();
    if !value.is_none() {
        match taken(py) {
            // SAFETY: the exception is ours alone, has no value, and is given away;
            // so is the reference to the value.
            Some(exception) => unsafe {
                (*exception.as_ptr()).value = value.into_ptr();
                raise(exception.as_ptr().cast());
            },
            None => first_of_its_kind(value),
        }
    }
    null_mut()
}

/// Takes an exception from the free list and reinitialises it.
#[inline]
fn taken(py: Python<'_>) -> Option<NonNull<ffi::PyStopIterationObject>> {
    let exception = FREE_LIST.pop(py)?;
    // SAFETY: `dealloc` has put it there: an instance of our class without references to
    // it, whose fields are null except for the empty tuple of arguments. This restores its
    // first reference, and its reference to the class.
    unsafe {
        ffi::PyObject_Init(exception.as_ptr().cast(), CLASS.load(Ordering::Relaxed));
        ffi::PyObject_GC_Track(exception.as_ptr().cast());
    }
    Some(exception)
}

/// # Safety
///
/// The thread is attached, and the reference to an exception is given away.
#[inline]
unsafe fn raise(exception: *mut ffi::PyObject) {
    #[cfg(Py_3_12)]
    // SAFETY: the caller's promise.
    unsafe {
        ffi::PyErr_SetRaisedException(exception);
    }
    #[cfg(not(Py_3_12))]
    // SAFETY: the caller's promise.
    unsafe {
        let class = ffi::Py_NewRef(ffi::Py_TYPE(exception).cast());
        ffi::PyErr_Restore(class, exception, null_mut());
    }
}

#[cold]
fn first_of_its_kind(value: Bound<'_, PyAny>) {
    let py = value.py();
    let class = CLASS.load(Ordering::Relaxed);
    // SAFETY: the class was made at module initialisation; calling it gives a new
    // instance of it, whose value is null or owned.
    unsafe {
        let exception = ffi::PyObject_CallNoArgs(class.cast());
        if exception.is_null() {
            return; // The exception that says why is raised in its place.
        }
        let place = &raw mut (*exception.cast::<ffi::PyStopIterationObject>()).value;
        let before = place.replace(value.into_ptr());
        drop(Bound::from_owned_ptr_or_opt(py, before));
        raise(exception);
    }
}

/// Makes the class. Called once, at module initialisation.
pub fn prepare_stop_iteration(py: Python<'_>) -> PyResult<()> {
    let mut getters = [
        ffi::PyGetSetDef {
            name: c"args".as_ptr(),
            get: Some(arguments),
            set: None,
            doc: null_mut(),
            closure: null_mut(),
        },
        ffi::PyGetSetDef::default(),
    ];
    let getters: *mut [ffi::PyGetSetDef; 2] = Box::leak(Box::new(std::mem::take(&mut getters)));
    let mut slots = [
        ffi::PyType_Slot { slot: ffi::Py_tp_dealloc, pfunc: dealloc as *mut _ },
        ffi::PyType_Slot { slot: ffi::Py_tp_getset, pfunc: getters.cast() },
        ffi::PyType_Slot { slot: 0, pfunc: null_mut() },
    ];
    let mut specification = ffi::PyType_Spec {
        name: c"aioxide.StopIteration".as_ptr(),
        basicsize: 0,
        itemsize: 0,
        flags: ffi::Py_TPFLAGS_DEFAULT as _,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the specification is complete, and what it points to outlives the call
    // or is leaked. The collector's functions and the size are the base's.
    let class = unsafe {
        let class = ffi::PyType_FromSpecWithBases(&mut specification, ffi::PyExc_StopIteration);
        Bound::from_owned_ptr_or_err(py, class)?
    };
    CLASS.store(class.into_ptr().cast(), Ordering::Relaxed);
    // The first one is made now, because later an allocation may fail and lose its value.
    // SAFETY: the class was made just now; calling it gives a new instance.
    drop(unsafe {
        let class = CLASS.load(Ordering::Relaxed).cast();
        Bound::from_owned_ptr_or_err(py, ffi::PyObject_CallNoArgs(class))?
    });
    Ok(())
}

/// `exception.args`, for code that steps a coroutine by hand: as of an exception that was
/// made in the usual way.
unsafe extern "C" fn arguments(
    exception: *mut ffi::PyObject,
    _closure: *mut std::ffi::c_void,
) -> *mut ffi::PyObject {
    // SAFETY: called with the GIL held on an instance of our class, whose value is
    // null or a reference.
    unsafe {
        enter(c"args", Attach::Bare, |_| {
            let value = (*exception.cast::<ffi::PyStopIterationObject>()).value;
            Ok(if value.is_null() { ffi::PyTuple_New(0) } else { ffi::PyTuple_Pack(1, value) })
        })
    }
}

/// Whether `arguments` are empty, as for the exceptions that are made here.
///
/// # Safety
///
/// `arguments` is null or alive, and the GIL is held.
#[inline]
unsafe fn is_empty_tuple(arguments: *mut ffi::PyObject) -> bool {
    // SAFETY: the caller's promise; the size is read only from a tuple.
    unsafe {
        !arguments.is_null()
            && ffi::PyTuple_CheckExact(arguments) != 0
            && ffi::PyTuple_Size(arguments) == 0
    }
}

unsafe extern "C" fn dealloc(object: *mut ffi::PyObject) {
    // SAFETY: the interpreter calls with the GIL held on an instance of our class
    // without references.
    unsafe { enter_silently(c"a deallocation of aioxide", |py| in_turn(py, object, dispose)) }
}

/// # Safety
///
/// `object` is an instance of our class without references.
unsafe fn dispose(py: Python<'_>, object: *mut ffi::PyObject) {
    // SAFETY: the caller's promise. The value is taken out before it is dropped. An
    // exception with other fields is deallocated by the base class, which frees the
    // memory; the instance owned a reference to its class.
    unsafe {
        let class = ffi::Py_TYPE(object);
        let exception = object.cast::<ffi::PyStopIterationObject>();
        // Other fields would be visible in the next use of the exception.
        let untouched = (*exception).dict.is_null()
            && is_empty_tuple((*exception).args)
            && (&raw const (*exception).suppress_context).cast::<u8>().read() == 0
            && (*exception).notes.is_null()
            && (*exception).traceback.is_null()
            && (*exception).context.is_null()
            && (*exception).cause.is_null()
            && has_no_arguments(exception);
        if untouched && FREE_LIST.len(py) < CAPACITY {
            ffi::PyObject_GC_UnTrack(object.cast());
            let value = std::mem::replace(&mut (*exception).value, null_mut());
            FREE_LIST.push(py, NonNull::new_unchecked(exception));
            ffi::Py_XDECREF(value);
        } else {
            let base = ffi::PyExc_StopIteration.cast::<ffi::PyTypeObject>();
            let original = (*base).tp_dealloc.expect("exceptions have tp_dealloc");
            original(object);
        }
        ffi::Py_DECREF(class.cast());
    }
}

/// Whether `BaseException.args`, which Python code may have set, is still the empty
/// tuple that an exception of ours is made with.
///
/// # Safety
///
/// The exception is in memory.
#[inline]
unsafe fn has_no_arguments(exception: *mut ffi::PyStopIterationObject) -> bool {
    // SAFETY: the caller's promise; the field is null or a tuple.
    unsafe {
        let arguments = (*exception).args;
        arguments.is_null() || ffi::PyTuple_GET_SIZE(arguments) == 0
    }
}
