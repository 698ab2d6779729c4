//! What a chunk holds.

use crate::{Event, ObjectKind};
use serde::{Deserialize, Serialize};

/// A chunk of a file, read.
#[derive(Clone, Debug, PartialEq)]
pub enum Chunk {
    /// Type 1: which process it was.
    Meta(Meta),
    /// Type 2: events of one loop.
    Events(Events),
    /// Type 3: texts by id.
    Strings(Vec<(u32, String)>),
    /// Type 4: places in the source.
    Locations(Vec<Location>),
    /// Type 5: tasks.
    Tasks(Vec<TaskRecord>),
    /// Type 6: locks, queues and what else tasks wait for.
    Objects(Vec<ObjectRecord>),
    /// Type 7: await stacks.
    Stacks(Vec<Stack>),
    /// Type 8: exceptions that ended tasks.
    Failures(Vec<Failure>),
    /// Type 9: what a lint found.
    Findings(Vec<Finding>),
    /// Type 10: what the clock showed later on.
    Calibration(Calibration),
}

/// Events of one loop, in the order in which they happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// The loop's number, from 1.
    pub loop_id: u32,
    /// How many events of this loop were lost between those of the chunk before and these.
    pub dropped: u64,
    /// The events.
    pub events: Vec<Event>,
}

/// Which process was recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meta {
    /// The process.
    pub pid: u32,
    /// Its arguments, as in `sys.argv`.
    pub argv: Vec<String>,
    /// The interpreter's path.
    pub executable: String,
    /// The interpreter's version, as `3.13.1`.
    pub python: String,
    /// The version of aioxide.
    pub aioxide: String,
    /// The clock that `ticks` are of: `tsc` or `monotonic`.
    pub clock: String,
    /// Ticks per second, as far as known when the recording began; 0 if not. Two calibrations win.
    pub ticks_per_second: f64,
    /// What the clock showed, the earliest first.
    pub calibration: Vec<Calibration>,
}

/// What the recorder's clock and the calendar showed at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calibration {
    /// The recorder's clock.
    pub ticks: u64,
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    pub unix_ns: u64,
}

/// A place in the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// Its id, from 1.
    pub id: u32,
    /// The id of the file's name.
    pub file: u32,
    /// The id of the function's qualified name.
    pub function: u32,
    /// The line, from 1; 0 if unknown.
    pub line: u32,
}

/// A task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskRecord {
    /// Its id, from 1. Tasks and objects are counted together.
    pub id: u64,
    /// The task that created it; 0 if none did.
    pub parent: u64,
    /// When it was created; 0 if before the recording.
    pub created: u64,
    /// Where its coroutine is defined: a location.
    pub coroutine: u32,
    /// Where it was created, the user's own line: a location.
    pub created_at: u32,
    /// Its name: a string.
    pub name: u32,
    /// The loop it runs on.
    pub loop_id: u32,
}

/// An object that tasks wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectRecord {
    /// Its id, from 1. Tasks and objects are counted together.
    pub id: u64,
    /// What it is.
    pub kind: ObjectKind,
    /// Where it was created: a location, or 0.
    pub location: u32,
    /// A text that tells it from others of its kind: a string, or 0.
    pub name: u32,
}

/// The await stack of a task at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// The task.
    pub task: u64,
    /// When it was read.
    pub ticks: u64,
    /// Locations, the outermost coroutine first.
    pub frames: Vec<u32>,
}

/// An exception that ended a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// The task.
    pub task: u64,
    /// The exception's type, with its module unless that is `builtins`.
    #[serde(rename = "type")]
    pub exception: String,
    /// `str()` of the exception.
    pub text: String,
    /// The traceback, as the interpreter prints it.
    pub traceback: String,
}

/// What a lint found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Finding {
    /// The lint's name, as `deadlock`.
    pub lint: String,
    /// What is wrong, in one sentence.
    pub sentence: String,
    /// The user's line, as `app.py:12`.
    pub place: String,
    /// Where the task or object was created, as `app.py:8`.
    pub created: String,
    /// How long it has lasted, in nanoseconds.
    pub elapsed_ns: u64,
    /// Whom it holds up: names of tasks.
    pub victims: Vec<String>,
    /// What to do about it.
    pub fix: String,
    /// The task it is about; 0 if about none.
    pub task: u64,
    /// When it was found; 0 if that was not recorded.
    pub ticks: u64,
}
