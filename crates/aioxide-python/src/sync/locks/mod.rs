//! Synchronisation primitives for tasks (`asyncio.locks`).

pub(crate) mod attributes;
mod barrier;
mod binding;
mod condition;
mod count;
mod entering;
mod event;
mod holders;
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
use pyo3::prelude::*;

use crate::ffi::unadorned::unadorned;

/// Whether the methods of `T` are those of the object: it is an instance of no subclass,
/// and has no attributes of its own, which would come first.
#[inline]
pub fn is_plain<T: PyClass>(object: &Bound<'_, T>) -> bool {
    unadorned::<T>(object.as_any()).is_some()
}
