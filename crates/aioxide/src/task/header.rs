//! What every task has, whatever its future is.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::task::Waker;

use aioxide_engine::futures::Key;

use super::observers::{Observer, Observers};
use crate::runtime::current;

/// How far a task has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Its future is polled.
    Running,
    /// Its future is dropped, and its clean-up runs.
    Cleaning,
    Done,
}

/// Small on purpose: a program may have a million tasks.
pub(crate) struct Header {
    id: u64,
    /// Under which the loop keeps it.
    key: Cell<Option<Key>>,
    cancelling: Cell<u32>,
    /// In its next turn the future is dropped.
    must_cancel: Cell<bool>,
    state: Cell<State>,
    name: Cell<Option<Box<str>>>,
    /// Who awaits the handle.
    awaiter: Cell<Option<Waker>>,
    observers: Cell<Observers>,
}

impl Header {
    pub(crate) fn new(id: u64) -> Self {
        Self {
            id,
            key: Cell::new(None),
            cancelling: Cell::new(0),
            must_cancel: Cell::new(false),
            state: Cell::new(State::Running),
            name: Cell::new(None),
            awaiter: Cell::new(None),
            observers: Cell::default(),
        }
    }

    /// The number of the task in its loop, from 1.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn key(&self) -> Option<Key> {
        self.key.get()
    }

    pub(crate) fn set_key(&self, key: Key) {
        self.key.set(Some(key));
    }

    pub(crate) fn name(&self) -> String {
        let name = self.name.take();
        let text = name.as_deref().map_or_else(|| format!("Task-{}", self.id), str::to_owned);
        self.name.set(name);
        text
    }

    pub(crate) fn set_name(&self, name: String) {
        self.name.set(Some(name.into_boxed_str()));
    }

    pub(crate) fn cancel(&self) -> bool {
        if self.is_done() {
            return false;
        }
        self.cancelling.set(self.cancelling.get().saturating_add(1));
        if self.state.get() == State::Running {
            self.must_cancel.set(true);
            self.wake();
        }
        true
    }

    pub(crate) fn cancelling(&self) -> u32 {
        self.cancelling.get()
    }

    pub(crate) fn uncancel(&self) -> u32 {
        let left = self.cancelling.get().saturating_sub(1);
        self.cancelling.set(left);
        if left == 0 {
            self.must_cancel.set(false);
        }
        left
    }

    pub(crate) fn must_cancel(&self) -> bool {
        self.must_cancel.get()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state.get() == State::Done
    }

    pub(crate) fn begin_cleaning(&self) {
        self.must_cancel.set(false);
        self.state.set(State::Cleaning);
    }

    /// The outcome is there: wakes who awaits it, and tells the others.
    pub(crate) fn end(&self) {
        self.must_cancel.set(false);
        self.state.set(State::Done);
        if let Some(awaiter) = self.awaiter.take() {
            awaiter.wake();
        }
        self.observers.take().tell(self);
    }

    /// Wakes `waker` at the end.
    ///
    /// # Panics
    ///
    /// If the task that is being polled is this one.
    #[track_caller]
    pub(crate) fn register(&self, waker: &Waker) {
        let polled = current().and_then(|it| it.polled());
        let is_polled = polled.is_some_and(|it| std::ptr::eq(it.header(), self));
        assert!(!is_polled, "{} awaits itself, which would never end", self.name());
        let kept = self.awaiter.take().filter(|it| it.will_wake(waker));
        self.awaiter.set(Some(kept.unwrap_or_else(|| waker.clone())));
    }

    /// Tells `observer` of the end; at once if that is over.
    pub(crate) fn observe(&self, observer: Rc<dyn Observer>) {
        if self.is_done() {
            observer.task_ended(self);
        } else {
            self.observers.set(self.observers.take().add(observer));
        }
    }

    pub(crate) fn stop_observing(&self, observer: &Rc<dyn Observer>) {
        self.observers.set(self.observers.take().without(observer));
    }

    /// Gives it a turn.
    fn wake(&self) {
        if let (Some(key), Some(running)) = (self.key.get(), current()) {
            running.wake(key);
        }
    }

    pub(crate) fn describe(&self, what: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(what)
            .field("name", &self.name())
            .field("state", &self.state.get())
            .field("cancelling", &self.cancelling())
            .finish()
    }
}
