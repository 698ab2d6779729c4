//! Datagram transports.
//!
//! A transport registers its socket once, edge-triggered, for both directions.
//! The system calls of Internet and Unix sockets are made here. The methods of
//! the socket object are called for other families, and to send to an address
//! that is not numeric.

mod destination;
mod lifecycle;
mod object;
mod receiving;
mod sending;

pub use object::DatagramTransport;
