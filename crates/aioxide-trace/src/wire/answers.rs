//! What the watched process answers.

use super::Since;
use serde::{Deserialize, Serialize};

/// A loop.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoopInfo {
    /// Its number, from 1.
    pub id: u32,
    /// The system's id of its thread; 0 if none runs it.
    pub thread: u64,
    /// Whether a thread runs it.
    pub running: bool,
    /// Iterations so far.
    pub iterations: u64,
    /// The length of the ready queue.
    pub ready: u64,
    /// Timers that are set.
    pub timers: u64,
    /// Open transports.
    pub transports: u64,
    /// Bytes received so far.
    pub bytes_in: u64,
    /// Bytes sent so far.
    pub bytes_out: u64,
    /// Bytes that wait to be sent.
    pub unsent: u64,
    /// How many times a ready item waited for its turn between 2ⁿ and 2ⁿ⁺¹ nanoseconds, by n.
    pub delays: Vec<u64>,
    /// The longest step or callback so far, in nanoseconds.
    pub longest_ns: u64,
    /// Its task; 0 for a callback.
    pub longest_task: u64,
    /// The task's name, which it keeps when the task has ended; or the callback's function.
    pub longest_name: String,
    /// The qualified name of the task's coroutine; empty for a callback.
    pub longest_coroutine: String,
    /// Where its function is defined, as `app.py:12`.
    pub longest_location: String,
    /// What runs now; none while the loop polls.
    pub now: Option<Running>,
    /// Threads of its pool that have a job.
    pub threads_busy: u64,
    /// Threads of its pool that have none.
    pub threads_idle: u64,
    /// What holds the loop for longer than a tenth of a second: a sentence.
    pub blocked_by: Option<String>,
}

/// The item that a loop runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Running {
    /// The task whose step it is; 0 for a callback.
    pub task: u64,
    /// The task's name, or the callback's function and what it concerns.
    pub name: String,
    /// Where its function is defined, as `app.py:12`.
    pub location: String,
    /// For how long it has run, in nanoseconds.
    pub since_ns: u64,
}

/// The state of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its step runs.
    Running,
    /// It is in the ready queue.
    Ready,
    /// It waits for something.
    #[default]
    Waiting,
    /// It returned.
    Done,
    /// It raised an exception.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl State {
    /// The word of the messages.
    pub const fn word(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Ready => "ready",
            State::Waiting => "waiting",
            State::Done => "done",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
        }
    }
}

/// A task. Times are nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskInfo {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// The qualified name of its coroutine.
    pub coroutine: String,
    /// Where it was created: the user's own line, as `app.py:12`.
    pub created: String,
    /// The task that created it; 0 if none did.
    pub parent: u64,
    /// Its loop.
    #[serde(rename = "loop")]
    pub loop_id: u32,
    /// What it does.
    pub state: State,
    /// What it waits for, if it waits.
    pub waits_for: Option<WaitsFor>,
    /// For how long it has waited.
    pub waiting_ns: u64,
    /// Time in steps.
    pub busy_ns: u64,
    /// Time waiting.
    pub idle_ns: u64,
    /// Time in the ready queue.
    pub scheduled_ns: u64,
    /// The number of steps.
    pub steps: u64,
    /// Its longest step.
    pub longest_ns: u64,
    /// Time since its creation.
    pub age_ns: u64,
    /// Bytes that it has written and that wait to be sent.
    pub unsent: u64,
}

/// What a task waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WaitsFor {
    /// A word of [`crate::WaitKind`].
    pub kind: String,
    /// The object or task, or 0.
    pub id: u64,
    /// Which one it is, for the user.
    pub text: String,
}

/// The answer to [`Request::Tasks`](super::Request::Tasks).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TasksAnswer {
    /// How many tasks the filter leaves.
    pub total: u64,
    /// Those that were asked for.
    pub tasks: Vec<TaskInfo>,
}

/// A lock, queue or other object that tasks wait for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectInfo {
    /// Its id.
    pub id: u64,
    /// A word of [`crate::ObjectKind`].
    pub kind: String,
    /// What tells it from others of its kind.
    pub name: String,
    /// Where it was created, as `app.py:12`.
    pub created: String,
    /// The loop on which it was first used; 0 if that is not known.
    #[serde(rename = "loop")]
    pub loop_id: u32,
    /// The task that holds it, or the first one that has a permit; of a transport, the task that has
    /// written last. 0 if there is none, or if it is not known.
    pub owner: u64,
    /// How many permits of a semaphore are given out; 1 for a lock that is held.
    pub held: u64,
    /// The names of the first tasks that hold it.
    pub held_by: Vec<String>,
    /// The tasks that wait for it, the next one first.
    pub waiters: Vec<u64>,
    /// The names of the first of them.
    pub waiter_names: Vec<String>,
    /// Items in a queue, free permits of a semaphore, bytes that wait in a transport to be sent; 1 for
    /// a lock that is held.
    pub length: u64,
    /// Bytes that a transport has received.
    pub bytes_in: u64,
    /// Bytes that a transport has sent.
    pub bytes_out: u64,
}

/// The answer to [`Request::Stack`](super::Request::Stack): one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StackAnswer {
    /// The await stack, the outermost coroutine first.
    pub frames: Vec<StackFrame>,
    /// Why it cannot be read now.
    pub unavailable: Option<String>,
}

/// A frame of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StackFrame {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The function's qualified name.
    pub function: String,
}

/// The answer to [`Request::Cancel`](super::Request::Cancel).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CancelAnswer {
    /// Whether `cancel()` of the task was called, or will be as soon as the loop can.
    pub ok: bool,
    /// Why not.
    pub refused: Option<String>,
}

/// The answer to [`Request::Dump`](super::Request::Dump).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DumpAnswer {
    /// The file.
    pub path: String,
    /// How many events it holds.
    pub events: u64,
}

/// The answer to [`Request::Events`](super::Request::Events).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventsAnswer {
    /// How many frames of chunks follow.
    pub frames: u32,
    /// How many of the events that were asked for are lost.
    pub dropped: u64,
    /// What to ask for next.
    pub next: Since,
}
