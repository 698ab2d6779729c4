//! Waiting for several futures or tasks.

mod as_completed;
mod gather;
mod group;
mod shield;
mod tuples;
mod wait;

pub use as_completed::{AsCompleted, as_completed};
pub use gather::{Gather, TryGather, gather, try_gather};
pub use group::{Failure, GroupError, TaskGroup};
pub use shield::{Shield, shield};
pub use tuples::{FutureTuple, TryFutureTuple};
pub use wait::{Until, Wait, Waited, wait};
