//! The `.aiotrace` file: a magic number, a version, and chunks of
//! `{ u32 type, u32 length, payload, u32 crc32 of type, length and payload }`, little endian.
//!
//! Events name tasks, objects, locations and strings by numbers; chunks of tables say what these are.
//! A chunk may stand anywhere, and a later record of an id replaces an earlier one. So a recorder
//! appends what it has, at any time; what is missing at the end of a file costs only itself.

mod reader;
mod records;
mod writer;

pub use reader::{Ending, OpenError, Reader, decode_chunk};
pub use records::{
    Calibration, Chunk, Events, Failure, Finding, Location, Meta, ObjectRecord, Stack, TaskRecord,
};
pub use writer::{Writer, encode_chunk};

/// The first eight bytes of a file.
pub const MAGIC: [u8; 8] = *b"AIOTRACE";
/// The version of the format, the four bytes after [`MAGIC`].
pub const VERSION: u32 = 1;
/// The longest payload of a chunk, in bytes. A writer splits what is longer; a reader takes a longer
/// one as damage.
pub const MAX_PAYLOAD: usize = 4 << 20;

/// The numbers of the types of chunks.
pub(crate) mod chunk_type {
    pub const META: u32 = 1;
    pub const EVENTS: u32 = 2;
    pub const STRINGS: u32 = 3;
    pub const LOCATIONS: u32 = 4;
    pub const TASKS: u32 = 5;
    pub const OBJECTS: u32 = 6;
    pub const STACKS: u32 = 7;
    pub const FAILURES: u32 = 8;
    pub const FINDINGS: u32 = 9;
    pub const CALIBRATION: u32 = 10;
}
