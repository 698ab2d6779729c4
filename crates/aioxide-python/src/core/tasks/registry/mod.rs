//! Every live task, for `asyncio.all_tasks()`.
//!
//! An intrusive, doubly linked list: linking and unlinking cost a few stores, where the
//! standard library's `WeakSet` costs more than the rest of making a task. It holds
//! addresses, not references, so it keeps no task alive: a task leaves it when it is
//! done, and at the latest when it is deallocated, before its memory is freed. Up to 3.13
//! the list is ours (`own_list`), from 3.14 on it is asyncio's (`thread_list`).

#[cfg(not(Py_3_14))]
mod own_list;
#[cfg(Py_3_14)]
mod thread_list;

#[cfg(not(Py_3_14))]
pub use own_list::{Links, link, live_tasks};
#[cfg(Py_3_14)]
pub use thread_list::{Links, link};

use pyo3::prelude::*;

use super::Task;
#[cfg(not(Py_3_14))]
use own_list as list;
#[cfg(Py_3_14)]
use thread_list as list;

/// Takes `task` out, which is done or gone, and ends its record. Does nothing if it is not
/// there.
#[inline]
pub fn unlink(py: Python<'_>, task: &Task) {
    list::unlink(py, task);
    super::recording::end(py, task);
}
