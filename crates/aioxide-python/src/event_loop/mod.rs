//! `LoopCore`: the hot half of the event loop (`asyncio.base_events`).
//!
//! The Python class `aioxide.Loop` inherits it and adds what is clearer as
//! Python: everything that is an `async def`.

mod call_soon;
mod create_future;
mod create_task;
mod debug;
mod descriptors;
mod engine;
mod forking;
mod object;
mod owning;
mod poll;
mod ready;
mod replacing;
mod scheduling;
mod testing;
mod timers;
mod turn;
mod watching;

pub use create_task::CreateTask;
pub use descriptors::{Direction, Watch, Watcher};
pub use object::{LoopCore, SCRATCH_BYTES};
pub use owning::_own_hot_methods;
pub use ready::{AGAIN, HANGUP, NativeWork, READABLE, Ready, WRITABLE};
pub use replacing::Methods;
pub use scheduling::check_callback;
pub use timers::is_plain_number;
pub use turn::{report as report_callback, run_handle};
pub use watching::file_descriptor;

use pyo3::prelude::*;

/// Adds the methods that are written by hand. Called once, at module initialisation.
pub fn install_fast_methods(py: Python<'_>) -> PyResult<()> {
    crate::methods::install::<call_soon::CallSoon>(py)?;
    crate::methods::install::<timers::CallLater>(py)?;
    crate::methods::install::<timers::CallAt>(py)?;
    crate::methods::install_plain::<create_future::CreateFuture>(py)?;
    crate::methods::install::<create_task::CreateTask>(py)
}
