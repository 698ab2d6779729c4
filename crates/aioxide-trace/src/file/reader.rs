//! Reading a file that may be truncated, damaged, hostile, or of a later version.

use super::records::{
    Calibration, Chunk, Events, Failure, Finding, Location, ObjectRecord, Stack, TaskRecord,
};
use super::{MAGIC, MAX_PAYLOAD, VERSION, chunk_type};
use crate::{Event, ObjectKind};
use serde::de::DeserializeOwned;
use std::fmt;
use std::io::{self, Read};

/// Reads a file as a sequence of chunks.
///
/// It ends at the end of the data, or at the first chunk that is truncated, fails its checksum or cannot
/// be read: what stood before is used, and [`Reader::ending`] tells. Chunks of unknown types are skipped.
/// Memory is bounded by what one chunk of the file takes, whatever lengths it claims.
pub struct Reader<R> {
    from: R,
    at: u64,
    skipped: u64,
    ending: Option<Ending>,
}

/// How a file ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Behind a whole chunk.
    Whole,
    /// Inside the chunk that begins at this byte of the file: the program was killed, or the disk was full.
    Truncated {
        /// The offset, in bytes.
        at: u64,
    },
    /// The chunk that begins at this byte of the file is not what was written.
    Damaged {
        /// The offset, in bytes.
        at: u64,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Reading failed.
    Failed {
        /// The offset, in bytes.
        at: u64,
        /// The error.
        why: String,
    },
}

impl fmt::Display for Ending {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Whole => write!(out, "the trace is whole"),
            Ending::Truncated { at } => {
                write!(out, "the trace is cut off in the chunk at byte {at}")
            }
            Ending::Damaged { at, why } => {
                write!(out, "the trace is damaged from byte {at} on: {why}")
            }
            Ending::Failed { at, why } => {
                write!(out, "the trace cannot be read from byte {at} on: {why}")
            }
        }
    }
}

/// Why something is no trace that can be read.
#[derive(Debug)]
pub enum OpenError {
    /// It does not begin as a trace does.
    NotATrace,
    /// It is of another version.
    Version(u32),
    /// Reading failed.
    Io(io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::NotATrace => {
                write!(out, "this is no trace: it does not begin with AIOTRACE")
            }
            OpenError::Version(version) => {
                write!(
                    out,
                    "the trace is of version {version} of the format; this program reads {VERSION}"
                )
            }
            OpenError::Io(error) => error.fmt(out),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl<R: Read> Reader<R> {
    /// Opens a file. `from` should be buffered, unless it is memory.
    ///
    /// # Errors
    /// Something that is no trace, or one of another version.
    pub fn new(mut from: R) -> Result<Self, OpenError> {
        let mut head = Vec::with_capacity(12);
        (&mut from).take(12).read_to_end(&mut head).map_err(OpenError::Io)?;
        let Some(version) = head.strip_prefix(&MAGIC) else { return Err(OpenError::NotATrace) };
        let version =
            version.try_into().map(u32::from_le_bytes).map_err(|_| OpenError::NotATrace)?;
        if version != VERSION {
            return Err(OpenError::Version(version));
        }
        Ok(Reader { from, at: 12, skipped: 0, ending: None })
    }

    /// How the file ended, once there are no more chunks.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// How many chunks of unknown types were skipped.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The bytes of the next chunk, whose checksum holds.
    fn next_bytes(&mut self) -> Result<Option<Vec<u8>>, Ending> {
        let at = self.at;
        let failed = |error: io::Error| Ending::Failed { at, why: error.to_string() };
        let mut bytes = Vec::new();
        (&mut self.from).take(8).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let Some(length) = bytes.get(4..8) else { return Err(Ending::Truncated { at }) };
        let length = u32::from_le_bytes(length.try_into().unwrap_or_default()) as usize;
        if length > MAX_PAYLOAD {
            return Err(Ending::Damaged { at, why: "a chunk is longer than any chunk may be" });
        }
        // The vector grows with what is there, not with what the length claims.
        (&mut self.from).take(length as u64 + 4).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() < length + 12 {
            return Err(Ending::Truncated { at });
        }
        self.at += bytes.len() as u64;
        Ok(Some(bytes))
    }

    fn advance(&mut self) -> Result<Option<Chunk>, Ending> {
        loop {
            let at = self.at;
            let Some(bytes) = self.next_bytes()? else { return Ok(None) };
            match decode_chunk(&bytes) {
                Ok((Some(chunk), _)) => return Ok(Some(chunk)),
                Ok((None, _)) => self.skipped += 1,
                Err(why) => return Err(Ending::Damaged { at, why }),
            }
        }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        if self.ending.is_some() {
            return None;
        }
        match self.advance() {
            Ok(Some(chunk)) => Some(chunk),
            Ok(None) => {
                self.ending = Some(Ending::Whole);
                None
            }
            Err(ending) => {
                self.ending = Some(ending);
                None
            }
        }
    }
}

/// Reads the chunk at the beginning of `bytes`, and tells how many bytes it takes. A chunk of an unknown
/// type is `None`.
///
/// # Errors
/// Bytes that are no whole chunk, a checksum that does not hold, a payload that is not what its type says.
pub fn decode_chunk(bytes: &[u8]) -> Result<(Option<Chunk>, usize), &'static str> {
    let mut head = Fields(bytes);
    let (Some(kind), Some(length)) = (head.u32(), head.u32()) else {
        return Err("a chunk is cut off");
    };
    let length = length as usize;
    if length > MAX_PAYLOAD {
        return Err("a chunk is longer than any chunk may be");
    }
    let (Some(payload), Some(sum)) = (head.bytes(length), head.u32()) else {
        return Err("a chunk is cut off");
    };
    if crc32fast::hash(&bytes[..8 + length]) != sum {
        return Err("a checksum does not hold");
    }
    Ok((decode_payload(kind, payload)?, length + 12))
}

fn decode_payload(kind: u32, payload: &[u8]) -> Result<Option<Chunk>, &'static str> {
    let mut fields = Fields(payload);
    let chunk = match kind {
        chunk_type::META => json(payload).map(Chunk::Meta),
        chunk_type::EVENTS => fields.events().map(Chunk::Events),
        chunk_type::STRINGS => fields.all(Fields::string).map(Chunk::Strings),
        chunk_type::LOCATIONS => fields.all(Fields::location).map(Chunk::Locations),
        chunk_type::TASKS => fields.all(Fields::task).map(Chunk::Tasks),
        chunk_type::OBJECTS => fields.all(Fields::object).map(Chunk::Objects),
        chunk_type::STACKS => fields.all(Fields::stack).map(Chunk::Stacks),
        chunk_type::FAILURES => json_lines::<Failure>(payload).map(Chunk::Failures),
        chunk_type::FINDINGS => json_lines::<Finding>(payload).map(Chunk::Findings),
        chunk_type::CALIBRATION => json::<Calibration>(payload).map(Chunk::Calibration),
        _ => return Ok(None),
    };
    chunk.map(Some).ok_or("a chunk's content is not what its type says")
}

fn json<T: DeserializeOwned>(payload: &[u8]) -> Option<T> {
    serde_json::from_slice(payload).ok()
}

fn json_lines<T: DeserializeOwned>(payload: &[u8]) -> Option<Vec<T>> {
    payload.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(json).collect()
}

/// What is left of a payload.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u32::from_le_bytes(*word))
    }

    fn u64(&mut self) -> Option<u64> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*word))
    }

    fn all<T>(&mut self, each: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut records = Vec::new();
        while !self.0.is_empty() {
            records.push(each(self)?);
        }
        Some(records)
    }

    fn events(&mut self) -> Option<Events> {
        let (loop_id, _reserved, dropped) = (self.u32()?, self.u32()?, self.u64()?);
        let (events, rest) = self.0.as_chunks::<{ Event::SIZE }>();
        let events = events.iter().map(Event::from_bytes).collect();
        rest.is_empty().then_some(Events { loop_id, dropped, events })
    }

    fn string(&mut self) -> Option<(u32, String)> {
        let (id, length) = (self.u32()?, self.u32()? as usize);
        let text = String::from_utf8_lossy(self.bytes(length)?).into_owned();
        Some((id, text))
    }

    fn location(&mut self) -> Option<Location> {
        Some(Location {
            id: self.u32()?,
            file: self.u32()?,
            function: self.u32()?,
            line: self.u32()?,
        })
    }

    fn task(&mut self) -> Option<TaskRecord> {
        Some(TaskRecord {
            id: self.u64()?,
            parent: self.u64()?,
            created: self.u64()?,
            coroutine: self.u32()?,
            created_at: self.u32()?,
            name: self.u32()?,
            loop_id: self.u32()?,
        })
    }

    fn object(&mut self) -> Option<ObjectRecord> {
        let (id, kind, location, name) = (self.u64()?, self.u32()?, self.u32()?, self.u32()?);
        let _reserved = self.u32()?;
        let kind = u8::try_from(kind).map_or(ObjectKind::Other, ObjectKind::from_byte);
        Some(ObjectRecord { id, kind, location, name })
    }

    fn stack(&mut self) -> Option<Stack> {
        let (task, ticks, count) = (self.u64()?, self.u64()?, self.u32()? as usize);
        let (frames, rest) = self.bytes(count.checked_mul(4)?)?.as_chunks::<4>();
        debug_assert!(rest.is_empty());
        Some(Stack {
            task,
            ticks,
            frames: frames.iter().copied().map(u32::from_le_bytes).collect(),
        })
    }
}
