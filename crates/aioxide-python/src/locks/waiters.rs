//! Who waits, in the order of their coming.

use pyo3::PyTraverseError;
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use slab::Slab;

use crate::futures::Future;
use crate::gil_cell::unsafe_cell_methods;

/// A list of futures in which each can be taken out at once, wherever it is:
/// of ten thousand that wait, the last may be cancelled first.
#[derive(Default)]
pub struct Waiters {
    nodes: Slab<Node>,
    first: Option<usize>,
    last: Option<usize>,
    /// The first one that was not woken up yet.
    next: Option<usize>,
}

struct Node {
    future: Py<Future>,
    before: Option<usize>,
    after: Option<usize>,
}

impl Waiters {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Adds one at the end. The key is for [`Waiters::remove`].
    pub fn push(&mut self, future: Py<Future>) -> usize {
        let key = self.nodes.insert(Node { future, before: self.last, after: None });
        match self.last {
            Some(last) => self.nodes[last].after = Some(key),
            None => self.first = Some(key),
        }
        self.last = Some(key);
        self.next.get_or_insert(key);
        key
    }

    /// Takes one out, once. The caller drops it.
    pub fn remove(&mut self, key: usize) -> Option<Py<Future>> {
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

    /// Takes one out if it is still there: the key may be another one's by now.
    pub fn remove_if(&mut self, key: usize, future: &Py<Future>) -> Option<Py<Future>> {
        let is_it = self.nodes.get(key).is_some_and(|node| node.future.is(future));
        if is_it { self.remove(key) } else { None }
    }

    /// Takes out the first one that is not done, and those before it; the
    /// caller drops these.
    pub fn take_next(&mut self, py: Python<'_>) -> (Option<Py<Future>>, Vec<Py<Future>>) {
        let mut dropped = Vec::new();
        while let Some(future) = self.first.and_then(|key| self.remove(key)) {
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
        self.remove(first)
    }

    /// The first one, unless that is done: then it will run, and look after the others.
    #[inline]
    pub fn first_pending(&self, py: Python<'_>) -> Option<Py<Future>> {
        let first = &self.nodes[self.first?].future;
        (!first.get().is_done(py)).then(|| first.clone_ref(py))
    }

    /// Takes out, if `key` is one's, a future to which there are other references.
    #[inline]
    pub fn leave(&mut self, py: Python<'_>, key: Option<usize>) {
        if let Some(future) = key.and_then(|key| self.remove(key)) {
            future.drop_ref(py);
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

    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.iter().try_for_each(|future| visit.call(future))
    }
}

// SAFETY (of the methods): references are moved in and out and counted up, never down to
// the last one; of a future they read how it stands, which is another cell.
unsafe_cell_methods!(Waiters {
    /// See [`Waiters::len`].
    fn len(&mut self) -> usize;
    /// See [`Waiters::push`].
    fn push(&mut self, future: Py<Future>) -> usize;
    /// See [`Waiters::remove`].
    fn remove(&mut self, key: usize) -> Option<Py<Future>>;
    /// See [`Waiters::remove_if`].
    fn remove_if(&mut self, key: usize, future: &Py<Future>) -> Option<Py<Future>>;
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
    fn leave(&mut self, key: Option<usize>);
    /// See [`Waiters::any_alive`].
    fn any_alive(&mut self) -> bool;
    /// See [`Waiters::wake_next`].
    fn wake_next(&mut self) -> Option<Py<Future>>;
});
