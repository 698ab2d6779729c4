//! Rings in files, so that SIGKILL leaves them readable.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aioxide_engine::recorder::{Calibration, LoopRecord};
use aioxide_trace::ring;

use super::{dump, is_full};

/// How many rings of a full trace are put into files within [`WITHIN`]: each takes some milliseconds, as
/// long as a loop may run, and has no more than the last hundredth of a second of it.
const MOST: usize = 8;
const WITHIN: Duration = Duration::from_secs(2);

/// When rings were put into files, the oldest first.
struct Budget(Vec<Instant>);

static BUDGET: Mutex<Budget> = Mutex::new(Budget(Vec::new()));

impl Budget {
    /// Whether one more may be at `now`, which then counts.
    fn take(&mut self, now: Instant) -> bool {
        self.0.retain(|when| now.saturating_duration_since(*when) < WITHIN);
        let may = self.0.len() < MOST;
        if may {
            self.0.push(now);
        }
        may
    }
}

/// A recording begins.
pub fn begin_session() {
    lock().0.clear();
}

fn lock() -> MutexGuard<'static, Budget> {
    BUDGET.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Moves the ring of a loop, which is new, into a file beside that of the tables.
pub fn share(record: &LoopRecord, tables: &Path) {
    if is_full() && !lock().take(Instant::now()) {
        return;
    }
    // The events are in memory, and can be dumped: only SIGKILL would lose them. A full trace has most
    // of them in its file even then.
    if let Err(error) = move_into_file(record, tables)
        && !is_full()
    {
        let text = format!("aioxide: the ring of loop {} has no file: {error}", record.id());
        let _ = writeln!(io::stderr(), "{text}");
    }
}

fn move_into_file(record: &LoopRecord, tables: &Path) -> io::Result<()> {
    let path = ring::path(tables, record.id());
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    let header = ring::Header {
        pid: std::process::id(),
        loop_id: record.id(),
        capacity: record.ring().capacity() as u64,
        next: 0,
        calibration: dump::calibration_of(Calibration::now()),
        ticks_per_second: Calibration::ticks_per_second(),
    };
    record.ring().move_into(&file, &header.to_bytes())
}
