//! Creating tasks and waiting for them (`asyncio.tasks`).

mod completing;
mod creating;
mod current;
mod done_callback;
mod ensuring;
mod gathering;
#[cfg(not(Py_3_14))]
mod listing;
mod outcomes;
mod shielding;
mod sleeping;
mod submitting;
mod timer;
mod wait;
mod waiting_for;

#[cfg(not(Py_3_13))]
pub use completing::_in_order_of_completion;
#[cfg(Py_3_13)]
pub use completing::as_completed;
pub use completing::{AsCompletedIterator, WaitForOne};
pub use current::current_task;
pub use done_callback::DoneCallback;
pub use ensuring::{ensure_future, ensured};
pub use gathering::{GatherCallback, GatheringFuture};
#[cfg(not(Py_3_14))]
pub use listing::all_tasks;
pub use shielding::shield;
pub use sleeping::Sleep;
pub use submitting::{Submission, run_coroutine_threadsafe};
pub use wait::Wait;
pub use waiting_for::WaitFor;

use pyo3::prelude::*;

/// Adds the fast functions. Called once, at module initialisation.
pub fn install_functions(module: &Bound<'_, PyModule>) -> PyResult<()> {
    crate::ffi::fastcall::install_function::<creating::CreateTask>(module)?;
    crate::ffi::fastcall::install_function::<gathering::Gather>(module)?;
    crate::ffi::fastcall::install_function::<sleeping::SleepFunction>(module)?;
    crate::ffi::fastcall::install_function::<wait::WaitFunction>(module)?;
    crate::ffi::fastcall::install_function::<waiting_for::WaitForFunction>(module)
}
