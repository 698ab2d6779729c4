//! Timers: items to run later, nearest deadline first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::iter::Chain;
use std::{mem, option, vec};

#[cfg(test)]
mod tests;

/// Up to this number, cancelled timers are not worth a pass over the heap.
const MIN_CANCELLED: usize = 100;

/// The most timers that are kept outside the heap: few enough to stay in the cache.
const MAX_RECENT: usize = 256;

/// Something that can be cancelled while it waits.
pub trait Cancellable {
    /// Whether running this item would do nothing. Once true, it must stay true.
    fn is_cancelled(&self) -> bool;
}

/// A min-heap by deadline, first in first out among equal deadlines.
///
/// Most timers are cancelled, and many of them before the loop asks for the nearest
/// deadline: `async with timeout(10)` around a block that does not wait. So a new timer
/// enters the heap only when the loop asks. Until then it is in a list of recent timers;
/// if the newest one is cancelled, it is removed at the cost of a `Vec::pop`.
///
/// No item is ever dropped inside a `&mut self` method: dropping one may run
/// foreign code that calls the loop and would find the heap half changed.
/// Every removed item is handed to the caller; cancelled items are appended to the
/// argument `deferred`, which the caller empties where foreign code may run.
///
/// ```
/// use aioxide_engine::{Cancellable, Timers};
///
/// struct Name(&'static str);
/// impl Cancellable for Name {
///     fn is_cancelled(&self) -> bool {
///         false
///     }
/// }
///
/// let mut timers = Timers::new();
/// timers.insert(2.0, Name("later"));
/// timers.insert(1.0, Name("sooner"));
///
/// let mut deferred = Vec::new();
/// assert_eq!(timers.next_deadline(&mut deferred), Some(1.0));
/// assert_eq!(timers.pop_due(1.5, &mut deferred).unwrap().0, "sooner");
/// assert!(timers.pop_due(1.5, &mut deferred).is_none());
/// ```
pub struct Timers<T> {
    heap: BinaryHeap<Entry<T>>,
    /// Timers inserted since the last question for the nearest deadline, oldest first.
    recent: Vec<Entry<T>>,
    /// The order of insertion, which decides between equal deadlines.
    next_sequence: u64,
    /// How many waiting items are known to be cancelled.
    cancelled: usize,
}

/// What a cancellation removes: see [`Timers::note_cancelled`].
#[must_use = "drop the items where foreign code may run"]
pub enum Cancelled<T> {
    /// Nothing, for now.
    Nothing,
    /// The newest timer.
    Newest(T),
    /// All cancelled timers.
    All(Vec<T>),
}

struct Entry<T> {
    deadline: f64,
    sequence: u64,
    item: T,
}

impl<T: Cancellable> Timers<T> {
    /// No timers yet.
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), recent: Vec::new(), next_sequence: 0, cancelled: 0 }
    }

    /// The number of timers, including cancelled ones that were not removed yet.
    #[inline]
    pub fn len(&self) -> usize {
        self.heap.len() + self.recent.len()
    }

    /// Whether there is no timer, not even a cancelled one.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty() && self.recent.is_empty()
    }

    /// Adds `item` with a `deadline` in seconds of the loop's clock.
    ///
    /// A deadline that is not a number is never reached, like an infinite one.
    #[inline]
    pub fn insert(&mut self, deadline: f64, item: T) {
        let deadline = if deadline.is_nan() {
            f64::INFINITY
        } else {
            // Makes 0.0 of -0.0, which the heap's total order would put first.
            deadline + 0.0
        };
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let entry = Entry { deadline, sequence, item };
        if self.recent.len() < MAX_RECENT {
            self.recent.push(entry);
        } else {
            self.heap.push(entry);
        }
    }

    /// Records that one more waiting timer is cancelled.
    ///
    /// If the newest one is cancelled, it is removed. Otherwise, when more than 100 and
    /// more than half of all are cancelled, all of these are removed. The cost of that
    /// pass is shared by at least as many cancellations, so each is O(1), and cancelled
    /// timers do not outnumber live ones for long.
    #[inline]
    pub fn note_cancelled(&mut self) -> Cancelled<T> {
        match self.recent.pop_if(|entry| entry.item.is_cancelled()) {
            // Either it is the one that was cancelled now, or it was counted before.
            // Then the count stays right: one leaves and one is added.
            Some(newest) => Cancelled::Newest(newest.item),
            None => self.count_cancelled(),
        }
    }

    fn count_cancelled(&mut self) -> Cancelled<T> {
        self.cancelled += 1;
        if self.cancelled <= MIN_CANCELLED || self.cancelled * 2 <= self.len() {
            return Cancelled::Nothing;
        }
        let mut dead = Vec::new();
        self.take_cancelled(&mut dead);
        Cancelled::All(dead)
    }

    /// The nearest deadline of a live timer, in seconds.
    ///
    /// Cancelled timers before it are moved to `deferred`.
    #[inline]
    pub fn next_deadline(&mut self, deferred: &mut Vec<T>) -> Option<f64> {
        self.next_timer(deferred).map(|(deadline, _)| deadline)
    }

    /// The same, with the number of that timer: see [`next_sequence`](Self::next_sequence).
    #[inline]
    pub fn next_timer(&mut self, deferred: &mut Vec<T>) -> Option<(f64, u64)> {
        self.take_in_recent(deferred);
        self.remove_cancelled_head(deferred);
        self.heap.peek().map(|entry| (entry.deadline, entry.sequence))
    }

    /// The number that the next timer gets: older ones have smaller numbers.
    #[inline]
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Removes the next live timer whose deadline is `now` (in seconds) or earlier.
    ///
    /// Cancelled timers before it are moved to `deferred`.
    #[inline]
    pub fn pop_due(&mut self, now: f64, deferred: &mut Vec<T>) -> Option<T> {
        if self.next_deadline(deferred)? > now {
            return None;
        }
        self.heap.pop().map(|entry| entry.item)
    }

    /// All timers, cancelled or not, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.heap.iter().chain(&self.recent).map(|entry| &entry.item)
    }

    /// Removes all timers, cancelled or not, nearest deadline first.
    pub fn take_all(&mut self) -> Vec<T> {
        self.cancelled = 0;
        self.heap.extend(self.recent.drain(..));
        let furthest_first = mem::take(&mut self.heap).into_sorted_vec();
        furthest_first.into_iter().rev().map(|entry| entry.item).collect()
    }

    /// Moves the recent timers into the heap, except those that are cancelled by now.
    #[inline]
    fn take_in_recent(&mut self, deferred: &mut Vec<T>) {
        for entry in self.recent.drain(..) {
            if entry.item.is_cancelled() {
                self.cancelled = self.cancelled.saturating_sub(1);
                deferred.push(entry.item);
            } else {
                self.heap.push(entry);
            }
        }
    }

    /// Removes cancelled timers from the head of the heap. If most of the heap is
    /// cancelled, all of them are removed in one pass, which costs less than popping
    /// each from the heap.
    #[inline]
    fn remove_cancelled_head(&mut self, deferred: &mut Vec<T>) {
        if !self.has_cancelled_head() {
            return;
        }
        if self.cancelled * 2 > self.heap.len() {
            return self.take_cancelled(deferred);
        }
        while self.has_cancelled_head() {
            self.cancelled = self.cancelled.saturating_sub(1);
            deferred.extend(self.heap.pop().map(|entry| entry.item));
        }
    }

    #[inline]
    fn has_cancelled_head(&self) -> bool {
        self.heap.peek().is_some_and(|entry| entry.item.is_cancelled())
    }

    /// Moves all cancelled timers to `deferred`, whether they were counted or not.
    fn take_cancelled(&mut self, deferred: &mut Vec<T>) {
        self.take_in_recent(deferred);
        self.cancelled = 0;
        let mut entries = mem::take(&mut self.heap).into_vec();
        let mut index = 0;
        while index < entries.len() {
            if entries[index].item.is_cancelled() {
                deferred.push(entries.swap_remove(index).item);
            } else {
                index += 1;
            }
        }
        self.heap = BinaryHeap::from(entries);
    }
}

impl<T> IntoIterator for Cancelled<T> {
    type Item = T;
    type IntoIter = Chain<option::IntoIter<T>, vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        let (newest, all) = match self {
            Self::Nothing => (None, Vec::new()),
            Self::Newest(item) => (Some(item), Vec::new()),
            Self::All(items) => (None, items),
        };
        newest.into_iter().chain(all)
    }
}

impl<T: Cancellable> Default for Timers<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// `BinaryHeap` keeps the greatest on top, so a nearer deadline compares as greater.
impl<T> Ord for Entry<T> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        other.deadline.total_cmp(&self.deadline).then(other.sequence.cmp(&self.sequence))
    }
}

impl<T> PartialOrd for Entry<T> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Entry<T> {}
