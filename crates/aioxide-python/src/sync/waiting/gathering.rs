//! `gather`.

mod arguments;
mod object;

pub use arguments::Gather;
pub use object::{GatherCallback, GatheringFuture};
