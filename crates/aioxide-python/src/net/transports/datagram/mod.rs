//! Datagram transports.
//!
//! A transport registers its socket once, edge-triggered, for both directions.
//! The system calls of Internet and Unix sockets are made here. For other
//! families, and for names that have to be resolved, the methods of the socket
//! object are called.

mod destination;
mod lifecycle;
mod object;
mod receiving;
mod sending;

pub use object::DatagramTransport;
