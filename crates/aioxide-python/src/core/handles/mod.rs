//! `Handle` and `TimerHandle`: a scheduled callback (`asyncio.events`).

mod arguments;
mod foreign_tasks;
mod handle;
mod reporting;
#[cfg(Py_3_14)]
mod thread_safe;
mod timer;

pub use arguments::Arguments;
pub use foreign_tasks::{may_step_foreign_task, stepped_task};
pub use handle::Handle;
pub use reporting::report_callback_error;
#[cfg(Py_3_14)]
pub use thread_safe::ThreadSafeHandle;
pub use timer::{CancelTimer, TimerHandle};
