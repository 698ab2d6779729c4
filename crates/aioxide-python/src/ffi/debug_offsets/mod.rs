//! asyncio's fields in CPython's own structures, from 3.14 on.
//!
//! Since 3.14 the interpreter keeps asyncio's state where other programs can read
//! it (`python -m asyncio ps`): the running loop and task of a thread, and the list
//! of its tasks, in the thread's state; who awaits a task in the task. Where the
//! fields are, the interpreter publishes (`offsets`). Ours are put in the same places
//! (`thread_state`, `Future`, `Task`), so that such programs, and asyncio itself,
//! see them. If the interpreter is not what we expect, asyncio's functions are
//! called instead: `current_task()` and `all_tasks()` stay right, other programs see
//! nothing.

mod offsets;
mod thread_state;

pub use offsets::Offsets;
pub use thread_state::{TaskLink, ThreadState, initialize};
