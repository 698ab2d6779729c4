//! `Handle` and `TimerHandle`: a scheduled callback (`asyncio.events`).

mod arguments;
mod handle;
mod reporting;
mod strangers;
#[cfg(Py_3_14)]
mod thread_safe;
mod timer;

pub use arguments::Arguments;
pub use handle::Handle;
pub use reporting::report_callback_error;
pub use strangers::may_step_foreign_task;
#[cfg(Py_3_14)]
pub use thread_safe::ThreadSafeHandle;
pub use timer::{CancelTimer, TimerHandle};
