//! `Handle` and `TimerHandle`: a scheduled callback (`asyncio.events`).

mod arguments;
mod handle;
mod reporting;
mod strangers;
mod timer;

pub use arguments::Arguments;
pub use handle::Handle;
pub use reporting::report_callback_error;
pub use strangers::may_step_foreign_task;
pub use timer::TimerHandle;
