//! Deallocates long chains of objects in a loop.
//!
//! A queue whose only item is a queue, and so on: dropping the first drops them all,
//! one inside the other, and would overflow the stack. The interpreter has a trashcan
//! for its own containers. Every class of ours that can refer to an arbitrary object is
//! deallocated through [`in_turn`], which does the same: beyond a depth, an object is
//! left to the outermost deallocation of its thread.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::OnceLock;

use pyo3::PyClass;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::ffi::entry::enter_silently;

/// Deallocates an object that has no references, and is tracked by the collector or not
/// as it was when it was handed to [`in_turn`].
pub type Dispose = unsafe fn(Python<'_>, *mut ffi::PyObject);

/// How deep deallocations nest before they are deferred: as deep as the interpreter's.
const MAX_DEPTH: u32 = 50;

struct Nesting {
    depth: Cell<u32>,
    deferred_any: Cell<bool>,
    /// Emptied by the call that filled it: nothing is left to drop when the thread ends.
    deferred: Cell<ManuallyDrop<Vec<Deferred>>>,
}

struct Deferred {
    object: NonNull<ffi::PyObject>,
    dispose: Dispose,
    was_tracked: bool,
}

thread_local! {
    // Of the thread: a finalizer may release the GIL in the middle of a deallocation, and
    // what another thread deallocates meanwhile is not nested in it.
    static NESTING: Nesting = const {
        Nesting {
            depth: Cell::new(0),
            deferred_any: Cell::new(false),
            deferred: Cell::new(ManuallyDrop::new(Vec::new())),
        }
    };
}

/// One level of nesting, left again however the deallocation ends.
struct Level<'a>(&'a Cell<u32>, u32);

impl<'a> Level<'a> {
    #[inline]
    fn enter(depth: &'a Cell<u32>) -> Option<Self> {
        let outer = depth.get();
        (outer < MAX_DEPTH).then(|| {
            depth.set(outer + 1);
            Self(depth, outer)
        })
    }
}

impl Drop for Level<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

/// Calls `dispose` for the object, now or, if deallocations are nested too deep, when
/// the outermost one is over.
///
/// # Safety
///
/// The GIL is held; the object has no references, and `dispose` is right for it.
#[inline]
pub unsafe fn in_turn(py: Python<'_>, object: *mut ffi::PyObject, dispose: Dispose) {
    NESTING.with(|nesting| {
        let Some(level) = Level::enter(&nesting.depth) else {
            // SAFETY: the caller's promise.
            unsafe { nesting.defer(object, dispose) };
            return;
        };
        // SAFETY: the caller's promise.
        unsafe { dispose(py, object) };
        if level.1 == 0 && nesting.deferred_any.get() {
            nesting.dispose_of_deferred();
        }
    });
}

impl Nesting {
    /// # Safety
    ///
    /// As for [`in_turn`]. From here on the collector must not see the object.
    #[cold]
    unsafe fn defer(&self, object: *mut ffi::PyObject, dispose: Dispose) {
        // SAFETY: the object is not freed yet; what is tracked is of a class that the
        // collector knows.
        let was_tracked = unsafe {
            let was_tracked = ffi::PyObject_GC_IsTracked(object) != 0;
            if was_tracked {
                ffi::PyObject_GC_UnTrack(object.cast());
            }
            was_tracked
        };
        let Some(object) = NonNull::new(object) else { return };
        let mut deferred = self.take();
        deferred.push(Deferred { object, dispose, was_tracked });
        self.deferred.set(ManuallyDrop::new(deferred));
        self.deferred_any.set(true);
    }

    fn take(&self) -> Vec<Deferred> {
        ManuallyDrop::into_inner(self.deferred.replace(ManuallyDrop::new(Vec::new())))
    }

    #[cold]
    fn dispose_of_deferred(&self) {
        loop {
            let mut deferred = self.take();
            let next = deferred.pop();
            self.deferred_any.set(!deferred.is_empty());
            self.deferred.set(ManuallyDrop::new(deferred));
            let Some(Deferred { object, dispose, was_tracked }) = next else { return };
            let dispose = |_: Python<'_>| {
                // SAFETY: the GIL is held, in a deallocation; the caller of `defer` has
                // promised that the function is right for the object, which nothing else can reach. It is
                // tracked again before anything can look at it.
                unsafe {
                    if was_tracked {
                        ffi::PyObject_GC_Track(object.as_ptr().cast());
                    }
                    Python::attach_unchecked(|py| dispose(py, object.as_ptr()));
                }
            };
            // SAFETY: the GIL is held, in a deallocation.
            unsafe { enter_silently(c"a deallocation of aioxide", dispose) };
        }
    }
}

/// A class whose instances need no deallocation but PyO3's.
pub trait Chained: PyClass {
    /// Where the dealloc function that PyO3 made for the class is kept.
    fn original_dealloc() -> &'static OnceLock<ffi::destructor>;
}

/// Makes instances of `T` be deallocated by [`in_turn`]. Called once, at module initialisation, before
/// any exists.
pub fn install<T: Chained>(py: Python<'_>) {
    let class = T::type_object_raw(py);
    // SAFETY: the type was just created by PyO3, is a heap type of this
    // module, and the GIL is held; no instance exists yet, so no slot is in
    // use while it is replaced.
    unsafe {
        let original = (*class).tp_dealloc.expect("a native class has tp_dealloc");
        T::original_dealloc().get_or_init(|| original);
        (*class).tp_dealloc = Some(dealloc::<T>);
        ffi::PyType_Modified(class);
    }
}

unsafe extern "C" fn dealloc<T: Chained>(object: *mut ffi::PyObject) {
    // SAFETY: the interpreter calls with the GIL held, and an instance of T without
    // references.
    unsafe {
        enter_silently(c"a deallocation of aioxide", |py| in_turn(py, object, dispose::<T>));
    }
}

/// # Safety
///
/// `object` is an instance of `T` without references.
unsafe fn dispose<T: Chained>(_py: Python<'_>, object: *mut ffi::PyObject) {
    let original = T::original_dealloc().get().expect("set by install()");
    // SAFETY: the caller's promise.
    unsafe { original(object) };
}
