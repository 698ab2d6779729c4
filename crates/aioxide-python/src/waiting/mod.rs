//! Starting things and waiting for them (`asyncio.tasks`).

mod creating;
mod current;
mod ensuring;
mod gathering;
mod sleeping;

pub use current::current_task;
pub use ensuring::{ensure_future, ensured, isfuture, loop_of};
pub use gathering::{GatherCallback, GatheringFuture};
pub use sleeping::{Sleep, sleep};

use pyo3::prelude::*;

/// Adds the functions that are written by hand. Called once, at module initialisation.
pub fn install_functions(module: &Bound<'_, PyModule>) -> PyResult<()> {
    crate::methods::install_function::<creating::CreateTask>(module)?;
    crate::methods::install_function::<gathering::Gather>(module)
}
