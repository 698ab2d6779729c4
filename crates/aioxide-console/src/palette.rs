//! One colour for each thing that a task does, in every view.

use crate::timeline::SpanState;
use aioxide_trace::WaitKind;

/// What a task does, as coarse as colours tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Paint {
    /// Its step runs.
    Running,
    /// It is ready, but something else runs.
    Ready,
    /// It waits for time to pass.
    Time,
    /// It waits for a lock, event, condition, semaphore or barrier.
    Lock,
    /// It waits for a queue.
    Queue,
    /// It waits for a socket, a stream or a name.
    Network,
    /// It waits for a thread or a process.
    Outside,
    /// It waits for tasks or futures.
    Task,
    /// It waits for something that was not recorded.
    Unknown,
    /// It returned.
    Done,
    /// It raised an exception.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// The colour of callbacks in the row of a loop, with its word in the legend.
pub const CALLBACK: [&str; 2] = ["callback", "#0c8599"];

impl Paint {
    /// Every value, in the order of their numbers.
    pub const ALL: [Paint; 12] = [
        Paint::Running,
        Paint::Ready,
        Paint::Time,
        Paint::Lock,
        Paint::Queue,
        Paint::Network,
        Paint::Outside,
        Paint::Task,
        Paint::Unknown,
        Paint::Done,
        Paint::Failed,
        Paint::Cancelled,
    ];

    /// The colour of a span.
    pub const fn of(state: SpanState, wait: WaitKind) -> Self {
        match state {
            SpanState::Running => Paint::Running,
            SpanState::Ready => Paint::Ready,
            SpanState::Done => Paint::Done,
            SpanState::Failed => Paint::Failed,
            SpanState::Cancelled => Paint::Cancelled,
            SpanState::Waiting => Self::of_wait(wait),
        }
    }

    /// The colour of waiting.
    pub const fn of_wait(wait: WaitKind) -> Self {
        match wait {
            WaitKind::Sleep | WaitKind::Timeout => Paint::Time,
            WaitKind::Lock
            | WaitKind::Event
            | WaitKind::Condition
            | WaitKind::Semaphore
            | WaitKind::Barrier => Paint::Lock,
            WaitKind::QueueGet | WaitKind::QueuePut | WaitKind::QueueJoin => Paint::Queue,
            WaitKind::Read
            | WaitKind::Write
            | WaitKind::Connect
            | WaitKind::Accept
            | WaitKind::NameResolution => Paint::Network,
            WaitKind::Thread | WaitKind::Process => Paint::Outside,
            WaitKind::Future
            | WaitKind::Task
            | WaitKind::Gather
            | WaitKind::RustFuture
            | WaitKind::ForeignFuture
            | WaitKind::TaskGroup => Paint::Task,
            WaitKind::Unknown => Paint::Unknown,
        }
    }

    /// The colour, as CSS and SVG write it.
    pub const fn color(self) -> &'static str {
        match self {
            Paint::Running => "#2b8a3e",
            Paint::Ready => "#f59f00",
            Paint::Time => "#ced4da",
            Paint::Lock => "#9775fa",
            Paint::Queue => "#e377c2",
            Paint::Network => "#74c0fc",
            Paint::Outside => "#38d9a9",
            Paint::Task => "#e3d5b8",
            Paint::Unknown => "#e9ecef",
            Paint::Done => "#495057",
            Paint::Failed => "#e03131",
            Paint::Cancelled => "#a61e4d",
        }
    }

    /// The words of the legend.
    pub const fn word(self) -> &'static str {
        match self {
            Paint::Running => "running",
            Paint::Ready => "ready, waits for its turn",
            Paint::Time => "sleep, timeout",
            Paint::Lock => "lock, event, semaphore",
            Paint::Queue => "queue",
            Paint::Network => "network",
            Paint::Outside => "thread, process",
            Paint::Task => "task, future",
            Paint::Unknown => "not recorded",
            Paint::Done => "done",
            Paint::Failed => "failed",
            Paint::Cancelled => "cancelled",
        }
    }
}
