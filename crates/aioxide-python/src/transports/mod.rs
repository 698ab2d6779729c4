//! What carries a protocol's data (`asyncio.transports` and the transports of
//! `asyncio.selector_events` and `asyncio.unix_events`).
//!
//! A module for each kind; what they have in common is in [`Transport`].

mod addresses;
mod failures;
mod flow_control;
mod link;
mod socket;
mod socket_info;

pub use addresses::{Address, is_internet_stream};
pub use link::{AnyTransport, Transport, TransportEvent};
pub use socket::SocketTransport;
