//! Deadlines for what a task does (`asyncio.timeouts`).

mod object;
mod scope;
mod when;

pub use object::{Timeout, timeout, timeout_at};
pub use scope::{EnterTimeout, ExitTimeout, enter, install_timeout, leave};
pub use when::{When, is_positive};
