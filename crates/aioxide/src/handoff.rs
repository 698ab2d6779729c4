//! A value that another thread gives to a task.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The place where the value is left. Clones are the same place.
pub(crate) struct Handoff<T> {
    state: Arc<Mutex<State<T>>>,
}

struct State<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

impl<T> Handoff<T> {
    pub(crate) fn new() -> Self {
        Self { state: Arc::new(Mutex::new(State { value: None, waker: None })) }
    }

    /// Leaves the value, and wakes the task. On any thread.
    pub(crate) fn give(&self, value: T) {
        let mut state = self.lock();
        state.value = Some(value);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The value, when it is there.
    pub(crate) fn poll_take(&self, context: &mut Context<'_>) -> Poll<T> {
        // Cloned and dropped without the lock: wakers are foreign code.
        let waker = context.waker().clone();
        let mut state = self.lock();
        match state.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                let before = state.waker.replace(waker);
                drop(state);
                drop(before);
                Poll::Pending
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No foreign code runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Handoff<T> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }
}
