//! Waiting for tasks without taking their results.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::task::{Header, JoinError, Observer, Task};
use crate::time::{Sleep, sleep};

/// How many tasks [`wait`] waits for: asyncio's `return_when`.
#[non_exhaustive]
pub enum Until<T> {
    /// All: `ALL_COMPLETED`.
    AllDone,
    /// The first that ends: `FIRST_COMPLETED`.
    FirstDone,
    /// The first that ends in a way for which the function says true, or all.
    FirstWhere(fn(&Result<T, JoinError>) -> bool),
}

impl<T> Until<T> {
    /// The first that panics, or all: `FIRST_EXCEPTION` for tasks that cannot fail otherwise.
    pub fn first_panic() -> Self {
        Self::FirstWhere(|outcome| matches!(outcome, Err(JoinError::Panicked(_))))
    }
}

impl<T, E> Until<Result<T, E>> {
    /// The first that panics or gives an error, or all: `FIRST_EXCEPTION`.
    pub fn first_error() -> Self {
        Self::FirstWhere(|outcome| matches!(outcome, Ok(Err(_)) | Err(JoinError::Panicked(_))))
    }
}

impl<T> Clone for Until<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Until<T> {}

impl<T> fmt::Debug for Until<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AllDone => "AllDone",
            Self::FirstDone => "FirstDone",
            Self::FirstWhere(_) => "FirstWhere(..)",
        })
    }
}

/// Waits until so many of the tasks have ended, and gives all handles back: asyncio's `wait`.
///
/// ```
/// use aioxide::Until;
///
/// aioxide::run(async {
///     let quick = aioxide::spawn(async {});
///     let slow = aioxide::spawn(std::future::pending());
///     let waited = aioxide::wait([quick, slow], Until::FirstDone).await;
///     assert_eq!((waited.done.len(), waited.pending.len()), (1, 1));
///     waited.pending[0].cancel();
/// });
/// ```
///
/// # Cancellation
///
/// The tasks go on. To have their handles then, too, await it by `&mut` and call
/// [`Wait::into_tasks`].
pub fn wait<T>(tasks: impl IntoIterator<Item = Task<T>>, until: Until<T>) -> Wait<T> {
    let tasks: Vec<_> = tasks.into_iter().collect();
    let ended = Rc::new(Ended {
        left: Cell::new(tasks.len()),
        new: RefCell::default(),
        keeps: !matches!(until, Until::AllDone),
        waker: Cell::default(),
    });
    let indices = match until {
        Until::FirstWhere(_) => tasks.iter().map(|it| it.header().id()).zip(0..).collect(),
        _ => HashMap::new(),
    };
    Wait { tasks, until, ended, indices, is_observing: false, limit: None }
}

/// The handles of [`wait`], in the order in which they were given.
#[derive(Debug)]
pub struct Waited<T> {
    /// Those of tasks that have ended.
    pub done: Vec<Task<T>>,
    /// Those of the others.
    pub pending: Vec<Task<T>>,
}

/// See [`wait`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Wait<T> {
    tasks: Vec<Task<T>>,
    until: Until<T>,
    ended: Rc<Ended>,
    /// By its number: where a task is among them.
    indices: HashMap<u64, usize>,
    is_observing: bool,
    limit: Option<Sleep>,
}

/// What has ended.
struct Ended {
    left: Cell<usize>,
    /// The numbers of those that have ended and were not looked at.
    new: RefCell<Vec<u64>>,
    /// Whether each one matters, and not the last one alone.
    keeps: bool,
    waker: Cell<Option<Waker>>,
}

impl Observer for Ended {
    fn task_ended(&self, task: &Header) {
        self.left.set(self.left.get() - 1);
        if self.keeps {
            self.new.borrow_mut().push(task.id());
        }
        if (self.keeps || self.left.get() == 0)
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }
}

impl<T> Wait<T> {
    /// Waits for `duration` at most, from the first poll on. This is no failure: the tasks that
    /// have not ended are among those that are pending.
    pub fn at_most(mut self, duration: Duration) -> Self {
        self.limit = Some(sleep(duration));
        self
    }

    /// The handles, without waiting on.
    pub fn into_tasks(mut self) -> Vec<Task<T>> {
        self.stop_observing();
        std::mem::take(&mut self.tasks)
    }

    fn stop_observing(&mut self) {
        if std::mem::take(&mut self.is_observing) {
            let observer = Rc::clone(&self.ended) as Rc<dyn Observer>;
            self.tasks.iter().for_each(|task| task.header().stop_observing(&observer));
        }
    }

    fn is_enough(&self) -> bool {
        if self.ended.left.get() == 0 {
            return true;
        }
        let new = self.ended.new.take();
        match self.until {
            Until::AllDone => false,
            Until::FirstDone => !new.is_empty(),
            Until::FirstWhere(is_it) => new.iter().any(|id| {
                let mut matches = false;
                if let Some(index) = self.indices.get(id) {
                    self.tasks[*index].look_at_outcome(&mut |outcome| matches = is_it(outcome));
                }
                matches
            }),
        }
    }
}

impl<T> Future for Wait<T> {
    type Output = Waited<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !std::mem::replace(&mut this.is_observing, true) {
            for task in &this.tasks {
                task.header().observe(Rc::clone(&this.ended) as Rc<dyn Observer>);
            }
        }
        let is_over = match &mut this.limit {
            Some(limit) if !this.tasks.is_empty() => Pin::new(limit).poll(context).is_ready(),
            _ => false,
        };
        if !is_over && !this.is_enough() {
            this.ended.waker.set(Some(context.waker().clone()));
            return Poll::Pending;
        }
        this.stop_observing();
        let (done, pending) = std::mem::take(&mut this.tasks).into_iter().partition(Task::is_done);
        Poll::Ready(Waited { done, pending })
    }
}

impl<T> Drop for Wait<T> {
    fn drop(&mut self) {
        self.stop_observing();
    }
}

impl<T> fmt::Debug for Wait<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Wait")
            .field("tasks", &self.tasks)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
