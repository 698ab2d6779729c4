//! `LoopCore`: the native half of the event loop (`asyncio.base_events`).
//!
//! The Python class `aioxide.Loop` inherits from it and adds the methods that are
//! clearer in Python: everything that is an `async def`.

mod call_soon;
mod create_future;
mod create_task;
mod debug;
mod descriptors;
mod engine;
mod forking;
mod iteration;
mod method_cache;
mod object;
mod overrides;
mod poll;
mod recording;
mod registration;
mod scheduling;
mod timers;
mod unread;
mod virtual_time;
mod watched;
mod watching;

pub use create_task::CreateTask;
pub use descriptors::Direction;
pub use method_cache::_own_hot_methods;
pub use object::{LoopCore, SCRATCH_BYTES};
pub use overrides::{_own_connecting_methods, Methods};
pub use recording::_mark_recording;
pub use scheduling::check_callback;
pub use timers::is_plain_number;
pub use unread::Unread;
pub use watching::file_descriptor;

use pyo3::prelude::*;

/// Adds the methods with hand-written calling conventions. Called once, at module initialisation.
pub fn install_fast_methods(py: Python<'_>) -> PyResult<()> {
    crate::ffi::fastcall::install::<call_soon::CallSoon>(py)?;
    crate::ffi::fastcall::install::<timers::CallLater>(py)?;
    crate::ffi::fastcall::install::<timers::CallAt>(py)?;
    crate::ffi::fastcall::install_plain::<create_future::CreateFuture>(py)?;
    crate::ffi::fastcall::install::<create_task::CreateTask>(py)
}
