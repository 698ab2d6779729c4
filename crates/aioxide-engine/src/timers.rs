//! Timers: what is to run later, nearest deadline first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::iter::Chain;
use std::{mem, option, vec};

#[cfg(test)]
mod tests;

/// Fewer cancelled timers than this are not worth looking for.
const MIN_CANCELLED: usize = 100;

/// How many timers wait outside the heap at most: few enough to stay in the cache.
const MAX_RECENT: usize = 256;

/// Something that may have been called off while it waits.
pub trait Cancellable {
    /// Whether running this item would do nothing. Once true, it stays true.
    fn is_cancelled(&self) -> bool;
}

/// A min-heap by deadline, first in first out among equal deadlines.
///
/// Most timers are called off, and many of them at once, before anybody asks which is
/// next: `async with timeout(10)` around what need not wait. So a new one enters the
/// heap only when that question comes. Until then it is one of the recent ones, of
/// which the newest leaves at its cancellation, at the cost of a `Vec::pop`.
///
/// No item is ever dropped inside a `&mut self` method: dropping one may run
/// foreign code that comes back to the loop and finds the heap half changed.
/// Whatever leaves the heap is handed to the caller, cancelled items through
/// the `deferred` that he passes in and empties when it suits him.
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
    /// Those that have come since the nearest deadline was asked for, oldest first.
    recent: Vec<Entry<T>>,
    /// The order of insertion, which decides between equal deadlines.
    next_sequence: u64,
    /// How many items that wait are known to be cancelled.
    cancelled: usize,
}

/// What a cancellation takes out: see [`Timers::note_cancelled`].
#[must_use = "the items are to be dropped where foreign code may run"]
pub enum Cancelled<T> {
    /// Nothing, for now.
    Nothing,
    /// The newest timer.
    Newest(T),
    /// Everything that was cancelled.
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

    /// How many timers wait, cancelled ones that are still here included.
    #[inline]
    pub fn len(&self) -> usize {
        self.heap.len() + self.recent.len()
    }

    /// Whether no timer waits, not even a cancelled one.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty() && self.recent.is_empty()
    }

    /// Lets `item` wait until `deadline`, in the seconds of the loop's clock.
    ///
    /// A deadline that is not a number never comes, like an infinite one.
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

    /// Takes note that one more of those that wait is cancelled.
    ///
    /// If the newest is, it is taken out. Otherwise, when more than 100 are, and more
    /// than half of all, all of them are. The cost of that pass is shared by at least
    /// as many cancellations, so that each is O(1) and there are never more dead
    /// timers than live ones for long.
    #[inline]
    pub fn note_cancelled(&mut self) -> Cancelled<T> {
        match self.recent.pop_if(|entry| entry.item.is_cancelled()) {
            // Either it is the one that was cancelled now, or it was counted before
            // and makes room in the count for that one.
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
    /// Cancelled timers that are in its way are moved to `deferred`.
    #[inline]
    pub fn next_deadline(&mut self, deferred: &mut Vec<T>) -> Option<f64> {
        self.take_in_recent(deferred);
        self.remove_cancelled_head(deferred);
        self.heap.peek().map(|entry| entry.deadline)
    }

    /// The next live timer whose deadline is `now` or earlier.
    ///
    /// Cancelled timers that are in its way are moved to `deferred`.
    #[inline]
    pub fn pop_due(&mut self, now: f64, deferred: &mut Vec<T>) -> Option<T> {
        if self.next_deadline(deferred)? > now {
            return None;
        }
        self.heap.pop().map(|entry| entry.item)
    }

    /// Everything that waits, cancelled or not, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.heap.iter().chain(&self.recent).map(|entry| &entry.item)
    }

    /// Takes out everything that waits, cancelled or not, nearest deadline first.
    pub fn take_all(&mut self) -> Vec<T> {
        self.cancelled = 0;
        self.heap.extend(self.recent.drain(..));
        let furthest_first = mem::take(&mut self.heap).into_sorted_vec();
        furthest_first.into_iter().rev().map(|entry| entry.item).collect()
    }

    /// Puts the recent timers into the heap, except those that are cancelled by now.
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

    /// Frees the head of cancelled timers. If these are most of the heap, all of them
    /// go in one pass, which costs less than taking each from the top of the heap.
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

    /// Moves everything that is cancelled to `deferred`, whether it was noted or not.
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

/// `BinaryHeap` keeps the greatest on top, so nearer means greater here.
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
