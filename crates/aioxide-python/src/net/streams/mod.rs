//! Streams: reading and writing a connection by `await` (`asyncio.streams`).
//!
//! A native transport reads into the reader's buffer without a Python call and
//! without creating an object (see [`crate::net::transports`]).

mod buffer;
mod by_subclass;
mod connected;
mod draining;
mod feeding;
mod limit;
mod methods;
mod overrides;
mod protocol;
mod reader;
mod reading;
mod separators;
mod until;
mod upgrading;
mod writer;

pub use by_subclass::{LineBySubclass, ReadAllBySubclass};
pub use connected::ClientDone;
pub use draining::{Drain, WaitClosed, WaitForDrain};
pub use methods::install_streams;
pub use protocol::StreamProtocolCore;
pub use reader::StreamReader;
pub use reading::{Read, ReadExactly, WaitForData};
pub use until::ReadUntil;
pub use upgrading::StartTls;
pub use writer::StreamWriter;

use crate::ffi::attributes::uninitialized;
