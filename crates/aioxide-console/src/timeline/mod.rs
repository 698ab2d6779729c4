//! A trace as spans of time: what each task did when, what each loop ran, and counters. All views of a
//! recorded program are made from this.

mod builder;
mod clock;
mod input;
mod names;

pub use builder::Builder;
pub use clock::Clock;
pub use input::{ReadError, read_file};
pub use names::Names;

use aioxide_trace::file::{Ending, Failure, Finding, Meta, Stack};
use aioxide_trace::{ItemKind, ObjectKind, WaitKind, WakerKind};

/// A recorded run. Times are nanoseconds since [`Timeline::begin_unix_ns`]'s moment; `Vec` indices
/// stand for tasks and objects.
#[derive(Debug, Default)]
pub struct Timeline {
    /// Which process it was.
    pub meta: Meta,
    /// When the recording begins, in nanoseconds since 1970; 0 if not known.
    pub begin_unix_ns: u64,
    /// How long it lasts.
    pub end: u64,
    /// Texts and places.
    pub names: Names,
    /// The tasks, in the order in which they were created.
    pub tasks: Vec<Task>,
    /// The spans of all tasks; those of one task stand together, in order.
    pub spans: Vec<Span>,
    /// Locks, queues, transports …
    pub objects: Vec<Object>,
    /// The loops, by number.
    pub loops: Vec<LoopLane>,
    /// The program's own marks: when, and the string.
    pub marks: Vec<(u64, u32)>,
    /// Requests to cancel: when, which task, by which.
    pub cancels: Vec<(u64, u32, Option<u32>)>,
    /// Exceptions that ended tasks; `task` is an index, or `u64::MAX`.
    pub failures: Vec<Failure>,
    /// What lints found; `task` is an index, or `u64::MAX`, and `ticks` is nanoseconds.
    pub findings: Vec<Finding>,
    /// Await stacks; `task` is an index and `ticks` nanoseconds.
    pub stacks: Vec<Stack>,
    /// How many events were read.
    pub events: u64,
    /// How many events were lost.
    pub dropped: u64,
    /// How the file ended.
    pub ending: Option<Ending>,
}

/// A task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// Its id in the process.
    pub id: u64,
    /// The task that created it.
    pub parent: Option<u32>,
    /// String of its name; 0 if not recorded.
    pub name: u32,
    /// Location of its coroutine; 0 if not recorded.
    pub coroutine: u32,
    /// Location where it was created; 0 if not recorded.
    pub created_at: u32,
    /// The number of its loop.
    pub loop_id: u32,
    /// Its spans: indices into [`Timeline::spans`].
    pub spans: std::ops::Range<u32>,
}

/// What a task does from one moment until its next span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it begins.
    pub start: u64,
    /// What the task does.
    pub state: SpanState,
    /// For what it waits, if it does.
    pub wait: WaitKind,
    /// What kind of thing made it ready, if it is ready.
    pub waker: WakerKind,
    /// What it waits for; or who made it ready: a task, or what the callback concerns that did.
    pub other: Other,
}

impl Span {
    /// A span that refers to nothing.
    pub const fn new(start: u64, state: SpanState) -> Self {
        Span { start, state, wait: WaitKind::Unknown, waker: WakerKind::Other, other: Other::None }
    }

    /// Whether it is known what made the task ready. One that has only given way was ready all along.
    pub fn was_woken(&self) -> bool {
        self.state == SpanState::Ready
            && (self.other != Other::None
                || !matches!(self.waker, WakerKind::Other | WakerKind::Task))
    }
}

/// What a task does. The last three end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SpanState {
    /// It waits.
    Waiting = 0,
    /// It is ready, but something else runs.
    Ready = 1,
    /// Its step runs.
    Running = 2,
    /// It returned.
    Done = 3,
    /// It raised an exception.
    Failed = 4,
    /// It was cancelled.
    Cancelled = 5,
}

impl SpanState {
    /// The word of the views.
    pub const fn word(self) -> &'static str {
        match self {
            SpanState::Waiting => "waiting",
            SpanState::Ready => "ready",
            SpanState::Running => "running",
            SpanState::Done => "done",
            SpanState::Failed => "failed",
            SpanState::Cancelled => "cancelled",
        }
    }

    /// Whether the task has ended.
    pub const fn is_end(self) -> bool {
        matches!(self, SpanState::Done | SpanState::Failed | SpanState::Cancelled)
    }
}

/// A reference to something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Other {
    /// Nothing, or not recorded.
    None,
    /// A task.
    Task(u32),
    /// An object.
    Object(u32),
}

/// An object that tasks wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its id in the process.
    pub id: u64,
    /// What it is.
    pub kind: ObjectKind,
    /// Where it was created: a location, or 0.
    pub location: u32,
    /// String that tells it from others; 0 if there is none.
    pub name: u32,
}

/// What a loop ran, and its counters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoopLane {
    /// Its number.
    pub id: u32,
    /// What it ran, in order. Between two items it polled.
    pub items: Vec<Item>,
    /// One sample for each iteration, and one for each poll that waits.
    pub samples: Vec<Sample>,
    /// Bytes: when, and how many were received and sent so far.
    pub bytes: Vec<(u64, u64, u64)>,
    /// Where events were lost: before this time, how many.
    pub gaps: Vec<(u64, u64)>,
}

/// An item that a loop ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// When it began.
    pub start: u64,
    /// When it ended.
    pub end: u64,
    /// What it was.
    pub what: ItemWhat,
}

/// What a loop ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemWhat {
    /// A step of a task.
    Step(u32),
    /// A callback.
    Callback(Callback),
}

/// A callback that a loop ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Callback {
    /// What kind of item it was.
    pub kind: ItemKind,
    /// The location of its function, or 0.
    pub location: u32,
    /// The task or object that it concerns.
    pub of: Other,
}

/// A loop's counters at the end of an iteration's poll, or when a poll begins to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: u64,
    /// The length of the ready queue.
    pub ready: u64,
    /// How long the items of the iteration took that begins here; 0 for a poll.
    pub busy: u64,
    /// Timers that are set.
    pub timers: u32,
    /// Open transports.
    pub transports: u32,
}

impl Timeline {
    /// The spans of `task`.
    pub fn spans_of(&self, task: &Task) -> &[Span] {
        self.spans.get(task.spans.start as usize..task.spans.end as usize).unwrap_or_default()
    }

    /// When `task` was created, or when it is first seen.
    pub fn begin_of(&self, task: &Task) -> u64 {
        self.spans_of(task).first().map_or(0, |span| span.start)
    }

    /// When `task` ended; the end of the recording if it did not.
    pub fn end_of(&self, task: &Task) -> u64 {
        match self.spans_of(task).last() {
            Some(last) if last.state.is_end() => last.start,
            _ => self.end,
        }
    }

    /// The spans of `task` with their ends. The one that ends the task has no extent.
    pub fn extents_of(&self, task: &Task) -> impl Iterator<Item = (Span, u64)> {
        let spans = self.spans_of(task);
        let end = self.end_of(task);
        spans.iter().enumerate().map(move |(index, span)| {
            let next = spans.get(index + 1).map_or(end, |next| next.start);
            (*span, next.max(span.start))
        })
    }

    /// The loop of `task`.
    pub fn loop_of(&self, task: &Task) -> Option<&LoopLane> {
        self.loops.iter().find(|lane| lane.id == task.loop_id)
    }

    /// The name of `task` for the user.
    pub fn task_name(&self, task: &Task) -> String {
        match self.names.string(task.name) {
            "" => format!("task {}", task.id),
            name => name.to_owned(),
        }
    }

    /// The qualified name of the coroutine of `task`.
    pub fn coroutine_name(&self, task: &Task) -> &str {
        match self.names.function(task.coroutine) {
            "" => "unknown coroutine",
            name => name,
        }
    }

    /// What `span` waits for, for the user: `lock cache (app.py:12)`.
    pub fn describe_wait(&self, span: &Span) -> String {
        let kind = if span.wait == WaitKind::Unknown { "" } else { span.wait.word() };
        match self.describe_other(span.other) {
            // "lock lock 7" says no more than "lock 7".
            Some(what) if kind.is_empty() || what.starts_with(kind) => what,
            Some(what) => format!("{kind} {what}"),
            None if kind.is_empty() => "unknown".to_owned(),
            None => kind.to_owned(),
        }
    }

    /// What made the task ready that has this span, for the user: `Task-3`, `timer`, `descriptor of
    /// transport 12 (127.0.0.1:80)`.
    pub fn describe_waker(&self, span: &Span) -> String {
        match (span.waker, self.describe_other(span.other)) {
            (WakerKind::Task, Some(task)) => task,
            (WakerKind::Other, None) => "unknown".to_owned(),
            (waker, None) => waker.word().to_owned(),
            (waker, Some(what)) => format!("{} of {what}", waker.word()),
        }
    }

    /// A callback, for the user: `future callback on_done (app.py:12) of Task-5`.
    pub fn describe_callback(&self, callback: &Callback) -> String {
        let mut text = callback.kind.word().to_owned();
        let names = &self.names;
        match (names.function(callback.location), names.place(callback.location)) {
            ("", place) if place.is_empty() => {}
            (function, place) if place.is_empty() => text += &format!(" {function}"),
            (function, place) => text += &format!(" {function} ({place})"),
        }
        if let Some(what) = self.describe_other(callback.of) {
            text += &format!(" of {what}");
        }
        text
    }

    /// A task or object, for the user.
    pub fn describe_other(&self, other: Other) -> Option<String> {
        match other {
            Other::None => None,
            Other::Task(task) => self.tasks.get(task as usize).map(|task| self.task_name(task)),
            Other::Object(object) => {
                self.objects.get(object as usize).map(|object| self.describe_object(object))
            }
        }
    }

    /// An object, for the user.
    pub fn describe_object(&self, object: &Object) -> String {
        let kind = object.kind.word();
        let mut text = match self.names.string(object.name) {
            "" => format!("{kind} {}", object.id),
            // Several connections may have one address.
            name if is_socket(object.kind) => format!("{kind} {} ({name})", object.id),
            name => format!("{kind} {name}"),
        };
        let place = self.names.place(object.location);
        if !place.is_empty() {
            text += &format!(" ({place})");
        }
        text
    }
}

/// Whether the names of such objects are addresses.
const fn is_socket(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Transport | ObjectKind::Server)
}
