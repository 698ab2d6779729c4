//! The ring file: the last events of one loop, in memory that is shared with a file, so that they are
//! there after SIGKILL. A page of header, then the events; event number *n* stands in slot
//! *n* mod capacity. The recorder writes the event first and the number of the next one after it.
//!
//! Beside it lies an ordinary [`file`](mod@crate::file) with the tables, which the recorder appends to.
//!
//! This module knows the layout; mapping the memory, and writing to it, is the recorder's.

use crate::Event;
use crate::file::Calibration;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The first eight bytes.
pub const MAGIC: [u8; 8] = *b"AIORING1";
/// The version of the layout.
pub const VERSION: u32 = 1;
/// The size of the header, in bytes; the events stand behind it.
pub const HEADER_SIZE: usize = 4096;
/// Where the number of the next event stands (u64), in bytes from the beginning.
pub const NEXT_AT: usize = 32;
/// The largest capacity, in events: 6 GiB of them.
pub const MAX_CAPACITY: u64 = 1 << 28;

/// The header's fields, at the offsets of their comments; all little endian, the rest of the page zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// 12: the process (u32).
    pub pid: u32,
    /// 16: the loop's number (u32).
    pub loop_id: u32,
    /// 24: how many events there is room for (u64). 20 holds [`Event::SIZE`] (u32).
    pub capacity: u64,
    /// 32: the number of the next event, from 0 (u64).
    pub next: u64,
    /// 40 and 48: what the clock showed when the ring was made (ticks u64, nanoseconds u64).
    pub calibration: Calibration,
    /// 56: ticks per second, as far as known then; 0 if not (f64).
    pub ticks_per_second: f64,
}

/// Why something is no ring file that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RingError {
    /// It does not begin as one does.
    NotARing,
    /// It is of another version.
    Version(u32),
    /// A field of the header cannot be true.
    Header(&'static str),
}

impl fmt::Display for RingError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RingError::NotARing => {
                write!(out, "this is no ring file: it does not begin with AIORING1")
            }
            RingError::Version(version) => {
                write!(out, "the ring file is of version {version}; this program reads {VERSION}")
            }
            RingError::Header(what) => write!(out, "the ring file's header is damaged: {what}"),
        }
    }
}

impl std::error::Error for RingError {}

impl Header {
    /// The header as it is stored, without the zeros behind it.
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &MAGIC);
        put(8, &VERSION.to_le_bytes());
        put(12, &self.pid.to_le_bytes());
        put(16, &self.loop_id.to_le_bytes());
        put(20, &(Event::SIZE as u32).to_le_bytes());
        put(24, &self.capacity.to_le_bytes());
        put(NEXT_AT, &self.next.to_le_bytes());
        put(40, &self.calibration.ticks.to_le_bytes());
        put(48, &self.calibration.unix_ns.to_le_bytes());
        put(56, &self.ticks_per_second.to_le_bytes());
        bytes
    }

    /// Reads the header at the beginning of `bytes`.
    ///
    /// # Errors
    /// Bytes that are no ring file, one of another version, or fields that cannot be true.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RingError> {
        let Some(bytes) = bytes.first_chunk::<64>() else { return Err(RingError::NotARing) };
        if bytes[..8] != MAGIC {
            return Err(RingError::NotARing);
        }
        let u32_at =
            |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default());
        let u64_at =
            |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default());
        if u32_at(8) != VERSION {
            return Err(RingError::Version(u32_at(8)));
        }
        if u32_at(20) != Event::SIZE as u32 {
            return Err(RingError::Header("events are not 24 bytes long"));
        }
        let capacity = u64_at(24);
        if capacity == 0 || capacity > MAX_CAPACITY {
            return Err(RingError::Header("the capacity is impossible"));
        }
        Ok(Header {
            pid: u32_at(12),
            loop_id: u32_at(16),
            capacity,
            next: u64_at(NEXT_AT),
            calibration: Calibration { ticks: u64_at(40), unix_ns: u64_at(48) },
            ticks_per_second: f64::from_bits(u64_at(56)),
        })
    }
}

/// The ring file of a loop, beside the file at `tables`: `run.ring` for the first loop of `run.aiotrace`,
/// `run.ring2` for the second.
pub fn path(tables: &Path, loop_id: u32) -> PathBuf {
    let number = if loop_id == 1 { String::new() } else { loop_id.to_string() };
    tables.with_extension(format!("ring{number}"))
}

/// The ring files that are beside the file at `tables`, in the order of their loops: files with such a
/// name that begin as a ring does.
pub fn beside(tables: &Path) -> Vec<PathBuf> {
    let first = path(tables, 1);
    let (Some(folder), Some(stem)) = (first.parent(), first.file_name()) else { return Vec::new() };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let number = name.as_encoded_bytes().strip_prefix(stem.as_encoded_bytes())?;
            let number = match std::str::from_utf8(number).ok()? {
                "" => 1,
                digits if digits.bytes().all(|it| it.is_ascii_digit()) => digits.parse().ok()?,
                _ => return None,
            };
            let path = first.with_file_name(name);
            begins_as_a_ring(&path).then_some((number, path))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, path)| path).collect()
}

fn begins_as_a_ring(path: &Path) -> bool {
    // What is no file, as a pipe, might never answer.
    let mut magic = [0; 8];
    path.is_file()
        && File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok()
        && magic == MAGIC
}

/// The numbers of the events that were whole both when the next number was `before` and, after they had
/// been copied, when it was `after`. The oldest slot is left out once the ring is full: it may be being
/// overwritten.
pub fn whole_events(before: u64, after: u64, capacity: u64) -> Range<u64> {
    let first = if after < capacity { 0 } else { after - capacity + 1 };
    first.min(before)..before
}

/// The events of a ring file that nobody writes to any more, the oldest first, and how many were lost
/// before them. `bytes` is the whole file; of one that was cut off, what is there is used.
///
/// # Errors
/// As [`Header::from_bytes`].
pub fn read(bytes: &[u8]) -> Result<(Header, u64, Vec<Event>), RingError> {
    let header = Header::from_bytes(bytes)?;
    let slots = bytes.get(HEADER_SIZE..).unwrap_or_default().as_chunks::<{ Event::SIZE }>().0;
    let numbers = whole_events(header.next, header.next, header.capacity);
    let dropped = numbers.start;
    let events = numbers
        .filter_map(|number| slots.get((number % header.capacity) as usize))
        .map(Event::from_bytes)
        .collect();
    Ok((header, dropped, events))
}
