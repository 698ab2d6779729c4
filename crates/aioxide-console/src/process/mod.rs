//! Processes that can be watched: where their consoles are, and how one is asked.

mod connection;
mod sockets;

pub use connection::{AskError, Connection};
pub use sockets::{folders, of_pid, running};
