//! The event loop, futures and tasks: types that refer to one another.

pub mod coroutines;
pub mod current_task;
pub mod dispatch;
pub mod event_loop;
pub mod executor;
pub mod futures;
pub mod handles;
pub mod rust_futures;
pub mod tasks;
