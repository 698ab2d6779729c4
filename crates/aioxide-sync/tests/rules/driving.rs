//! Polling futures by hand, and as the tasks of a small executor.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// A future that the test polls.
pub struct Driven<'a, T> {
    future: Option<Pin<Box<dyn Future<Output = T> + 'a>>>,
    flag: Arc<Flag>,
}

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A future that was not polled yet.
pub fn driven<'a, T>(future: impl Future<Output = T> + 'a) -> Driven<'a, T> {
    Driven { future: Some(Box::pin(future)), flag: Arc::default() }
}

/// One that has been polled and waits.
pub fn waiting<'a, T>(future: impl Future<Output = T> + 'a) -> Driven<'a, T> {
    let mut driven = driven(future);
    assert!(driven.poll().is_none(), "it has not waited");
    driven
}

/// The result of a future that does not wait.
pub fn at_once<T>(future: impl Future<Output = T>) -> T {
    driven(future).poll().expect("it waits")
}

impl<T> Driven<'_, T> {
    /// Polls it. None if it waits.
    pub fn poll(&mut self) -> Option<T> {
        self.flag.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&self.flag));
        let future = self.future.as_mut().expect("it has not ended");
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => {
                self.future = None;
                Some(result)
            }
            Poll::Pending => None,
        }
    }

    /// The same for one that must have been woken, and be ready.
    pub fn result(&mut self) -> T {
        assert!(self.is_woken(), "it was not woken");
        self.poll().expect("it was woken in vain")
    }

    /// Whether it was woken since it was polled.
    pub fn is_woken(&self) -> bool {
        self.flag.0.load(Ordering::Relaxed)
    }
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Polls tasks in the order in which they were woken.
#[derive(Default)]
pub struct Executor {
    /// None of those that have ended, and while they are polled.
    tasks: RefCell<Vec<Option<Task>>>,
    ready: Arc<Mutex<VecDeque<usize>>>,
}

struct TaskWaker {
    task: usize,
    ready: Arc<Mutex<VecDeque<usize>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.lock().unwrap();
        if !ready.contains(&self.task) {
            ready.push_back(self.task);
        }
    }
}

impl Executor {
    /// Adds a task, which is polled when its turn comes.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) -> usize {
        self.tasks.borrow_mut().push(Some(Box::pin(future)));
        let task = self.tasks.borrow().len() - 1;
        self.ready.lock().unwrap().push_back(task);
        task
    }

    /// Polls the task at `index` in the queue of those that are to be polled. False if there is
    /// none.
    pub fn step_at(&self, index: usize) -> bool {
        let Some(task) = self.ready.lock().unwrap().remove(index) else { return false };
        let Some(mut future) = self.tasks.borrow_mut()[task].take() else { return true };
        let waker = Waker::from(Arc::new(TaskWaker { task, ready: Arc::clone(&self.ready) }));
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.tasks.borrow_mut()[task] = Some(future);
        }
        true
    }

    /// Polls until nothing is woken.
    pub fn run(&self) {
        while self.step_at(0) {}
    }

    /// How many are to be polled.
    pub fn ready(&self) -> usize {
        self.ready.lock().unwrap().len()
    }

    /// How many tasks there have been.
    pub fn len(&self) -> usize {
        self.tasks.borrow().len()
    }

    /// Drops a task.
    pub fn cancel(&self, task: usize) {
        let future = self.tasks.borrow_mut()[task].take();
        drop(future);
    }

    /// Whether it has returned or was cancelled.
    pub fn has_ended(&self, task: usize) -> bool {
        self.tasks.borrow()[task].is_none()
    }
}

/// Lets the others run once.
pub async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
