//! Reading a trace from the disk: a file, or what SIGKILL left of a ring.

use super::{Builder, Timeline};
use crate::units::reason;
use aioxide_trace::file::{Chunk, Ending, Events, MAGIC, Meta, OpenError, Reader};
use aioxide_trace::ring;
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
/// and `run.ring2` belong to `run.aiotrace`. Given a file of tables without events, the rings beside it are read.
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
    if !read.has_events {
        let mut rings = rings_of(&tables);
        if magic == ring::MAGIC && !rings.iter().any(|each| each == path) {
            rings.push(path.to_owned());
        }
        rings.iter().try_for_each(|each| read.ring(each))?;
    }
    let mut timeline = read.builder.finish();
    timeline.ending = ending;
    Ok(timeline)
}

/// The ring files that are beside a file of tables.
fn rings_of(tables: &Path) -> Vec<PathBuf> {
    let numbers = std::iter::once(String::new()).chain((2..1000).map(|number| number.to_string()));
    numbers
        .map(|number| tables.with_extension(format!("ring{number}")))
        .take_while(|path| path.exists())
        .collect()
}

#[derive(Default)]
struct Reading {
    builder: Builder,
    meta: Option<Meta>,
    has_events: bool,
}

impl Reading {
    fn tables(&mut self, path: &Path) -> Result<Option<Ending>, ReadError> {
        let file = File::open(path).map_err(|error| ReadError::Io(path.to_owned(), error))?;
        let mut reader = Reader::new(BufReader::with_capacity(1 << 16, file))
            .map_err(|error| ReadError::Open(path.to_owned(), error))?;
        for chunk in reader.by_ref() {
            self.has_events |= matches!(chunk, Chunk::Events(_));
            if let Chunk::Meta(meta) = &chunk {
                self.meta = Some(meta.clone());
            }
            self.builder.chunk(chunk);
        }
        Ok(reader.ending().cloned())
    }

    fn ring(&mut self, path: &Path) -> Result<(), ReadError> {
        let bytes = std::fs::read(path).map_err(|error| ReadError::Io(path.to_owned(), error))?;
        let (header, dropped, events) =
            ring::read(&bytes).map_err(|error| ReadError::Ring(path.to_owned(), error))?;
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
