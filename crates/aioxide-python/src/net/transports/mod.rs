//! Transports (`asyncio.transports`, and the classes of
//! `asyncio.selector_events` and `asyncio.unix_events`).
//!
//! A module for each kind. What they have in common is in [`Transport`] (the
//! loop and the protocol) and in [`Lifecycle`] (from `connection_made` to
//! `connection_lost`).

mod addresses;
mod datagram;
mod failures;
mod flow_control;
mod lifecycle;
mod link;
mod pipes;
mod socket;
mod socket_info;
mod write_queue;

pub use addresses::{Address, address_of};
pub use datagram::DatagramTransport;
pub use failures::{ends_the_loop, log_lost_write};
pub use flow_control::complete_marks;
pub use lifecycle::Lifecycle;
pub use link::Transport;
pub use pipes::{ReadPipeTransport, WritePipeTransport};
pub use socket::{Accepted, SocketTransport, install_socket_transport};
