//! Tasks without their results: the current one, and all of them.

use std::fmt;
use std::rc::Rc;

use super::{Header, Runnable};
use crate::runtime::current;

/// A task without its result: to cancel it, and to say which one it is.
///
/// It keeps the task's memory, but not the task: that ends as it would without.
#[derive(Clone)]
pub struct TaskRef {
    task: Rc<dyn Runnable>,
}

/// The task that is being polled: asyncio's `current_task`. None outside of tasks.
///
/// The future that [`run`](crate::run) was given is a task in this respect.
pub fn current_task() -> Option<TaskRef> {
    Some(TaskRef { task: current()?.polled()? })
}

/// Every task of this thread's loop that has not ended, in the order in which they were spawned:
/// asyncio's `all_tasks`. Empty if no loop runs.
pub fn all_tasks() -> Vec<TaskRef> {
    let mut all: Vec<TaskRef> = current()
        .map(|it| it.all_tasks())
        .unwrap_or_default()
        .into_iter()
        .map(|task| TaskRef { task })
        .collect();
    all.sort_unstable_by_key(|it| it.id());
    all
}

impl TaskRef {
    pub(super) fn new(task: Rc<dyn Runnable>) -> Self {
        Self { task }
    }

    fn header(&self) -> &Header {
        self.task.header()
    }

    /// Its number: the tasks of a loop are counted from 1, which is the main future.
    pub fn id(&self) -> u64 {
        self.header().id()
    }

    /// Its name: the one it was given, or `Task-` and its number.
    pub fn name(&self) -> String {
        self.header().name()
    }

    /// Gives it a name.
    pub fn set_name(&self, name: impl Into<String>) {
        self.header().set_name(name.into());
    }

    /// As [`Task::cancel`](crate::Task::cancel).
    pub fn cancel(&self) -> bool {
        self.header().cancel()
    }

    /// As [`Task::cancelling`](crate::Task::cancelling).
    pub fn cancelling(&self) -> u32 {
        self.header().cancelling()
    }

    /// As [`Task::uncancel`](crate::Task::uncancel).
    pub fn uncancel(&self) -> u32 {
        self.header().uncancel()
    }

    /// Whether it has ended.
    pub fn is_done(&self) -> bool {
        self.header().is_done()
    }
}

impl PartialEq for TaskRef {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.header(), other.header())
    }
}

impl Eq for TaskRef {}

impl fmt::Debug for TaskRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.header().describe("TaskRef", formatter)
    }
}
