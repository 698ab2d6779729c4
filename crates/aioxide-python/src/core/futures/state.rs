//! The state of a future.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;

use super::loop_ref::LoopRef;
use super::rare::RareFields;
use super::{Callback, Callbacks};
use crate::core::tasks::Task;
use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};

/// The outcome of a future, or its callbacks.
///
/// Two words for both: a done future has no callbacks, and a pending one no outcome.
pub enum Outcome {
    /// Not done, with these callbacks.
    Pending(Callbacks),
    /// Cancelled; a task keeps the `CancelledError` that ended it and raises the same
    /// object once more, so that its `__context__` is kept.
    Cancelled(Option<Py<PyAny>>),
    /// Done with a value.
    Result(Py<PyAny>),
    /// Done with an exception.
    Exception(Py<PyAny>),
}

const _: () = assert!(size_of::<Outcome>() == 2 * size_of::<usize>());

impl Outcome {
    /// Not done, without callbacks.
    pub const NEW: Self = Self::Pending(Callbacks::None);

    /// asyncio's name for the state.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending(_) => "PENDING",
            Self::Cancelled(_) => "CANCELLED",
            Self::Result(_) | Self::Exception(_) => "FINISHED",
        }
    }

    /// Whether there is no result yet, no exception and no cancellation.
    #[inline(always)]
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Pending(_))
    }

    /// Whether there is a value.
    #[inline(always)]
    pub fn is_result(&self) -> bool {
        matches!(self, Self::Result(_))
    }

    /// Whether there is an exception.
    #[inline(always)]
    pub fn is_exception(&self) -> bool {
        matches!(self, Self::Exception(_))
    }

    /// Whether it was cancelled.
    #[inline(always)]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// The value, if there is one.
    #[inline(always)]
    pub fn result(&self) -> Option<&Py<PyAny>> {
        match self {
            Self::Result(value) => Some(value),
            _ => None,
        }
    }

    /// The exception, if there is one.
    #[inline(always)]
    pub fn exception(&self) -> Option<&Py<PyAny>> {
        match self {
            Self::Exception(exception) => Some(exception),
            _ => None,
        }
    }

    /// Sets the outcome of a pending future and returns its callbacks. If it is done
    /// already, nothing changes and the new outcome is returned.
    #[inline]
    fn end(&mut self, outcome: Outcome) -> Result<Callbacks, Outcome> {
        match self {
            Self::Pending(callbacks) => {
                let callbacks = std::mem::take(callbacks);
                // Nothing is dropped: the callbacks were moved out.
                std::mem::forget(std::mem::replace(self, outcome));
                Ok(callbacks)
            }
            _ => Err(outcome),
        }
    }

    /// Adds a callback; returns it if the future is done.
    #[inline]
    fn push(&mut self, callback: Callback) -> Option<Callback> {
        match self {
            Self::Pending(callbacks) => {
                callbacks.push(callback);
                None
            }
            _ => Some(callback),
        }
    }

    /// Removes the registration of `party`.
    fn take_waiter(&mut self, party: &Bound<'_, PyAny>) -> Option<Callback> {
        match self {
            Self::Pending(callbacks) => callbacks.take_waiter(party),
            _ => None,
        }
    }

    /// Removes and returns the error that a task was cancelled with.
    fn take_cancelled_error(&mut self) -> Option<Py<PyAny>> {
        match self {
            Self::Cancelled(saved) => saved.take(),
            _ => None,
        }
    }

    /// Clones of the callbacks, in order.
    fn all_callbacks(&mut self, py: Python<'_>) -> Vec<Callback> {
        match self {
            Self::Pending(callbacks) => {
                callbacks.iter().map(|callback| callback.clone_ref(py)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// A clone of the callback at this place.
    fn callback_at(&mut self, py: Python<'_>, index: usize) -> Option<Callback> {
        match self {
            Self::Pending(callbacks) => {
                callbacks.iter().nth(index).map(|callback| callback.clone_ref(py))
            }
            _ => None,
        }
    }

    /// The first task that waits for it.
    fn waiting_task(&mut self, py: Python<'_>) -> Option<Py<Task>> {
        match self {
            Self::Pending(callbacks) => callbacks.iter().find_map(|callback| match callback {
                Callback::Waiter(waiter) => waiter.as_task(py),
                Callback::Python(_) => None,
            }),
            _ => None,
        }
    }

    /// The number of callbacks.
    fn callback_count(&mut self) -> usize {
        match self {
            Self::Pending(callbacks) => callbacks.iter().count(),
            _ => 0,
        }
    }

    /// Replaces the registration of `party` by a callback; returns the callback if there is
    /// none.
    fn replace_waiter(
        &mut self,
        party: &Bound<'_, PyAny>,
        callback: Callback,
    ) -> Result<Callback, Callback> {
        match self {
            Self::Pending(callbacks) => callbacks.replace_waiter(party, callback),
            _ => Err(callback),
        }
    }

    /// Removes the same registration as this one.
    fn take_callback(&mut self, callback: &Callback) -> Option<Callback> {
        match self {
            Self::Pending(callbacks) => callbacks.take(|other| other.is(callback)),
            _ => None,
        }
    }

    /// Replaces all callbacks after the first ones by these; returns the replaced ones.
    fn keep_behind(&mut self, first: usize, kept: Vec<Callback>) -> Callbacks {
        let Self::Pending(callbacks) = self else {
            return kept.into_iter().collect();
        };
        let mut before = std::mem::take(callbacks).into_iter();
        for callback in before.by_ref().take(first).chain(kept) {
            callbacks.push(callback);
        }
        before.collect()
    }

    /// A clone of the outcome.
    #[inline]
    fn seen(&mut self, py: Python<'_>) -> Seen {
        match self {
            Self::Pending(_) => Seen::Pending,
            Self::Cancelled(_) => Seen::Cancelled,
            Self::Result(value) => Seen::Result(value.clone_ref(py)),
            Self::Exception(exception) => Seen::Exception(exception.clone_ref(py)),
        }
    }

    /// Drops it, with the GIL held.
    #[inline]
    pub fn release(self, py: Python<'_>) {
        match self {
            Self::Result(value) | Self::Exception(value) | Self::Cancelled(Some(value)) => {
                value.drop_ref(py);
            }
            Self::Cancelled(None) | Self::Pending(Callbacks::None) => {}
            Self::Pending(callbacks) => drop(callbacks),
        }
    }

    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::Result(value) | Self::Exception(value) | Self::Cancelled(Some(value)) => {
                visit.call(value)
            }
            Self::Cancelled(None) => Ok(()),
            Self::Pending(callbacks) => {
                callbacks.iter().try_for_each(|callback| callback.traverse(visit))
            }
        }
    }
}

/// A clone of an [`Outcome`], without callbacks.
pub enum Seen {
    /// Not done.
    Pending,
    /// Cancelled.
    Cancelled,
    /// Done with a value.
    Result(Py<PyAny>),
    /// Done with an exception.
    Exception(Py<PyAny>),
}

// SAFETY (of the methods): references are moved in and out and counted up; what is
// overwritten is known to hold none.
unsafe_cell_methods!(Outcome {
    /// See [`Outcome::end`].
    fn end(&mut self, outcome: Outcome) -> Result<Callbacks, Outcome>;
    /// See [`Outcome::push`].
    fn push(&mut self, callback: Callback) -> Option<Callback>;
    /// See [`Outcome::take_waiter`].
    fn take_waiter(&mut self, party: &Bound<'_, PyAny>) -> Option<Callback>;
    /// See [`Outcome::take_cancelled_error`].
    fn take_cancelled_error(&mut self) -> Option<Py<PyAny>>;
    /// See [`Outcome::callback_count`].
    fn callback_count(&mut self) -> usize;
    /// See [`Outcome::replace_waiter`].
    fn replace_waiter(&mut self, party: &Bound<'_, PyAny>, callback: Callback) -> Result<Callback, Callback>;
    /// See [`Outcome::take_callback`].
    fn take_callback(&mut self, callback: &Callback) -> Option<Callback>;
    /// See [`Outcome::keep_behind`].
    fn keep_behind(&mut self, first: usize, kept: Vec<Callback>) -> Callbacks;
} with py {
    /// See [`Outcome::all_callbacks`].
    fn all_callbacks(&mut self) -> Vec<Callback>;
    /// See [`Outcome::waiting_task`].
    fn waiting_task(&mut self) -> Option<Py<Task>>;
    /// See [`Outcome::callback_at`].
    fn callback_at(&mut self, index: usize) -> Option<Callback>;
    /// See [`Outcome::seen`].
    fn seen(&mut self) -> Seen;
});

/// Flags of a future.
#[derive(Clone, Copy, Default)]
pub struct Flags {
    /// `_asyncio_future_blocking`: set by `await`, cleared by the task. It distinguishes
    /// `await future` from a bare `yield future`.
    pub blocking: bool,
    /// Whether the exception is reported when the future is deallocated.
    pub log_traceback: bool,
}

/// The state of one future.
pub struct FutureState {
    /// None until `__init__` has run, and after the garbage collector has cleared it.
    pub event_loop: GilCell<Option<LoopRef>>,
    /// The outcome, or the callbacks.
    pub outcome: GilCell<Outcome>,
    /// See [`Flags`].
    pub flags: GilCell<Flags>,
    /// Where it was made (`recorder::described`), if somebody wanted to know; else 0.
    pub created_at: GilCell<u32>,
    /// See [`Rare`].
    pub rare: GilCell<RareFields>,
}

/// Everything that a future has held, to be dropped.
pub type Remains = (Option<LoopRef>, Outcome, RareFields);

impl FutureState {
    /// A pending future of `event_loop`.
    #[inline]
    pub fn pending(event_loop: LoopRef) -> Self {
        Self { event_loop: GilCell::new(Some(event_loop)), ..Self::uninitialized() }
    }

    /// Before `__init__`.
    #[inline]
    pub fn uninitialized() -> Self {
        Self {
            event_loop: GilCell::new(None),
            outcome: GilCell::new(Outcome::NEW),
            flags: GilCell::new(Flags { blocking: false, log_traceback: false }),
            created_at: GilCell::new(0),
            rare: GilCell::new(RareFields(None)),
        }
    }

    /// Resets the state to that before `__init__`. The caller drops the result.
    pub fn restart(&self, py: Python<'_>) -> Remains {
        self.flags.set(py, Flags::default());
        self.created_at.set(py, 0);
        (self.event_loop.take(py), self.outcome.replace(py, Outcome::NEW), self.rare.take(py))
    }

    /// Drops everything in an object that is not reachable any more, and resets the state
    /// to that before `__init__`. Most fields are empty.
    #[inline]
    pub fn release(&self, py: Python<'_>) {
        if let Some(event_loop) = self.event_loop.take(py) {
            event_loop.release(py);
        }
        self.outcome.replace(py, Outcome::NEW).release(py);
        self.flags.set(py, Flags::default());
        self.created_at.set(py, 0);
        if let RareFields(Some(fields)) = self.rare.take(py) {
            drop(fields);
        }
    }

    /// Shows its references to the garbage collector.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.event_loop.traverse(|event_loop| match event_loop {
            Some(event_loop) => visit.call(event_loop.as_any()),
            None => Ok(()),
        })?;
        self.outcome.traverse(|outcome| outcome.traverse(visit))?;
        self.rare.traverse(|rare| rare.traverse(visit))
    }
}
