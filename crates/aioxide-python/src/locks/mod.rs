//! What tasks agree by (`asyncio.locks`).

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

pub use barrier::{Barrier, ChangeBarrier};
pub use binding::LoopBinding;
pub use condition::Condition;
pub use entering::{EnterBySubclass, ReleaseBySubclass};
pub use event::{Event, WaitEvent};
pub use lock::{AcquireLock, Lock, ReleaseLock, install_lock};
pub use semaphore::{
    AcquireSemaphore, BoundedSemaphore, ReleaseSemaphore, Semaphore, install_semaphore,
};
pub use waiters::Waiters;
pub use waiting_at_barrier::{EnterBarrier, LeaveBarrier, WaitAtBarrier};
pub use waiting_for_notice::{WaitForNotice, WaitUntil};

use pyo3::prelude::*;

/// `<asyncio.locks.Lock object at 0x… [locked, waiters:2]>`.
fn describe(object: &Bound<'_, PyAny>, what: &str, waiters: usize) -> PyResult<String> {
    let class = object.get_type();
    let (module, name) = (class.module()?, class.qualname()?);
    let waiters = if waiters > 0 { format!(", waiters:{waiters}") } else { String::new() };
    Ok(format!("<{module}.{name} object at {:p} [{what}{waiters}]>", object.as_ptr()))
}
