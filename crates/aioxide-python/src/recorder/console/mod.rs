//! The console: a thread of this process that answers `aioxide top` over a Unix socket.
//!
//! It reads the recorder's tables, and needs the GIL for two questions only (`with_gil.rs`), and for
//! details that it does without if it cannot get it: so it answers while the loop is blocked, whoever has the GIL. Each client has a thread of its own,
//! in which a slow one waits for itself.

mod answers;
mod connection;
mod explained;
mod sent_events;
mod server;
mod socket;
mod task_list;
mod task_tree;
mod with_gil;

pub(super) use answers::{loops, objects};
pub(super) use server::abandon_in_child;
pub use server::{_console_path, _start_console, _stop_console};
