//! asyncio's list of a thread's tasks, from 3.14 on.

use std::ptr::NonNull;

use pyo3::prelude::*;

use crate::core::tasks::Task;
use crate::ffi::debug_offsets::{TaskLink, ThreadState};

/// A task's neighbours in the list.
#[derive(Default)]
pub struct Links(TaskLink);

/// Adds `task`. Does nothing if it is there already.
#[inline]
pub fn link(task: &Bound<'_, Task>) -> PyResult<()> {
    let py = task.py();
    let Some(thread) = ThreadState::get(py) else {
        // asyncio keeps tasks of other classes in a set of weak references.
        let asyncio = PyModule::import(py, "_asyncio")?;
        return asyncio.call_method1(crate::name!("_register_task"), (task,)).map(drop);
    };
    // SAFETY: the task's layout was compared with CPython's before the thread's state could
    // be had. A task does not move, and leaves the list at the latest when it is
    // deallocated. Nothing but a few stores happens.
    unsafe {
        task.get().state.links.with(py, |links| {
            let link = &mut links.0;
            if !link.is_linked() {
                thread.append(NonNull::from(link));
            }
        });
    }
    Ok(())
}

/// Takes `task` out. Does nothing if it is not there.
#[inline]
pub fn unlink(py: Python<'_>, task: &Task) {
    // SAFETY: the token says that the GIL is held; nothing but a few stores happens.
    unsafe { task.state.links.with(py, |links| links.0.unlink()) };
}
