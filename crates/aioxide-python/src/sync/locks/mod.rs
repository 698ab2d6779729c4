//! Synchronisation primitives for tasks (`asyncio.locks`).

pub(crate) mod attributes;
mod barrier;
mod binding;
mod condition;
mod count;
mod entering;
mod event;
mod lock;
mod semaphore;
mod waiters;
mod waiting_at_barrier;
mod waiting_for_notice;
mod waiting_for_semaphore;

pub use barrier::{Barrier, ChangeBarrier};
pub use binding::LoopBinding;
pub use condition::Condition;
pub use entering::{EnterBySubclass, ReleaseBySubclass};
pub use event::{Event, WaitEvent};
pub use lock::{AcquireLock, Lock, ReleaseLock, install_lock};
pub use semaphore::{BoundedSemaphore, Semaphore};
pub use waiters::{Key, Waiters};
pub use waiting_at_barrier::{EnterBarrier, LeaveBarrier, WaitAtBarrier};
pub use waiting_for_notice::{WaitForNotice, WaitUntil};
pub use waiting_for_semaphore::{AcquireSemaphore, ReleaseSemaphore, install_semaphore};

use pyo3::PyClass;
use pyo3::ffi;
use pyo3::prelude::*;

/// Whether all that a class `T` says of the object holds: it is an instance of no subclass,
/// and has no attributes of its own that would come first.
#[inline]
pub fn is_plain<T: PyClass>(object: &Bound<'_, T>) -> bool {
    // SAFETY: the reference is alive.
    let class = unsafe { ffi::Py_TYPE(object.as_ptr()) };
    std::ptr::eq(class, T::type_object_raw(object.py())) && !has_attributes(object.as_any())
}

/// Whether the object, whose class has a place for them, has attributes of its own.
#[inline]
pub fn has_attributes(object: &Bound<'_, PyAny>) -> bool {
    let object = object.as_ptr();
    // SAFETY: the reference is alive, and the offset is where its class keeps the
    // dictionary, null as long as there was no attribute.
    unsafe {
        let offset = (*ffi::Py_TYPE(object)).tp_dictoffset;
        offset <= 0 || !object.byte_offset(offset).cast::<*mut ffi::PyObject>().read().is_null()
    }
}
