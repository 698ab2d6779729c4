//! Listening sockets and the connections they accept (`asyncio.base_events.Server` and the
//! accepting half of `asyncio.selector_events`).

mod accepting;
mod clients;
mod connection;
mod listeners;
mod object;
mod pace;

pub use connection::AcceptConnection;
pub use object::ServerCore;
