//! Transports over one end of a pipe (`asyncio.unix_events`): pipes, FIFOs,
//! sockets, character devices.
//!
//! They watch their descriptor level-triggered, each direction by itself, like
//! callbacks of `add_reader` and `add_writer`: a terminal's edges are not to be
//! relied on, and one descriptor may have a transport for each direction.

mod end;
mod read;
mod write;

pub use read::ReadPipeTransport;
pub use write::WritePipeTransport;
