//! Free lists for objects that every iteration makes and drops.
//!
//! An object of one of these classes is not freed when its last reference goes: its
//! fields are emptied and it goes to a free list, from which the next one is taken. That
//! saves the allocator, the type machinery and the initialisation, together
//! more than the rest of a callback. (PyO3's own `freelist` saves the
//! allocator only, and returns objects that the cyclic garbage collector
//! does not know.)

use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::{Borrowed, PyClass};

use crate::ffi::deallocation::in_turn;
use crate::ffi::entry::enter_silently;
use crate::ffi::gil_cell::GilCell;

/// How many objects of a class are kept: what a program that does ten thousand
/// things at once makes and drops in one iteration. Beyond it, an object costs 100 to 200 ns
/// more; what is kept is a few megabytes at most.
const CAPACITY: usize = 16384;

/// The free list of one class.
pub struct FreeList {
    objects: GilCell<Vec<NonNull<ffi::PyObject>>>,
    /// The class, so that it can be compared with at the cost of a load.
    class: AtomicPtr<ffi::PyTypeObject>,
    /// The function that really deallocates.
    dealloc: OnceLock<ffi::destructor>,
}

impl FreeList {
    /// An empty list.
    pub const fn new() -> Self {
        Self {
            objects: GilCell::new(Vec::new()),
            class: AtomicPtr::new(std::ptr::null_mut()),
            dealloc: OnceLock::new(),
        }
    }
}

/// A class whose objects go to a free list.
pub trait FreeListed: PyClass {
    /// The class's list.
    fn free_list() -> &'static FreeList;

    /// Whether [`FreeListed::empty`] drops no `Py`, unless by `drop_ref`: PyO3 need not
    /// know of it then. (See `crate::ffi::fastcall` for what that costs.)
    const DROPS_NOTHING: bool = false;

    /// Whether the object is known to hold nothing, so that `empty` has nothing to do.
    /// A cheap check.
    #[inline]
    fn is_empty(_slf: Borrowed<'_, '_, Self>) -> bool {
        false
    }

    /// Drops everything the object holds. What is left must be sound to
    /// use, to traverse and to fill again. Must not take a reference.
    fn empty(slf: Borrowed<'_, '_, Self>);
}

/// Makes `T` use its free list. Called once, at module initialisation, before any
/// instance exists.
pub fn install<T: FreeListed>(py: Python<'_>) {
    let class: *mut ffi::PyTypeObject = T::type_object_raw(py);
    // SAFETY: the type was just created by PyO3, is a heap type of this
    // module, and the GIL is held; no instance exists yet, so no slot is in
    // use while it is replaced.
    unsafe {
        let original = (*class).tp_dealloc.expect("a native class has tp_dealloc");
        T::free_list().dealloc.get_or_init(|| original);
        T::free_list().class.store(class, Ordering::Relaxed);
        (*class).tp_dealloc = Some(dealloc::<T>);
        ffi::PyType_Modified(class);
    }
}

/// Whether `object` is an instance of `T` and of no subclass.
#[inline]
pub fn is_exactly<T: FreeListed>(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the reference is alive.
    std::ptr::eq(unsafe { ffi::Py_TYPE(object.as_ptr()) }, class::<T>())
}

#[inline]
fn class<T: FreeListed>() -> *mut ffi::PyTypeObject {
    T::free_list().class.load(Ordering::Relaxed)
}

/// An emptied object of exactly `T`, if there is one.
#[inline]
pub fn take<T: FreeListed>(py: Python<'_>) -> Option<Bound<'_, T>> {
    let object = T::free_list().objects.pop(py)?;
    // SAFETY: the object was put there by `dealloc`: it has T's layout, sound
    // contents, no references and is not tracked. It gets its first reference
    // and its reference to the type again.
    unsafe {
        ffi::PyObject_Init(object.as_ptr(), class::<T>());
        ffi::PyObject_GC_Track(object.as_ptr().cast());
        Some(Bound::from_owned_ptr(py, object.as_ptr()).cast_into_unchecked::<T>())
    }
}

unsafe extern "C" fn dealloc<T: FreeListed>(object: *mut ffi::PyObject) {
    // SAFETY: tp_dealloc is called with the GIL held (which the checked form
    // would doubt while the interpreter shuts down) on an instance of T or a
    // subclass without references, whose contents are sound.
    unsafe {
        enter_silently(c"a deallocation of aioxide", |py| {
            if keep_empty::<T>(object) {
                return;
            }
            if T::DROPS_NOTHING {
                in_turn(py, object, dispose::<T>);
            } else {
                Python::attach_unchecked(|py| in_turn(py, object, dispose::<T>));
            }
        });
    }
}

/// Puts an object that holds nothing on its free list; false if it has to be deallocated in
/// full.
///
/// No reference is dropped, so that nothing can nest and PyO3 need not know of it.
///
/// # Safety
///
/// The GIL is held, and `object` is an instance of `T` or a subclass without references.
#[inline]
unsafe fn keep_empty<T: FreeListed>(object: *mut ffi::PyObject) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let py = Python::assume_attached();
        let class = ffi::Py_TYPE(object);
        let fits = class == self::class::<T>()
            && T::is_empty(Borrowed::from_ptr(py, object).cast_unchecked::<T>())
            && is_null_at(object, (*class).tp_weaklistoffset)
            && is_null_at(object, (*class).tp_dictoffset)
            && ffi::PyObject_GC_IsFinalized(object) == 0
            && T::free_list().objects.len(py) < CAPACITY;
        if fits {
            ffi::PyObject_GC_UnTrack(object.cast());
            let object = NonNull::new_unchecked(object);
            T::free_list().objects.push(py, object);
            ffi::Py_DECREF(class.cast());
        }
        fits
    }
}

/// Whether the object has nothing at this offset, where its class may store a dictionary
/// or a list of weak references.
///
/// # Safety
///
/// `offset` is where the object's class says.
#[inline]
unsafe fn is_null_at(object: *mut ffi::PyObject, offset: ffi::Py_ssize_t) -> bool {
    // SAFETY: the caller's promise.
    offset <= 0
        || unsafe { object.byte_offset(offset).cast::<*mut ffi::PyObject>().read().is_null() }
}

/// Puts an object on its free list, or frees it.
///
/// # Safety
///
/// `object` is an instance of `T` or a subclass, without references.
unsafe fn dispose<T: FreeListed>(py: Python<'_>, object: *mut ffi::PyObject) {
    let list = T::free_list();
    // SAFETY: the caller's promise; emptying it leaves it sound. The collector does not
    // see it any more.
    unsafe {
        let class = ffi::Py_TYPE(object);
        if class != self::class::<T>() {
            let original = list.dealloc.get().expect("set by install()");
            return original(object); // A subclass has no free list.
        }
        ffi::PyObject_GC_UnTrack(object.cast());
        clear_weak_references(object, class);
        clear_dictionary(object, class);
        T::empty(Borrowed::from_ptr(py, object).cast_unchecked::<T>());
        // An object is finalized once in its life; the free list gives it another.
        let reusable = ffi::PyObject_GC_IsFinalized(object) == 0 && list.objects.len(py) < CAPACITY;
        if reusable {
            list.objects.push(py, NonNull::new_unchecked(object));
            ffi::Py_DECREF(class.cast());
        } else {
            let original = list.dealloc.get().expect("set by install()");
            original(object);
        }
    }
}

/// # Safety
///
/// `object` is an instance of `class` that is being deallocated.
unsafe fn clear_weak_references(object: *mut ffi::PyObject, class: *mut ffi::PyTypeObject) {
    // SAFETY: the offset is where the class keeps the list of its instances.
    unsafe {
        let offset = (*class).tp_weaklistoffset;
        if offset > 0 && !object.byte_offset(offset).cast::<*mut ffi::PyObject>().read().is_null() {
            ffi::PyObject_ClearWeakRefs(object);
        }
    }
}

/// # Safety
///
/// `object` is an instance of `class` that is being deallocated.
unsafe fn clear_dictionary(object: *mut ffi::PyObject, class: *mut ffi::PyTypeObject) {
    // SAFETY: the offset is where the class keeps its instances' `__dict__`,
    // owned or null.
    unsafe {
        let offset = (*class).tp_dictoffset;
        if offset > 0 {
            let dictionary = object.byte_offset(offset).cast::<*mut ffi::PyObject>();
            let owned = dictionary.replace(std::ptr::null_mut());
            ffi::Py_XDECREF(owned);
        }
    }
}
