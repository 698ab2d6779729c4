//! Transports over one end of a pipe (`asyncio.unix_events`): pipes, FIFOs,
//! sockets, character devices.
//!
//! They watch their descriptor level-triggered, each direction separately, like
//! callbacks of `add_reader` and `add_writer`: edge-triggered events of a
//! terminal are not reliable, and one descriptor may have a transport for each
//! direction.

mod end;
mod read;
mod write;
mod writing;

pub use read::ReadPipeTransport;
pub use write::WritePipeTransport;
