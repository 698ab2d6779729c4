//! What is measured, and how: the same for every runtime.

use std::fs;

use rustix::time::{ClockId, clock_gettime};

/// A row of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Row {
    /// Spawn a task that returns at once, and await its handle.
    SpawnJoin,
    /// A number to another task through a channel with room for one, and back through a second.
    PingPong,
    /// One of a hundred tasks gives way to the others.
    Yield,
    /// One of 10,000 tasks that sleep at once, for 1 to 50 ms: processor time of the process.
    Timers,
    /// One of 1,000,000 tasks that wait: bytes beyond its future.
    Memory,
}

const NAMES: [(&str, Row); 5] = [
    ("spawn_join", Row::SpawnJoin),
    ("ping_pong", Row::PingPong),
    ("yield", Row::Yield),
    ("timers", Row::Timers),
    ("memory", Row::Memory),
];

/// How many tasks give way to one another.
pub const YIELDING: u64 = 100;
/// How many tasks sleep at once.
pub const SLEEPING: u64 = 10_000;
/// How many tasks wait.
pub const WAITING: u64 = 1_000_000;
/// A run lasts so many seconds at least.
const LONG_ENOUGH: f64 = 0.2;
/// The fastest of so many runs counts.
const RUNS: usize = 5;

impl Row {
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(it, _)| *it == name).map(|(_, row)| *row)
    }

    pub fn names() -> String {
        NAMES.map(|(name, _)| name).join(", ")
    }
}

/// Nanoseconds of one operation: `run` does so many as it is told, and `cost` is what it reads.
pub fn per_operation(mut run: impl FnMut(u64), clock: fn() -> f64) -> f64 {
    let mut count = 1_000;
    loop {
        let begin = clock();
        run(count);
        if clock() - begin > LONG_ENOUGH {
            break;
        }
        count *= 2;
    }
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let begin = clock();
        run(count);
        best = best.min((clock() - begin) * 1e9 / count as f64);
    }
    best
}

/// Seconds of processor time that the process has used, in all of its threads.
pub fn processor() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Bytes of memory that the process uses.
pub fn memory() -> f64 {
    let text = fs::read_to_string("/proc/self/smaps_rollup").expect("Linux tells it");
    let line = text.lines().find(|line| line.starts_with("Rss:")).expect("it is there");
    let number = line.split_whitespace().nth(1).and_then(|it| it.parse::<f64>().ok());
    number.expect("kilobytes") * 1024.0
}

/// How long one of the sleeping tasks sleeps, in microseconds.
pub fn nap(index: u64) -> u64 {
    1_000 + index * 7_919 % 49_000
}
