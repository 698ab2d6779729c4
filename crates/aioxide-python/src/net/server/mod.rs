//! Servers: their listening sockets and the connections that they have
//! (`asyncio.base_events.Server`).

mod clients;
mod listeners;
mod object;
mod pace;

pub use listeners::Facts;
pub use object::ServerCore;
