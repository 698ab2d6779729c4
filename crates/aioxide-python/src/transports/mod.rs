//! Stream transports over sockets (`asyncio.selector_events`).
//!
//! A transport registers its socket once, edge-triggered, for both directions.
//! Reading goes through the loop's scratch buffer into `bytes` of the exact
//! size; writing goes to the kernel at once and queues only what it refused.

mod addresses;
mod flow_control;
mod info;
mod lifecycle;
mod object;
mod reading;
mod write_queue;
mod writing;

pub use addresses::{Address, is_internet_stream};
pub use object::SocketTransport;
