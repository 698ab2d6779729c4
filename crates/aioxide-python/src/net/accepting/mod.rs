//! Accepting connections: from a listening socket to a task that creates a protocol and a
//! transport (the accepting half of `asyncio.selector_events`).

mod accept;
mod connection;

pub use connection::AcceptConnection;
