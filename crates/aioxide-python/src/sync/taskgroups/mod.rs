//! Tasks that end together (`asyncio.taskgroups`).

mod creating;
mod object;
mod scope;

pub use object::TaskGroup;
pub use scope::{EnterGroup, ExitGroup};

use pyo3::prelude::*;

use crate::ffi::fastcall::{install, install_plain};

/// Adds the fast methods. Called once, at module initialisation.
pub fn install_task_group(py: Python<'_>) -> PyResult<()> {
    install::<creating::CreateTask>(py)?;
    install_plain::<scope::Enter>(py)?;
    install::<scope::Exit>(py)
}
