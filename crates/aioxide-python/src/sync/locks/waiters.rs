//! Who waits, in the order of their coming.

use pyo3::PyTraverseError;
use pyo3::exceptions::PyValueError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use slab::Slab;

use crate::core::futures::Future;
use crate::ffi::attributes::Collected;
use crate::ffi::errors::Settled;
use crate::ffi::gil_cell::{GilCell, unsafe_cell_methods};

/// A list of futures in which each can be taken out at once, wherever it is:
/// of ten thousand that wait, the last may be cancelled first.
#[derive(Default)]
pub struct Waiters {
    nodes: Slab<Node>,
    first: Option<usize>,
    last: Option<usize>,
    /// The first one that was not woken up yet.
    next: Option<usize>,
    /// How many have ever come.
    count: usize,
}

/// One of those who wait. It is not mistaken for another one when it was taken out already,
/// nor when the object was initialised a second time.
#[derive(Clone, Copy)]
pub struct Key {
    index: usize,
    /// Which of those that have ever come it is.
    number: usize,
}

struct Node {
    future: Py<Future>,
    number: usize,
    before: Option<usize>,
    after: Option<usize>,
}

impl Waiters {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Adds one at the end. The key is for [`Waiters::remove`].
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

    /// Takes one out if it is still there. The caller drops it.
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

    /// Takes out all, who are left to themselves.
    pub fn abandon(&mut self) -> Self {
        let count = self.count;
        std::mem::replace(self, Self { count, ..Self::default() })
    }

    /// Takes out the first one that is not done, and those before it; the
    /// caller drops these.
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

    /// Takes out the first one, unless that is done.
    #[inline]
    pub fn take_first_pending(&mut self, py: Python<'_>) -> Option<Py<Future>> {
        let first = self.first.filter(|key| !self.nodes[*key].future.get().is_done(py))?;
        self.remove_at(first)
    }

    /// The first one, unless that is done: then it will run, and look after the others.
    #[inline]
    pub fn first_pending(&self, py: Python<'_>) -> Option<Py<Future>> {
        let first = &self.nodes[self.first?].future;
        (!first.get().is_done(py)).then(|| first.clone_ref(py))
    }

    /// Takes out, if it is still there, a future to which there are other references.
    /// Whether it was.
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

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Py<Future>> {
        let follow = |key: &usize| self.nodes[*key].after;
        std::iter::successors(self.first, follow).map(|key| &self.nodes[key].future)
    }

    /// Whether one of them was not cancelled.
    pub fn any_alive(&self, py: Python<'_>) -> bool {
        self.iter().any(|future| !future.get().is_cancelled(py))
    }

    /// The first one that was neither woken up nor cancelled; it counts as
    /// woken up from now on.
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

    /// References to all of them, in order.
    pub fn all(&self, py: Python<'_>) -> Vec<Py<Future>> {
        self.iter().map(|future| future.clone_ref(py)).collect()
    }

    /// Shows all of them to the garbage collector.
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
    /// Takes one out whose wait has ended, by `error` if by one.
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

/// What a deque says of one who waits and is not in it.
#[cold]
fn not_listed(py: Python<'_>, error: Option<&PyErr>) -> PyErr {
    let failure =
        PyValueError::new_err(crate::name!("deque.remove(x): x not in deque")).settled(py);
    failure.set_context(py, error.map(|error| error.clone_ref(py)));
    failure
}

// SAFETY (of the methods): references are moved in and out and counted up, never down to
// the last one; of a future they read how it stands, which is another cell.
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
