//! The one allocation of a task: its header, and its future or its outcome.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;

use super::{Header, Joinable, Outcome, Runnable, Stage, Turn};

/// A task. It is only ever in the [`Rc`] that [`TaskCell::new`] makes.
pub(super) struct TaskCell<F: Future> {
    header: Header,
    /// Borrowed while the future is polled or dropped. Nobody looks at it before the task has
    /// ended, so that this never meets another borrow.
    stage: RefCell<Stage<F>>,
}

impl<F: Future> TaskCell<F> {
    pub(super) fn new(header: Header, future: F) -> Rc<Self> {
        Rc::new(Self { header, stage: RefCell::new(Stage::new(future)) })
    }

    #[expect(unsafe_code, reason = "a future that is pinned within a cell, without another box")]
    fn with_stage<R>(&self, use_it: impl FnOnce(Pin<&mut Stage<F>>) -> R) -> R {
        let mut stage = self.stage.borrow_mut();
        // SAFETY: the stage is in an `Rc`, which never moves it, and no method of this type moves
        // it out: this is the only way to it that gives a `&mut`, and a pinned one. `look` gives
        // `&`. The value is dropped where it is, with the `Rc`.
        use_it(unsafe { Pin::new_unchecked(&mut *stage) })
    }
}

impl<F: Future> Runnable for TaskCell<F> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn poll(&self, context: &mut Context<'_>) -> Turn {
        if !self.with_stage(|stage| stage.step(&self.header, context)) {
            return Turn::Pending;
        }
        self.header.end();
        Turn::Ended
    }

    fn abandon(&self) {
        if !self.header.is_done() {
            self.with_stage(Stage::abandon);
            self.header.end();
        }
    }
}

impl<F: Future> Joinable<F::Output> for TaskCell<F> {
    fn take_outcome(&self) -> Option<Outcome<F::Output>> {
        if !self.header.is_done() {
            return None;
        }
        self.with_stage(Stage::take_outcome)
    }

    fn look_at_outcome(&self, look: &mut dyn FnMut(&Outcome<F::Output>)) {
        if self.header.is_done()
            && let Some(outcome) = self.stage.borrow().outcome()
        {
            look(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million tasks are to take 200 bytes each beyond their futures, with the two counters of
    /// `Rc`, the arena's slot of 36 bytes, and what the allocator adds.
    #[test]
    fn a_task_is_small() {
        assert_eq!(size_of::<Header>(), 88);
        assert_eq!(size_of::<TaskCell<std::future::Pending<()>>>(), 112);
    }
}
