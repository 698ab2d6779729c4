//! Writing a file, chunk by chunk.

use super::records::{
    Calibration, Chunk, Events, Failure, Finding, Location, Meta, ObjectRecord, Stack, TaskRecord,
};
use super::{MAGIC, MAX_PAYLOAD, VERSION, chunk_type};
use crate::Event;
use serde::Serialize;
use std::io::{self, Write};

/// Writes a file to anything that takes bytes.
///
/// Each call writes whole chunks, each by one `write_all`: what was written when the disk is full or
/// the process dies can be read up to its last whole chunk. Nothing is buffered here but the chunk that
/// is being made.
///
/// # Errors
/// Every method hands on the error of the underlying writer.
pub struct Writer<W> {
    into: W,
    /// The chunk that is being made, kept for the next one.
    chunk: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub fn new(mut into: W, meta: &Meta) -> io::Result<Self> {
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&VERSION.to_le_bytes());
        into.write_all(&head)?;
        let mut writer = Self::append(into);
        writer.json_chunk(chunk_type::META, meta)?;
        Ok(writer)
    }

    /// Goes on with a file that was begun.
    pub fn append(into: W) -> Self {
        Writer { into, chunk: Vec::new() }
    }

    /// Writes events of the loop `loop_id`, before which `dropped` were lost.
    pub fn events(&mut self, loop_id: u32, mut dropped: u64, events: &[Event]) -> io::Result<()> {
        let most = (MAX_PAYLOAD - 16) / Event::SIZE;
        if events.is_empty() && dropped > 0 {
            self.events_chunk(loop_id, dropped, events)?;
        }
        for part in events.chunks(most) {
            self.events_chunk(loop_id, std::mem::take(&mut dropped), part)?;
        }
        Ok(())
    }

    fn events_chunk(&mut self, loop_id: u32, dropped: u64, events: &[Event]) -> io::Result<()> {
        self.begin(chunk_type::EVENTS);
        self.chunk.reserve(16 + events.len() * Event::SIZE + 4);
        self.u32(loop_id);
        self.u32(0);
        self.u64(dropped);
        for event in events {
            self.chunk.extend_from_slice(&event.to_bytes());
        }
        self.end()
    }

    /// Writes texts. One that is longer than a chunk may be is cut.
    pub fn strings<'a>(
        &mut self,
        strings: impl IntoIterator<Item = (u32, &'a str)>,
    ) -> io::Result<()> {
        self.begin(chunk_type::STRINGS);
        for (id, text) in strings {
            let text = &text[..text.floor_char_boundary_of(MAX_PAYLOAD - 8)];
            self.split(chunk_type::STRINGS, 8 + text.len())?;
            self.u32(id);
            self.u32(text.len() as u32);
            self.chunk.extend_from_slice(text.as_bytes());
        }
        self.end_unless_empty()
    }

    /// Writes places in the source.
    pub fn locations(&mut self, locations: impl IntoIterator<Item = Location>) -> io::Result<()> {
        self.begin(chunk_type::LOCATIONS);
        for each in locations {
            self.split(chunk_type::LOCATIONS, 16)?;
            for word in [each.id, each.file, each.function, each.line] {
                self.u32(word);
            }
        }
        self.end_unless_empty()
    }

    /// Writes tasks.
    pub fn tasks(&mut self, tasks: impl IntoIterator<Item = TaskRecord>) -> io::Result<()> {
        self.begin(chunk_type::TASKS);
        for each in tasks {
            self.split(chunk_type::TASKS, 40)?;
            for word in [each.id, each.parent, each.created] {
                self.u64(word);
            }
            for word in [each.coroutine, each.created_at, each.name, each.loop_id] {
                self.u32(word);
            }
        }
        self.end_unless_empty()
    }

    /// Writes objects that tasks wait for.
    pub fn objects(&mut self, objects: impl IntoIterator<Item = ObjectRecord>) -> io::Result<()> {
        self.begin(chunk_type::OBJECTS);
        for each in objects {
            self.split(chunk_type::OBJECTS, 24)?;
            self.u64(each.id);
            for word in [each.kind as u32, each.location, each.name, 0] {
                self.u32(word);
            }
        }
        self.end_unless_empty()
    }

    /// Writes await stacks. Of a deeper one, the innermost 65,536 frames are kept.
    pub fn stacks<'a>(&mut self, stacks: impl IntoIterator<Item = &'a Stack>) -> io::Result<()> {
        self.begin(chunk_type::STACKS);
        for each in stacks {
            let frames = &each.frames[each.frames.len().saturating_sub(1 << 16)..];
            self.split(chunk_type::STACKS, 20 + frames.len() * 4)?;
            self.u64(each.task);
            self.u64(each.ticks);
            self.u32(frames.len() as u32);
            for frame in frames {
                self.u32(*frame);
            }
        }
        self.end_unless_empty()
    }

    /// Writes exceptions that ended tasks. One that is longer than a chunk may be is left out.
    pub fn failures<'a>(
        &mut self,
        failures: impl IntoIterator<Item = &'a Failure>,
    ) -> io::Result<()> {
        self.json_lines(chunk_type::FAILURES, failures)
    }

    /// Writes what lints found. One that is longer than a chunk may be is left out.
    pub fn findings<'a>(
        &mut self,
        findings: impl IntoIterator<Item = &'a Finding>,
    ) -> io::Result<()> {
        self.json_lines(chunk_type::FINDINGS, findings)
    }

    /// Writes what the clock shows now.
    pub fn calibration(&mut self, now: Calibration) -> io::Result<()> {
        self.json_chunk(chunk_type::CALIBRATION, &now)
    }

    /// Writes a chunk that was read from another file or came through the console's socket.
    pub fn chunk(&mut self, chunk: &Chunk) -> io::Result<()> {
        match chunk {
            Chunk::Meta(meta) => self.json_chunk(chunk_type::META, meta),
            Chunk::Events(Events { loop_id, dropped, events }) => {
                self.events(*loop_id, *dropped, events)
            }
            Chunk::Strings(strings) => {
                self.strings(strings.iter().map(|(id, text)| (*id, &text[..])))
            }
            Chunk::Locations(locations) => self.locations(locations.iter().copied()),
            Chunk::Tasks(tasks) => self.tasks(tasks.iter().copied()),
            Chunk::Objects(objects) => self.objects(objects.iter().copied()),
            Chunk::Stacks(stacks) => self.stacks(stacks),
            Chunk::Failures(failures) => self.failures(failures),
            Chunk::Findings(findings) => self.findings(findings),
            Chunk::Calibration(now) => self.calibration(*now),
        }
    }

    /// Hands on what the underlying writer has buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }

    /// The underlying writer.
    pub fn get_ref(&self) -> &W {
        &self.into
    }

    /// The underlying writer, which is not flushed.
    pub fn into_inner(self) -> W {
        self.into
    }

    fn json_chunk(&mut self, kind: u32, value: &impl Serialize) -> io::Result<()> {
        self.begin(kind);
        serde_json::to_writer(&mut self.chunk, value)?;
        if self.payload() > MAX_PAYLOAD {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the text is longer than 4 MiB",
            ));
        }
        self.end()
    }

    fn json_lines<'a, T: Serialize + 'a>(
        &mut self,
        kind: u32,
        values: impl IntoIterator<Item = &'a T>,
    ) -> io::Result<()> {
        self.begin(kind);
        for each in values {
            let mut line = serde_json::to_vec(each)?;
            line.push(b'\n');
            if line.len() > MAX_PAYLOAD {
                continue;
            }
            self.split(kind, line.len())?;
            self.chunk.extend_from_slice(&line);
        }
        self.end_unless_empty()
    }

    fn u32(&mut self, word: u32) {
        self.chunk.extend_from_slice(&word.to_le_bytes());
    }

    fn u64(&mut self, word: u64) {
        self.chunk.extend_from_slice(&word.to_le_bytes());
    }

    fn payload(&self) -> usize {
        self.chunk.len() - 8
    }

    fn begin(&mut self, kind: u32) {
        self.chunk.clear();
        self.u32(kind);
        self.u32(0);
    }

    /// Ends this chunk and begins another if `more` bytes would make it too long.
    fn split(&mut self, kind: u32, more: usize) -> io::Result<()> {
        if self.payload() + more > MAX_PAYLOAD {
            self.end()?;
            self.begin(kind);
        }
        Ok(())
    }

    fn end_unless_empty(&mut self) -> io::Result<()> {
        if self.payload() == 0 { Ok(()) } else { self.end() }
    }

    fn end(&mut self) -> io::Result<()> {
        let length = self.payload() as u32;
        self.chunk[4..8].copy_from_slice(&length.to_le_bytes());
        let sum = crc32fast::hash(&self.chunk);
        self.u32(sum);
        self.into.write_all(&self.chunk)
    }
}

/// The bytes of `chunk` as they stand in a file, perhaps split into several chunks: what a frame of
/// [`crate::wire`] carries.
///
/// # Errors
/// A [`Meta`] that is longer than [`MAX_PAYLOAD`].
pub fn encode_chunk(chunk: &Chunk) -> io::Result<Vec<u8>> {
    let mut writer = Writer::append(Vec::new());
    writer.chunk(chunk)?;
    Ok(writer.into_inner())
}

/// `str::floor_char_boundary`, which Rust 1.88 does not have.
trait FloorCharBoundary {
    fn floor_char_boundary_of(&self, index: usize) -> usize;
}

impl FloorCharBoundary for str {
    fn floor_char_boundary_of(&self, index: usize) -> usize {
        if index >= self.len() {
            return self.len();
        }
        (0..=index).rev().find(|at| self.is_char_boundary(*at)).unwrap_or(0)
    }
}
