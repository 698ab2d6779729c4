//! What a task waits with: locks, queues, timeouts, task groups, and functions that
//! wait for many (`asyncio.locks`, `queues`, `timeouts`, `taskgroups`, `tasks`).

pub mod locks;
pub mod queues;
mod recorded;
pub mod taskgroups;
pub mod timeouts;
pub mod waiting;

pub use recorded::{_created_at, _permits, _recorded_holders, _recorded_releases};
