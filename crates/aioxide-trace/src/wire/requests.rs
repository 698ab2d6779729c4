//! The greeting of the watched process, and what a client asks.

use super::VERSION;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The first message, from the watched process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greeting {
    /// The version of aioxide.
    pub aioxide: String,
    /// The version of the wire: [`VERSION`].
    pub wire: u32,
    /// The process.
    pub pid: u32,
    /// Its arguments, as in `sys.argv`.
    #[serde(default)]
    pub argv: Vec<String>,
    /// The interpreter's version.
    #[serde(default)]
    pub python: String,
}

impl Greeting {
    /// Checks that both sides speak one version.
    ///
    /// # Errors
    /// A sentence for the user that names both versions.
    pub fn check(&self) -> Result<(), String> {
        if self.wire == VERSION {
            return Ok(());
        }
        Err(format!(
            "process {} runs aioxide {}, whose console speaks version {} of the wire; this program \
             speaks version {VERSION}: install the aioxide-console of the same release",
            self.pid, self.aioxide, self.wire
        ))
    }
}

/// What a client asks, one at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub enum Request {
    /// Answer: a list of [`LoopInfo`](super::LoopInfo).
    Loops,
    /// Answer: [`TasksAnswer`](super::TasksAnswer), sorted, filtered and cut out in the watched process.
    Tasks {
        /// The order; tasks that are equal in it are ordered by id.
        #[serde(default)]
        sort: Sort,
        /// The largest first.
        #[serde(default)]
        descending: bool,
        /// Only tasks in whose name, coroutine or state this text occurs, in either case.
        #[serde(default)]
        filter: String,
        /// How many to leave out at the beginning.
        #[serde(default)]
        offset: u64,
        /// How many to answer at most.
        #[serde(default = "default_limit")]
        limit: u64,
    },
    /// Answer: a list of [`TaskInfo`](super::TaskInfo), each behind the task that created it and what stands below
    /// that one's older children.
    Tree {
        /// Only tasks in whose name, coroutine or state this text occurs, in either case, and those
        /// above them.
        #[serde(default)]
        filter: String,
        /// How many to answer at most: the first ones.
        #[serde(default = "no_limit")]
        limit: u64,
    },
    /// Answer: a list of [`ObjectInfo`](super::ObjectInfo).
    Objects,
    /// Answer: a list of [`crate::file::Finding`].
    Findings,
    /// Answer: [`StackAnswer`](super::StackAnswer).
    Stack {
        /// The task.
        task: u64,
    },
    /// Answer: [`CancelAnswer`](super::CancelAnswer).
    Cancel {
        /// The task.
        task: u64,
    },
    /// Answer: [`DumpAnswer`](super::DumpAnswer), once the process has written what it recorded to a file.
    Dump {
        /// Where to: an absolute path.
        path: String,
    },
    /// Answer: [`EventsAnswer`](super::EventsAnswer), then its number of frames of chunks.
    Events(Since),
}

fn default_limit() -> u64 {
    100
}

fn no_limit() -> u64 {
    u64::MAX
}

/// By what tasks are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// Time in steps.
    Busy,
    /// Time waiting.
    Idle,
    /// Time ready, but not running.
    Scheduled,
    /// The number of steps.
    Steps,
    /// The longest step.
    Longest,
    /// Time since its creation.
    #[default]
    Age,
    /// The name.
    Name,
}

/// From where on a client wants events and tables: numbers that it has seen, plus one. Zeros give all
/// that there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Since {
    /// The loop whose events are asked for; 0 for the first.
    #[serde(rename = "loop")]
    pub loop_id: u32,
    /// The number of the first event.
    pub since: u64,
    /// The id of the first task or object.
    pub entities: u64,
    /// The id of the first location.
    pub locations: u32,
    /// The id of the first string.
    pub strings: u32,
}

/// Why a request was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A sentence for the user.
    pub error: String,
}

/// Why bytes are no request.
#[derive(Debug)]
pub struct BadRequest(String);

impl fmt::Display for BadRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for BadRequest {}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// JSON that is no request: the text names what is wrong, and belongs in a [`Refusal`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, BadRequest> {
        serde_json::from_slice(bytes).map_err(|error| BadRequest(format!("no request: {error}")))
    }
}
