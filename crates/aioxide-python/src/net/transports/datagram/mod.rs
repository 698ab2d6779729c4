//! Datagram transports.
//!
//! A transport registers its socket once, edge-triggered, for both directions.
//! The system calls of Internet sockets are made here; the socket object, which
//! knows every family and resolves names, makes the others.

mod destination;
mod lifecycle;
mod object;
mod receiving;
mod sending;

pub use object::DatagramTransport;
