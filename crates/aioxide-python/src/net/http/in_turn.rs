//! What uses the client of `aioxide-http` outside of a future.

use std::ops::Deref;
use std::rc::Rc;

use pyo3::prelude::*;

use crate::core::rust_futures::turn;
use crate::ffi::gil_cell::GilCell;

/// Runs `body` where the client may use its streams.
#[inline]
pub fn in_turn<R>(py: Python<'_>, body: impl FnOnce() -> R) -> R {
    turn::run_without_loop(py, body)
}

/// A part of a Python object that uses streams when it is dropped.
pub struct InTurn<T>(Option<T>);

impl<T> InTurn<T> {
    pub const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// Takes the value out, to be dropped in a turn.
    pub fn into_inner(mut self) -> Option<T> {
        self.0.take()
    }
}

impl<T> Deref for InTurn<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.0 {
            Some(value) => value,
            None => unreachable!("only `into_inner` takes it out, which consumes this"),
        }
    }
}

impl<T> Drop for InTurn<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            // SAFETY: objects of the interpreter are deallocated with the GIL held, and so are
            // the futures that own one of these.
            let py = unsafe { Python::assume_attached() };
            in_turn(py, || drop(value));
        }
    }
}

/// A value that futures take out while they use it. Its clones are the same place.
pub struct Slot<T>(Rc<GilCell<Option<InTurn<T>>>>);

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Slot<T> {
    pub fn new(value: T) -> Self {
        Self(Rc::new(GilCell::new(Some(InTurn::new(value)))))
    }

    /// Takes the value out for good. None: it is lent, or was taken.
    pub fn take(&self, py: Python<'_>) -> Option<T> {
        self.0.take(py)?.into_inner()
    }

    /// Drops the value, unless it is lent.
    pub fn clear(&self, py: Python<'_>) {
        drop(self.0.take(py));
    }

    /// Does something with the value, in a turn. None: it is lent, or was taken.
    pub fn with<R>(&self, py: Python<'_>, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        // It stays wrapped: after a panic of `look` it is dropped in a turn too.
        let mut value = self.0.take(py)?;
        let inner = value.0.as_mut()?;
        let result = in_turn(py, || look(inner));
        drop(self.0.replace(py, Some(value)));
        Some(result)
    }

    /// Lends the value to the calling future, until what is returned is dropped.
    pub fn lend(&self) -> Option<Lent<T>> {
        let value = turn::with(|turn| self.take(turn.py()))?;
        Some(Lent { slot: self.clone(), value: Some(value) })
    }
}

/// A value that is out of its slot.
pub struct Lent<T> {
    slot: Slot<T>,
    value: Option<T>,
}

impl<T> Lent<T> {
    /// The value.
    pub fn get(&mut self) -> Option<&mut T> {
        self.value.as_mut()
    }
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            turn::with(|turn| drop(self.slot.0.replace(turn.py(), Some(InTurn::new(value)))));
        }
    }
}
