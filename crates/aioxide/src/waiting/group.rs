//! Tasks that end before the block that has spawned them.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use crate::cancellation::{CancelScope, hand_over};
use crate::task::{Header, Observer, Panicked, Task, TaskRef, spawn};

/// Tasks that end before the block that has spawned them: asyncio's `TaskGroup`. Clones are the
/// same group.
///
/// When a task of the group fails, with an error or a panic, the others and the block are
/// cancelled. When all have ended, with their clean-up, [`TaskGroup::run`] returns all failures.
///
/// ```
/// use aioxide::TaskGroup;
///
/// aioxide::run(async {
///     let sum = TaskGroup::run(async |group| {
///         let one = group.spawn(async { "1".parse::<u32>() });
///         let two = group.spawn(async { "2".parse::<u32>() });
///         Ok(one.await.unwrap() + two.await.unwrap())
///     });
///     assert_eq!(sum.await.unwrap(), 3);
///
///     let failed = TaskGroup::run(async |group| {
///         group.spawn(async { "three".parse::<u32>() }).detach();
///         std::future::pending().await
///     });
///     let failed: Result<(), _> = failed.await;
///     assert_eq!(failed.unwrap_err().to_string(), "1 failure in a task group: invalid digit found in string");
/// });
/// ```
///
/// # Cancellation
///
/// When the block is cancelled, all tasks of the group are, and whoever cancels awaits their end.
pub struct TaskGroup<E> {
    state: Rc<State<E>>,
}

struct State<E> {
    /// Those that have not ended, by their numbers: always cancelled in the same order.
    tasks: RefCell<BTreeMap<u64, TaskRef>>,
    failures: RefCell<Vec<Failure<E>>>,
    /// Cancels the block.
    block: CancelScope,
    is_closing: Cell<bool>,
    /// Who waits for the last task.
    waker: Cell<Option<Waker>>,
}

/// Why a group has failed: everything that went wrong in it, in the order in which it did.
/// asyncio's `ExceptionGroup`.
pub struct GroupError<E> {
    failures: Vec<Failure<E>>,
}

/// One failure in a group.
pub enum Failure<E> {
    /// A task, or the block, gave an error.
    Error(E),
    /// A task has panicked.
    Panicked(Panicked),
}

impl<E: 'static> TaskGroup<E> {
    /// Runs `block` with a new group, and waits for the tasks of the group.
    ///
    /// # Errors
    ///
    /// If the block or a task fails. The tasks have been cancelled then, and have ended.
    ///
    /// # Panics
    ///
    /// With the panic of the block, when all tasks have ended.
    pub async fn run<T>(
        block: impl AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    ) -> Result<T, GroupError<E>> {
        let state = Rc::new(State {
            tasks: RefCell::default(),
            failures: RefCell::default(),
            block: CancelScope::new(),
            is_closing: Cell::new(false),
            waker: Cell::default(),
        });
        let mut leaving = Leaving { state: Some(Rc::clone(&state)) };
        let body = CatchPanic { future: block(TaskGroup { state: Rc::clone(&state) }) };
        let result = state.block.run(body).await;
        let mut panic = None;
        let value = match result {
            Ok(Ok(Ok(value))) => Some(value),
            Ok(Ok(Err(error))) => {
                state.fail(Failure::Error(error));
                None
            }
            Ok(Err(payload)) => {
                state.cancel();
                panic = Some(payload);
                None
            }
            // By a task that has failed.
            Err(crate::Cancelled) => None,
        };
        state.all_ended().await;
        state.is_closing.set(true);
        drop(leaving.state.take());
        if let Some(payload) = panic {
            std::panic::resume_unwind(payload);
        }
        let failures = state.failures.take();
        match value {
            Some(value) if failures.is_empty() => Ok(value),
            _ => Err(GroupError { failures }),
        }
    }

    /// Spawns a task in the group. If it gives an error, or panics, the group fails.
    ///
    /// The handle gives the value. Of a task that has failed it says that it was cancelled, since
    /// the error is the group's.
    ///
    /// # Panics
    ///
    /// If the group has ended.
    #[track_caller]
    pub fn spawn<T: 'static>(
        &self,
        future: impl Future<Output = Result<T, E>> + 'static,
    ) -> Task<T> {
        self.start(Member { future, state: Rc::clone(&self.state) })
    }

    /// Spawns a task that gives no error. If it panics, the group fails.
    ///
    /// # Panics
    ///
    /// If the group has ended.
    #[track_caller]
    pub fn spawn_infallible<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> Task<T> {
        self.spawn(async { Ok(future.await) })
    }

    #[track_caller]
    fn start<T: 'static>(&self, member: impl Future<Output = T> + 'static) -> Task<T> {
        assert!(!self.state.is_closing.get(), "the task group has ended: it takes no task");
        let task = spawn(member);
        self.state.tasks.borrow_mut().insert(task.header().id(), task.task_ref());
        task.header().observe(Rc::clone(&self.state) as Rc<dyn Observer>);
        if !self.state.failures.borrow().is_empty() {
            task.cancel();
        }
        task
    }

    /// How many tasks have not ended.
    pub fn len(&self) -> usize {
        self.state.tasks.borrow().len()
    }

    /// Whether all tasks have ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Cancels the tasks that the group has now, without making it fail.
    pub fn cancel_tasks(&self) {
        self.state.cancel_tasks();
    }
}

impl<E> State<E> {
    fn fail(&self, failure: Failure<E>) {
        self.failures.borrow_mut().push(failure);
        self.cancel();
    }

    fn cancel(&self) {
        self.block.cancel();
        self.cancel_tasks();
    }

    fn cancel_tasks(&self) {
        let tasks: Vec<TaskRef> = self.tasks.borrow().values().cloned().collect();
        for task in tasks {
            if task.cancelling() == 0 {
                task.cancel();
            }
        }
    }

    async fn all_ended(&self) {
        poll_fn(|context| {
            if self.tasks.borrow().is_empty() {
                return Poll::Ready(());
            }
            self.waker.set(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}

impl<E> Observer for State<E> {
    fn task_ended(&self, task: &Header) {
        let ended = self.tasks.borrow_mut().remove(&task.id());
        drop(ended);
        if self.tasks.borrow().is_empty()
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        Self { state: Rc::clone(&self.state) }
    }
}

/// The block's end. If it is dropped before that, the tasks are cancelled, and their end awaited.
struct Leaving<E: 'static> {
    state: Option<Rc<State<E>>>,
}

impl<E> Drop for Leaving<E> {
    fn drop(&mut self) {
        let Some(state) = self.state.take() else { return };
        state.is_closing.set(true);
        if state.tasks.borrow().is_empty() {
            return;
        }
        state.cancel_tasks();
        hand_over(Box::pin(async move { state.all_ended().await }));
    }
}

pin_project! {
    /// A task of a group, whose failure is the group's.
    struct Member<F, E> {
        #[pin]
        future: F,
        state: Rc<State<E>>,
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Future for Member<F, E> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        let future = this.future;
        match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(Ok(value))) => return Poll::Ready(value),
            // Cancels this task too: it is not polled again.
            Ok(Poll::Ready(Err(error))) => this.state.fail(Failure::Error(error)),
            Err(payload) => this.state.fail(Failure::Panicked(Panicked::new(payload))),
        }
        Poll::Pending
    }
}

pin_project! {
    /// The block, whose panic waits until the tasks have ended.
    struct CatchPanic<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => Poll::Ready(Ok(result)),
            Err(payload) => Poll::Ready(Err(payload)),
        }
    }
}

impl<E> GroupError<E> {
    /// What went wrong, in the order in which it did.
    pub fn failures(&self) -> &[Failure<E>] {
        &self.failures
    }

    /// The same, as values.
    pub fn into_failures(self) -> Vec<Failure<E>> {
        self.failures
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(formatter),
            Self::Panicked(panicked) => panicked.fmt(formatter),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => formatter.debug_tuple("Error").field(error).finish(),
            Self::Panicked(panicked) => panicked.fmt(formatter),
        }
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failures.len() {
            1 => formatter.write_str("1 failure in a task group: ")?,
            number => write!(formatter, "{number} failures in a task group: ")?,
        }
        for (index, failure) in self.failures.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}{failure}")?;
        }
        Ok(())
    }
}

impl<E: fmt::Debug> fmt::Debug for GroupError<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("GroupError").field(&self.failures).finish()
    }
}

impl<E: fmt::Debug + fmt::Display> Error for GroupError<E> {}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TaskGroup")
            .field("tasks", &self.state.tasks.borrow().len())
            .field("failures", &self.state.failures.borrow().len())
            .finish()
    }
}
