//! The waiters of an object, in the order in which they began to wait.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use slab::Slab;

use crate::core::futures::Future;
use crate::ffi::attributes::Collected;
use crate::ffi::errors::Settled;
use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};

/// A linked list of futures, from which any can be removed in constant time: of ten
/// thousand waiters, the last may be cancelled first.
#[derive(Default)]
pub struct Waiters {
    nodes: Slab<Node>,
    first: Option<usize>,
    last: Option<usize>,
    /// The first one that was not woken yet.
    next: Option<usize>,
    /// How many were ever added.
    count: usize,
}

/// The place of a waiter. It never names another waiter, neither after its own was removed,
/// nor after the object was initialised a second time.
#[derive(Clone, Copy)]
pub struct Key {
    index: usize,
    /// How many were added up to this one.
    number: usize,
}

struct Node {
    future: Py<Future>,
    number: usize,
    before: Option<usize>,
    after: Option<usize>,
}

impl Waiters {
    /// The number of waiters.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Adds a waiter at the end. The key is for [`Waiters::remove`].
    pub fn push(&mut self, future: Py<Future>) -> Key {
        self.count = self.count.wrapping_add(1);
        let number = self.count;
        let index = self.nodes.insert(Node { future, number, before: self.last, after: None });
        match self.last {
            Some(last) => self.nodes[last].after = Some(index),
            None => self.first = Some(index),
        }
        self.last = Some(index);
        self.next.get_or_insert(index);
        Key { index, number }
    }

    /// Removes a waiter if it is still there. The caller drops the future.
    pub fn remove(&mut self, key: Key) -> Option<Py<Future>> {
        let is_there = self.nodes.get(key.index).is_some_and(|node| node.number == key.number);
        if is_there { self.remove_at(key.index) } else { None }
    }

    fn remove_at(&mut self, key: usize) -> Option<Py<Future>> {
        let node = self.nodes.try_remove(key)?;
        match node.before {
            Some(before) => self.nodes[before].after = node.after,
            None => self.first = node.after,
        }
        match node.after {
            Some(after) => self.nodes[after].before = node.before,
            None => self.last = node.before,
        }
        if self.next == Some(key) {
            self.next = node.after;
        }
        Some(node.future)
    }

    /// Removes all waiters without waking them.
    pub fn abandon(&mut self) -> Self {
        let count = self.count;
        std::mem::replace(self, Self { count, ..Self::default() })
    }

    /// Removes the first waiter that is not done, and those before it, which the
    /// caller drops.
    pub fn take_next(&mut self, py: Python<'_>) -> (Option<Py<Future>>, Vec<Py<Future>>) {
        let mut dropped = Vec::new();
        while let Some(future) = self.first.and_then(|key| self.remove_at(key)) {
            if !future.get().is_done(py) {
                return (Some(future), dropped);
            }
            dropped.push(future);
        }
        (None, dropped)
    }

    /// Removes the first waiter, unless it is done.
    #[inline]
    pub fn take_first_pending(&mut self, py: Python<'_>) -> Option<Py<Future>> {
        let first = self.first.filter(|key| !self.nodes[*key].future.get().is_done(py))?;
        self.remove_at(first)
    }

    /// The first waiter, unless it is done: then it will run, and wakes the next itself.
    #[inline]
    pub fn first_pending(&self, py: Python<'_>) -> Option<Py<Future>> {
        let first = &self.nodes[self.first?].future;
        (!first.get().is_done(py)).then(|| first.clone_ref(py))
    }

    /// Removes a waiter if it is still there, and drops its future, to which there are
    /// other references. Whether it was there.
    #[inline]
    pub fn leave(&mut self, py: Python<'_>, key: Option<Key>) -> bool {
        match key.and_then(|key| self.remove(key)) {
            Some(future) => {
                future.drop_ref(py);
                true
            }
            None => false,
        }
    }

    /// The waiters, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Py<Future>> {
        let follow = |key: &usize| self.nodes[*key].after;
        std::iter::successors(self.first, follow).map(|key| &self.nodes[key].future)
    }

    /// Whether one of the waiters was not cancelled.
    pub fn any_alive(&self, py: Python<'_>) -> bool {
        self.iter().any(|future| !future.get().is_cancelled(py))
    }

    /// The first waiter that was neither woken nor cancelled. From now on it counts as
    /// woken.
    pub fn wake_next(&mut self, py: Python<'_>) -> Option<Py<Future>> {
        while let Some(key) = self.next {
            let node = &self.nodes[key];
            self.next = node.after;
            if !node.future.get().is_done(py) {
                return Some(node.future.clone_ref(py));
            }
        }
        None
    }

    /// References to the waiters, in order.
    pub fn all(&self, py: Python<'_>) -> Vec<Py<Future>> {
        self.iter().map(|future| future.clone_ref(py)).collect()
    }

    /// Shows the waiters to the garbage collector.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.iter().try_for_each(|future| visit.call(future))
    }
}

impl Collected for GilCell<Waiters> {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.traverse(|waiters| waiters.traverse(visit))
    }

    fn clear(&self, py: Python<'_>) {
        drop(self.abandon(py));
    }
}

impl GilCell<Waiters> {
    /// Removes a waiter whose wait has ended, by `error` if by one.
    ///
    /// # Errors
    ///
    /// `ValueError` if it is not there: the object was initialised a second time.
    pub fn strike(&self, py: Python<'_>, key: Option<Key>, error: Option<&PyErr>) -> PyResult<()> {
        let Some(key) = key else { return Ok(()) };
        match self.remove(py, key) {
            Some(future) => {
                drop(future);
                Ok(())
            }
            None => Err(not_listed(py, error)),
        }
    }
}

/// The error of `deque.remove` for a waiter that is not in it.
#[cold]
fn not_listed(py: Python<'_>, error: Option<&PyErr>) -> PyErr {
    let failure =
        PyValueError::new_err(crate::name!("deque.remove(x): x not in deque")).settled(py);
    failure.set_context(py, error.map(|error| error.clone_ref(py)));
    failure
}

// SAFETY (of the methods): references are moved in and out and counted up, never down to
// the last one; they read the state of a future, which is another cell.
unsafe_cell_methods!(Waiters {
    /// See [`Waiters::len`].
    fn len(&mut self) -> usize;
    /// See [`Waiters::push`].
    fn push(&mut self, future: Py<Future>) -> Key;
    /// See [`Waiters::remove`].
    fn remove(&mut self, key: Key) -> Option<Py<Future>>;
    /// See [`Waiters::abandon`].
    fn abandon(&mut self) -> Waiters;
} with py {
    /// See [`Waiters::all`].
    fn all(&mut self) -> Vec<Py<Future>>;
    /// See [`Waiters::take_next`].
    fn take_next(&mut self) -> (Option<Py<Future>>, Vec<Py<Future>>);
    /// See [`Waiters::take_first_pending`].
    fn take_first_pending(&mut self) -> Option<Py<Future>>;
    /// See [`Waiters::first_pending`].
    fn first_pending(&mut self) -> Option<Py<Future>>;
    /// See [`Waiters::leave`].
    fn leave(&mut self, key: Option<Key>) -> bool;
    /// See [`Waiters::any_alive`].
    fn any_alive(&mut self) -> bool;
    /// See [`Waiters::wake_next`].
    fn wake_next(&mut self) -> Option<Py<Future>>;
});
