//! Deadlines for a block of a task (`asyncio.timeouts`).

mod object;
mod scope;
mod when;

pub use object::{Timeout, timeout, timeout_at};
pub use scope::{EnterTimeout, ExitTimeout, install_timeout};
#[cfg(Py_3_12)]
pub use scope::{enter, leave};
pub use when::{When, is_positive};
