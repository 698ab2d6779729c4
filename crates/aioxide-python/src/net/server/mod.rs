//! Servers: their listening sockets and their connections
//! (`asyncio.base_events.Server`).

mod clients;
mod listeners;
mod object;
mod pace;

pub use listeners::Facts;
pub use object::ServerCore;
