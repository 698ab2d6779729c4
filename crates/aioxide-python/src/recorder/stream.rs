//! Writing a recording to a file while it runs: all events (a full trace), or the tables beside
//! rings that are shared with files.
//!
//! A thread without the GIL copies what is new out of the rings a hundred times a second. Nobody
//! waits for it: what a ring has overwritten before it came is counted in the file.
//!
//! The rings of a full trace are shared with files too, so that SIGKILL leaves what was not written
//! yet. Such a file is removed when all of its ring is written: when its loop is closed, or at the end.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use aioxide_engine::recorder::{Calibration, TaskView, loops, recent_task, tasks};
use aioxide_trace::file::{Meta, Writer};
use aioxide_trace::{Event, Kind, ring};

use super::dump::{self, Written, calibration_of, event_of};
use super::failure_log::{FAILURES, FINDINGS};

const PERIOD: Duration = Duration::from_millis(10);
const BETWEEN_CALIBRATIONS: Duration = Duration::from_secs(1);

/// What the thread has written so far.
struct Stream {
    writer: Writer<File>,
    /// Whether events are written, or the tables only.
    full: bool,
    written: Written,
    /// By loop: the number of the next event.
    positions: HashMap<u32, u64>,
    /// The largest ids of objects that were there when objects were written the last time but one,
    /// and the last time. What comes into the table beside the reader may be missed once: so each is
    /// written twice.
    objects: (u64, u64),
    calibrated: Instant,
    rings: Rings,
    /// The first error: nothing is written after it.
    error: Option<io::Error>,
}

/// The files of the rings of a full trace.
#[derive(Default)]
struct Rings {
    /// The file beside which they are; None if there are none, or if they are kept.
    beside: Option<PathBuf>,
    /// The loops whose ring may have a file.
    loops: Vec<u32>,
    /// The last loop that was counted.
    last: u32,
}

impl Rings {
    /// Removes the files of rings but those of the loops that were in `open` before what they have was
    /// written.
    fn remove_but(&mut self, open: &[u32], last: u32) {
        let Some(beside) = &self.beside else { return };
        self.loops.extend(self.last + 1..=last);
        self.last = last;
        self.loops.retain(|id| {
            let is_kept = open.contains(id);
            if !is_kept {
                let _ = std::fs::remove_file(ring::path(beside, *id));
            }
            is_kept
        });
    }
}

/// Whether the rings of a full trace may be in files beside this one: its own name is none of theirs.
pub fn may_have_rings(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "aiotrace")
}

/// The thread, and how it is ended.
pub struct Streaming {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: JoinHandle<()>,
}

/// The file, while one is written. Held for one round, which waits for the disk, but never for
/// the GIL.
static STREAM: Mutex<Option<Stream>> = Mutex::new(None);

/// The lock of the stream, for whoever forks.
pub struct StreamGuard(MutexGuard<'static, Option<Stream>>);

fn lock() -> MutexGuard<'static, Option<Stream>> {
    STREAM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for the round that is being written, and keeps the next one from beginning.
pub fn hold() -> StreamGuard {
    StreamGuard(lock())
}

impl StreamGuard {
    /// In the child of a fork: closes the file, which is the parent's.
    pub fn abandon(mut self) {
        drop(self.0.take());
    }
}

/// Begins to write to a new file at `path`.
pub fn start(path: &Path, full: bool, meta: &Meta) -> io::Result<Streaming> {
    let writer = Writer::new(File::create(path)?, meta)?;
    let mut rings = Rings { last: loops().last_id(), ..Rings::default() };
    if may_have_rings(path) {
        // Those of an earlier recording, whose process was killed, are no part of this one.
        ring::beside(path).iter().for_each(|it| drop(std::fs::remove_file(it)));
        rings.beside = full.then(|| path.to_owned());
    }
    *lock() = Some(Stream {
        writer,
        full,
        written: Written::default(),
        positions: HashMap::new(),
        objects: (0, 0),
        calibrated: Instant::now(),
        rings,
        error: None,
    });
    let stop = Arc::new((Mutex::new(false), Condvar::new()));
    let watched = Arc::clone(&stop);
    let thread =
        thread::Builder::new().name("aioxide-recorder".to_owned()).spawn(move || run(&watched))?;
    Ok(Streaming { stop, thread })
}

impl Streaming {
    /// Writes the rest and closes the file. The GIL need not be held.
    ///
    /// # Errors
    ///
    /// The first error of all that was written; the file ends before it.
    pub fn finish(self) -> io::Result<()> {
        let (is_stopped, changed) = &*self.stop;
        *is_stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
        let _ = self.thread.join();
        let Some(mut stream) = lock().take() else { return Ok(()) };
        stream.round();
        stream.last_round();
        if stream.error.is_none() {
            stream.rings.remove_but(&[], loops().last_id());
        }
        stream.error.map_or(Ok(()), Err)
    }

    /// In the child of a fork, where the thread is not.
    pub fn forget(self) {
        std::mem::forget(self.thread);
    }
}

fn run(stop: &(Mutex<bool>, Condvar)) {
    let (is_stopped, changed) = stop;
    let mut stopped = is_stopped.lock().unwrap_or_else(PoisonError::into_inner);
    while !*stopped {
        stopped = match changed.wait_timeout(stopped, PERIOD) {
            Ok((guard, _)) => guard,
            Err(error) => error.into_inner().0,
        };
        if let Some(stream) = lock().as_mut() {
            stream.round();
        }
    }
}

impl Stream {
    fn round(&mut self) {
        if self.error.is_none()
            && let Err(error) = self.write_new()
        {
            self.error = Some(error);
        }
    }

    fn write_new(&mut self) -> io::Result<()> {
        let (open, last) = {
            let loops = loops();
            (loops.numbers(true), loops.last_id())
        };
        for record in loops().all() {
            let id = record.id();
            let since = self.positions.get(&id).copied().unwrap_or(0);
            let copied = record.ring().copy(since);
            if record.id() != id {
                continue; // Another loop's by now.
            }
            let next = copied.first + copied.events.len() as u64;
            if next == since {
                continue;
            }
            self.positions.insert(id, next);
            let dropped = copied.first - since;
            let events: Vec<Event> = copied.events.into_iter().map(event_of).collect();
            self.write_tables(&events)?;
            if self.full {
                self.writer.events(id, dropped, &events)?;
            }
        }
        self.rings.remove_but(&open, last);
        if self.calibrated.elapsed() >= BETWEEN_CALIBRATIONS {
            self.calibrated = Instant::now();
            self.writer.calibration(calibration_of(Calibration::now()))?;
        }
        Ok(())
    }

    /// The entries that these events are the first to name.
    fn write_tables(&mut self, events: &[Event]) -> io::Result<()> {
        let mut views = Vec::new();
        let mut missed = HashSet::new();
        let mut has_objects = false;
        for event in events {
            match event.kind() {
                Kind::TaskCreated => match recent_task(event.what >> 8).and_then(|it| it.view()) {
                    Some(view) => views.push(view),
                    None => drop(missed.insert(event.what >> 8)),
                },
                Kind::ObjectCreated => has_objects = true,
                _ => {}
            }
        }
        if !missed.is_empty() {
            let found = tasks().filter(|record| missed.contains(&record.id()));
            views.extend(found.filter_map(|record| record.view()));
        }
        self.written.catch_up(&mut self.writer)?;
        if !views.is_empty() {
            dump::write_tasks(&mut self.writer, &views)?;
        }
        if has_objects {
            let last = dump::write_objects(&mut self.writer, self.objects.0 + 1)?;
            self.objects = (self.objects.1, last.max(self.objects.1));
        }
        Ok(())
    }

    /// What may have changed since it was written, and what is written once.
    fn last_round(&mut self) {
        if self.error.is_some() {
            return;
        }
        let mut write = || {
            self.written.catch_up(&mut self.writer)?;
            let views: Vec<TaskView> = dump::task_views();
            dump::write_tasks(&mut self.writer, &views)?;
            dump::write_objects(&mut self.writer, 0)?;
            self.writer.failures(&FAILURES.all())?;
            self.writer.findings(&FINDINGS.all())?;
            self.writer.calibration(calibration_of(Calibration::now()))?;
            self.writer.flush()
        };
        if let Err(error) = write() {
            self.error = Some(error);
        }
    }
}
