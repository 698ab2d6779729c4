//! Reading a trace from the disk: a file, or what SIGKILL left of a ring.

use super::{Builder, Timeline};
use aioxide_trace::file::{Chunk, Events, MAGIC, OpenError, Reader};
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
            ReadError::Io(path, error) => (path, error),
            ReadError::Open(path, error) => (path, error),
            ReadError::Ring(path, error) => (path, error),
        };
        write!(out, "{}: {error}", path.display())
    }
}

impl std::error::Error for ReadError {}

/// Reads the trace at `path`: an `.aiotrace` file, or a ring file with the `.aiotrace` file of its tables
/// beside it, which has the same name but for the ending.
///
/// # Errors
/// A file that cannot be read, is no trace, or is one of another version. One that is cut off or
/// damaged is read up to there; [`Timeline::ending`] tells.
pub fn read_file(path: &Path) -> Result<Timeline, ReadError> {
    let io = |path: &Path, error| ReadError::Io(path.to_owned(), error);
    let mut file = File::open(path).map_err(|error| io(path, error))?;
    let mut magic = Vec::with_capacity(8);
    (&mut file).take(8).read_to_end(&mut magic).map_err(|error| io(path, error))?;
    if magic == ring::MAGIC {
        return read_ring(path);
    }
    if magic != MAGIC {
        return Err(ReadError::Open(path.to_owned(), OpenError::NotATrace));
    }
    let mut builder = Builder::new();
    let ending = read_chunks(path, &mut builder)?;
    let mut timeline = builder.finish();
    timeline.ending = ending;
    Ok(timeline)
}

fn read_chunks(
    path: &Path,
    builder: &mut Builder,
) -> Result<Option<aioxide_trace::file::Ending>, ReadError> {
    let file = File::open(path).map_err(|error| ReadError::Io(path.to_owned(), error))?;
    let mut reader = Reader::new(BufReader::with_capacity(1 << 16, file))
        .map_err(|error| ReadError::Open(path.to_owned(), error))?;
    reader.by_ref().for_each(|chunk| builder.chunk(chunk));
    Ok(reader.ending().cloned())
}

fn read_ring(path: &Path) -> Result<Timeline, ReadError> {
    let bytes = std::fs::read(path).map_err(|error| ReadError::Io(path.to_owned(), error))?;
    let (header, dropped, events) =
        ring::read(&bytes).map_err(|error| ReadError::Ring(path.to_owned(), error))?;
    drop(bytes);
    let mut builder = Builder::new();
    let tables = path.with_extension("aiotrace");
    let mut ending = None;
    if tables.exists() {
        ending = read_chunks(&tables, &mut builder)?;
    } else {
        builder.chunk(Chunk::Meta(aioxide_trace::file::Meta {
            pid: header.pid,
            ticks_per_second: header.ticks_per_second,
            calibration: vec![header.calibration],
            ..Default::default()
        }));
    }
    builder.chunk(Chunk::Events(Events { loop_id: header.loop_id, dropped, events }));
    let mut timeline = builder.finish();
    timeline.ending = ending;
    Ok(timeline)
}
