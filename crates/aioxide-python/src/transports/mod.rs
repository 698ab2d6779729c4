//! What carries a protocol's data (`asyncio.transports` and the transports of
//! `asyncio.selector_events` and `asyncio.unix_events`).
//!
//! A module for each kind; what they have in common is in [`Transport`].

mod addresses;
mod datagram;
mod failures;
mod flow_control;
mod link;
mod making;
mod pipes;
mod receiver;
mod socket;
mod socket_info;
mod write_queue;

pub use addresses::{Address, hands_on_no_delay, is_internet_stream};
pub use datagram::DatagramTransport;
pub use failures::ends_the_loop;
pub use link::{AnyTransport, Transport, TransportEvent};
pub use pipes::{ReadPipeTransport, WritePipeTransport};
pub use receiver::Receiver;
pub use socket::{Accepted, SocketTransport, close, install_socket_transport};
