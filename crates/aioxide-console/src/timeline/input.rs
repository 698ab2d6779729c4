//! Reading a trace from the disk: a file, or what SIGKILL left of a ring.

use super::{Builder, Timeline};
use crate::units::reason;
use aioxide_trace::file::{Chunk, Ending, Events, MAGIC, Meta, OpenError, Reader};
use aioxide_trace::ring;
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// Why a trace was not read.
#[derive(Debug)]
pub enum ReadError {
    /// The file cannot be opened or read.
    Io(PathBuf, io::Error),
    /// It is no trace.
    Open(PathBuf, OpenError),
    /// It is no ring file.
    Ring(PathBuf, ring::RingError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, error): (_, &dyn fmt::Display) = match self {
            ReadError::Io(path, error) => (path, &reason(error)),
            ReadError::Open(path, error) => (path, error),
            ReadError::Ring(path, error) => (path, error),
        };
        write!(out, "{}: {error}", path.display())
    }
}

impl std::error::Error for ReadError {}

/// Reads the trace at `path`: an `.aiotrace` file, or one of the ring files of a process that was killed. Their
/// tables are in the `.aiotrace` file beside them, which has the same name but for the ending: `run.ring`
/// and `run.ring2` belong to `run.aiotrace`. What the rings have and the file does not, the last events of
/// a full trace that was cut or all of them, is read from the rings, whichever of the files is given.
///
/// # Errors
/// A file that cannot be read, is no trace, or is one of another version. One that is cut off or
/// damaged is read up to there; [`Timeline::ending`] tells.
pub fn read_file(path: &Path) -> Result<Timeline, ReadError> {
    let io = |error| ReadError::Io(path.to_owned(), error);
    let mut magic = Vec::with_capacity(8);
    File::open(path).map_err(io)?.take(8).read_to_end(&mut magic).map_err(io)?;
    let tables = if magic == ring::MAGIC {
        path.with_extension("aiotrace")
    } else if magic == MAGIC {
        path.to_owned()
    } else {
        return Err(ReadError::Open(path.to_owned(), OpenError::NotATrace));
    };
    let mut read = Reading::default();
    let mut ending = None;
    if tables.exists() {
        ending = read.tables(&tables)?;
    }
    if magic == ring::MAGIC {
        read.ring(path, true)?;
    }
    for each in ring::beside(&tables).into_iter().filter(|each| each != path) {
        match read.ring(&each, false) {
            // There is nothing else.
            Err(error) if read.next.is_empty() => return Err(error),
            _ => {}
        }
    }
    let mut timeline = read.builder.finish();
    timeline.ending = ending;
    Ok(timeline)
}

#[derive(Default)]
struct Reading {
    builder: Builder,
    meta: Option<Meta>,
    /// By loop: the number of the event after the last one that was read.
    next: HashMap<u32, u64>,
}

impl Reading {
    fn tables(&mut self, path: &Path) -> Result<Option<Ending>, ReadError> {
        let file = File::open(path).map_err(|error| ReadError::Io(path.to_owned(), error))?;
        let mut reader = Reader::new(BufReader::with_capacity(1 << 16, file))
            .map_err(|error| ReadError::Open(path.to_owned(), error))?;
        for chunk in reader.by_ref() {
            if let Chunk::Events(each) = &chunk {
                let next = self.next.entry(each.loop_id).or_default();
                *next = next.saturating_add(each.dropped).saturating_add(each.events.len() as u64);
            }
            if let Chunk::Meta(meta) = &chunk {
                self.meta = Some(meta.clone());
            }
            self.builder.chunk(chunk);
        }
        Ok(reader.ending().cloned())
    }

    /// Reads a ring. One that was not asked for may be another process's.
    fn ring(&mut self, path: &Path, was_asked_for: bool) -> Result<(), ReadError> {
        let bytes = std::fs::read(path).map_err(|error| ReadError::Io(path.to_owned(), error))?;
        let (header, first, mut events) =
            ring::read(&bytes).map_err(|error| ReadError::Ring(path.to_owned(), error))?;
        if !was_asked_for && self.meta.as_ref().is_some_and(|meta| meta.pid != header.pid) {
            return Ok(());
        }
        let next = self.next.get(&header.loop_id).copied().unwrap_or(0);
        let known = usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
        events.drain(..known.min(events.len()));
        let dropped = first.saturating_sub(next);
        let mut meta =
            self.meta.take().unwrap_or_else(|| Meta { pid: header.pid, ..Meta::default() });
        if meta.ticks_per_second == 0.0 {
            meta.ticks_per_second = header.ticks_per_second;
        }
        self.meta = Some(meta.clone());
        self.builder.chunk(Chunk::Meta(meta));
        self.builder.chunk(Chunk::Calibration(header.calibration));
        self.builder.chunk(Chunk::Events(Events { loop_id: header.loop_id, dropped, events }));
        Ok(())
    }
}
