//! Futures that wait in a line.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use slab::Slab;

/// No waiter.
const NONE: usize = usize::MAX;

/// A line of waiters, first come first served. Each has a note `N` for whoever serves it; being
/// served, it has an outcome `G`, which stays here until its future takes it or is dropped. So
/// whoever drops a future learns that it has been served, and can serve another.
///
/// A waker is foreign code: it may poll or drop futures that wait here. So nothing here wakes,
/// clones or drops one; the caller does, without the borrow.
pub struct Waiters<N, G> {
    nodes: Slab<Node<N, G>>,
    first: usize,
    last: usize,
    /// How many wait, without those that have been served.
    waiting: usize,
}

enum Node<N, G> {
    Waiting { note: N, waker: Waker, previous: usize, next: usize },
    Served(G),
}

/// What became of a waiter that has left.
pub enum Left<G> {
    /// It was still waiting. The waker is dropped by the caller.
    Waiting(#[expect(dead_code, reason = "it is dropped, outside of the borrow")] Waker),
    /// It had been served, and did not know yet.
    Served(G),
}

/// A node of the line.
#[derive(Clone, Copy)]
struct Place(usize);

impl<N, G> Default for Waiters<N, G> {
    fn default() -> Self {
        Self { nodes: Slab::new(), first: NONE, last: NONE, waiting: 0 }
    }
}

impl<N, G> Waiters<N, G> {
    /// How many wait, without those that have been served.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// The note of the first that waits.
    pub fn front(&self) -> Option<&N> {
        match self.nodes.get(self.first)? {
            Node::Waiting { note, .. } => Some(note),
            Node::Served(_) => None,
        }
    }

    /// Serves the first that waits. The caller wakes it.
    pub fn serve(&mut self, outcome: G) -> Option<Waker> {
        let served = self.first;
        self.unlink(served);
        match std::mem::replace(self.nodes.get_mut(served)?, Node::Served(outcome)) {
            Node::Waiting { waker, .. } => Some(waker),
            Node::Served(_) => None,
        }
    }

    fn push(&mut self, note: N, waker: Waker) -> Place {
        let (previous, next) = (self.last, NONE);
        let key = self.nodes.insert(Node::Waiting { note, waker, previous, next });
        match self.nodes.get_mut(previous) {
            Some(Node::Waiting { next, .. }) => *next = key,
            _ => self.first = key,
        }
        self.last = key;
        self.waiting += 1;
        Place(key)
    }

    /// Takes a node that waits out of the line; it stays in the slab.
    fn unlink(&mut self, key: usize) {
        let Some(&Node::Waiting { previous: before, next: after, .. }) = self.nodes.get(key) else {
            return;
        };
        match self.nodes.get_mut(before) {
            Some(Node::Waiting { next, .. }) => *next = after,
            _ => self.first = after,
        }
        match self.nodes.get_mut(after) {
            Some(Node::Waiting { previous, .. }) => *previous = before,
            _ => self.last = before,
        }
        self.waiting -= 1;
    }

    fn remove(&mut self, Place(key): Place) -> Left<G> {
        self.unlink(key);
        match self.nodes.remove(key) {
            Node::Waiting { waker, .. } => Left::Waiting(waker),
            Node::Served(outcome) => Left::Served(outcome),
        }
    }

    /// The waker of a waiter that has not been served.
    fn waker(&mut self, Place(key): Place) -> Option<&mut Waker> {
        match self.nodes.get_mut(key) {
            Some(Node::Waiting { waker, .. }) => Some(waker),
            _ => None,
        }
    }
}

/// Those that have been served, to be woken in this order. Most often there is one.
#[derive(Default)]
pub struct Wakers {
    first: Option<Waker>,
    rest: Vec<Waker>,
}

impl Wakers {
    /// Adds one.
    pub fn push(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.rest.push(waker),
        }
    }

    /// Wakes them.
    pub fn wake(self) {
        self.first.into_iter().chain(self.rest).for_each(Waker::wake);
    }
}

/// Serves all that wait now, each with what `outcome` gives for its place in the line, and wakes
/// them.
pub fn serve_all<N, G>(line: &RefCell<Waiters<N, G>>, mut outcome: impl FnMut(usize) -> G) {
    serve_some(line, usize::MAX, &mut outcome);
}

/// The same for the first `count`.
pub fn serve_some<N, G>(
    line: &RefCell<Waiters<N, G>>,
    count: usize,
    outcome: &mut impl FnMut(usize) -> G,
) {
    let mut wakers = Wakers::default();
    {
        let mut line = line.borrow_mut();
        for index in 0..line.len().min(count) {
            if let Some(waker) = line.serve(outcome(index)) {
                wakers.push(waker);
            }
        }
    }
    wakers.wake();
}

/// Waits in a line: joins it when it is first polled, and leaves it when it is dropped.
pub struct Wait<'a, N, G> {
    line: &'a RefCell<Waiters<N, G>>,
    note: N,
    place: Option<Place>,
}

impl<'a, N, G> Wait<'a, N, G> {
    /// Will wait in `line`.
    pub fn new(line: &'a RefCell<Waiters<N, G>>, note: N) -> Self {
        Self { line, note, place: None }
    }

    /// Whether it is in the line, or has been served and not been polled since.
    pub fn has_joined(&self) -> bool {
        self.place.is_some()
    }

    /// Leaves the line. None if it has not joined it, or has its outcome.
    pub fn leave(&mut self) -> Option<Left<G>> {
        let place = self.place.take()?;
        Some(self.line.borrow_mut().remove(place))
    }
}

impl<N: Copy + Unpin, G> Future for Wait<'_, N, G> {
    type Output = G;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<G> {
        let this = &mut *self;
        let Some(place) = this.place else {
            let waker = context.waker().clone();
            this.place = Some(this.line.borrow_mut().push(this.note, waker));
            return Poll::Pending;
        };
        let is_same = {
            let mut line = this.line.borrow_mut();
            line.waker(place).map(|waker| waker.will_wake(context.waker()))
        };
        match is_same {
            Some(true) => return Poll::Pending,
            Some(false) => {}
            None => {
                this.place = None;
                let left = this.line.borrow_mut().remove(place);
                return match left {
                    Left::Served(outcome) => Poll::Ready(outcome),
                    Left::Waiting(_) => Poll::Pending,
                };
            }
        }
        // Its future has moved to another task.
        let mut waker = context.waker().clone();
        if let Some(kept) = this.line.borrow_mut().waker(place) {
            std::mem::swap(kept, &mut waker);
        }
        Poll::Pending
    }
}

impl<N, G> Drop for Wait<'_, N, G> {
    fn drop(&mut self) {
        drop(self.leave());
    }
}
