//! Clean-up that waits: from the future that was dropped to whoever awaits it.
//!
//! A destructor cannot wait. So a future that has to, when it is dropped before its end, hands
//! over another future. It goes to whoever dropped it, if that is something of this crate (a task
//! that is cancelled, a timeout, a scope, a group), which awaits it before it ends itself. If it
//! was dropped by other code, the clean-up becomes a task, which cannot be cancelled.

use std::any::Any;
use std::cell::Cell;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::task::spawn_clean_up;

type CleanUp = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    /// What the futures that are being dropped have left. None while nobody collects it.
    static COLLECTED: Cell<Option<VecDeque<CleanUp>>> = const { Cell::new(None) };
}

/// The clean-up of futures that were dropped: each part after the one before, the innermost
/// first. Dropped before its end, it hands on what is left.
#[derive(Default)]
pub(crate) struct CleaningUp {
    parts: VecDeque<CleanUp>,
}

/// Runs `drop`, which drops futures, and gives what they leave. And the panic of a destructor.
pub(crate) fn drop_and_collect(drop: impl FnOnce()) -> (CleaningUp, Option<Box<dyn Any + Send>>) {
    let before = COLLECTED.replace(Some(VecDeque::new()));
    let panic = catch_unwind(AssertUnwindSafe(drop)).err();
    let parts = COLLECTED.replace(before).unwrap_or_default();
    (CleaningUp { parts }, panic)
}

/// For destructors of futures: `clean_up` is awaited by whoever drops them.
pub(crate) fn hand_over(clean_up: CleanUp) {
    match COLLECTED.take() {
        Some(mut collected) => {
            collected.push_back(clean_up);
            COLLECTED.set(Some(collected));
        }
        None => spawn_clean_up(clean_up),
    }
}

impl CleaningUp {
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Gives up the part that has panicked.
    pub(crate) fn skip_first(&mut self) {
        let first = self.parts.pop_front();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(first)));
    }

    /// Gives up all of it.
    pub(crate) fn abandon(mut self) {
        while !self.is_empty() {
            self.skip_first();
        }
    }
}

impl Future for CleaningUp {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        while let Some(first) = self.parts.front_mut() {
            if first.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let first = self.parts.pop_front();
            drop(first);
        }
        Poll::Ready(())
    }
}

impl Drop for CleaningUp {
    fn drop(&mut self) {
        self.parts.drain(..).for_each(hand_over);
    }
}
