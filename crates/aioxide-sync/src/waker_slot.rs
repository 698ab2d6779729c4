//! The waker of the only task that waits for something.

use std::cell::Cell;
use std::task::Waker;

/// A waker, if a task waits. It is woken, cloned and dropped outside of the slot, since that may
/// be foreign code.
#[derive(Default)]
pub struct WakerSlot(Cell<Option<Waker>>);

impl WakerSlot {
    /// A task waits.
    pub fn register(&self, waker: &Waker) {
        let kept = self.0.take().filter(|kept| kept.will_wake(waker));
        let kept = kept.unwrap_or_else(|| waker.clone());
        drop(self.0.replace(Some(kept)));
    }

    /// Wakes the task that waits, if one does.
    pub fn wake(&self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}
