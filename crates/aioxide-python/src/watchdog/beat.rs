//! What a watched loop publishes.

use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::ffi::definition::Definition;

/// Which item a loop runs. Written by the loop's thread, read by the detector.
///
/// The orderings are relaxed: each value means something by itself, and a value that is a little
/// old delays a report by one look.
pub struct Beat {
    /// Of this process, from 1.
    id: u64,
    /// Twice the number of items that have begun; less one while an item runs. So the numbers of
    /// items are odd, and an even number is a loop that waits or is between two.
    current: AtomicU64,
    /// The number that the last item of this iteration will have.
    last: AtomicU64,
    /// Nanoseconds from which an item is reported; 0 if none is.
    threshold: AtomicU64,
    /// The number of the item that was reported and has not ended; 0 if none is.
    overdue: AtomicU64,
    /// When that item was first seen, in nanoseconds since [`Beat::made`].
    seen: AtomicU64,
    made: Instant,
    /// The kernel's number of the loop's thread; 0 if it is not known.
    kernel_thread: AtomicI32,
    /// Python's number of the loop's thread.
    python_thread: AtomicU64,
    /// The function of another extension module whose future the item polls, or null.
    polled: AtomicPtr<Definition>,
}

/// A future is polled until this is dropped.
pub struct Polled {
    beat: Arc<Beat>,
    /// Futures may poll others.
    outer: *mut Definition,
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.beat.polled.store(self.outer, Ordering::Release);
    }
}

/// An item that has ended after it was reported.
#[derive(Clone, Copy)]
pub struct Ended {
    /// Its number.
    pub item: u64,
    /// How long it ran, at least.
    pub duration: Duration,
    /// How many items of the iteration it has delayed.
    pub waiting: u64,
}

impl Beat {
    /// Of a loop that runs no item.
    pub fn new(threshold: Duration) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let beat = Self {
            id: COUNT.fetch_add(1, Ordering::Relaxed) + 1,
            current: AtomicU64::new(0),
            last: AtomicU64::new(0),
            threshold: AtomicU64::new(0),
            overdue: AtomicU64::new(0),
            seen: AtomicU64::new(0),
            made: Instant::now(),
            kernel_thread: AtomicI32::new(0),
            python_thread: AtomicU64::new(0),
            polled: AtomicPtr::new(null_mut()),
        };
        beat.set_threshold(threshold);
        beat
    }

    /// The number by which reports name the loop.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// From which duration an item is reported. Zero means never.
    pub fn threshold(&self) -> Duration {
        Duration::from_nanos(self.threshold.load(Ordering::Relaxed))
    }

    /// Changes it.
    pub fn set_threshold(&self, threshold: Duration) {
        let nanoseconds = u64::try_from(threshold.as_nanos()).unwrap_or(u64::MAX);
        self.threshold.store(nanoseconds, Ordering::Relaxed);
    }

    /// The loop's thread begins to run `count` items.
    #[inline]
    pub fn begin_iteration(&self, count: usize, python_thread: u64) {
        if self.python_thread.load(Ordering::Relaxed) != python_thread {
            self.enter_thread(python_thread);
        }
        let current = self.current.load(Ordering::Relaxed);
        self.last.store(current + (2 * count as u64).saturating_sub(1), Ordering::Relaxed);
    }

    #[cold]
    fn enter_thread(&self, python_thread: u64) {
        #[cfg(target_os = "linux")]
        self.kernel_thread
            .store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::Relaxed);
        self.python_thread.store(python_thread, Ordering::Relaxed);
    }

    /// An item begins. Returns its number.
    #[inline]
    pub fn begin_item(&self) -> u64 {
        // Only this thread writes it. An item that runs a loop inside itself has begun already.
        let item = (self.current.load(Ordering::Relaxed) + 1) | 1;
        self.current.store(item, Ordering::Relaxed);
        item
    }

    /// The item `item` ends. What it took is returned if it was reported.
    #[inline]
    pub fn end_item(&self, item: u64) -> Option<Ended> {
        self.current.store(item + 1, Ordering::Relaxed);
        if self.overdue.load(Ordering::Relaxed) == 0 { None } else { self.end_overdue() }
    }

    /// Whoever notices first that the overdue item has ended reports it: the loop's thread, or the
    /// detector, if it marked the item just when that ended.
    #[cold]
    pub fn end_overdue(&self) -> Option<Ended> {
        let seen = Duration::from_nanos(self.seen.load(Ordering::Relaxed));
        match self.overdue.swap(0, Ordering::AcqRel) {
            0 => None,
            item => Some(Ended {
                item,
                duration: self.made.elapsed().saturating_sub(seen),
                waiting: self.waiting(item),
            }),
        }
    }

    /// The loop's thread polls a future of this function from now on.
    pub fn begin_poll(self: Arc<Self>, definition: &'static Definition) -> Polled {
        let definition = std::ptr::from_ref(definition).cast_mut();
        let outer = self.polled.swap(definition, Ordering::AcqRel);
        Polled { beat: self, outer }
    }

    /// The function whose future is polled.
    pub fn polled(&self) -> Option<&'static Definition> {
        // SAFETY: it is null, or comes from a reference that lives as long as the process.
        unsafe { self.polled.load(Ordering::Acquire).as_ref() }
    }

    /// The number of the item that runs; even if none does.
    pub fn current(&self) -> u64 {
        self.current.load(Ordering::Relaxed)
    }

    /// How many items of the iteration wait behind `item`.
    pub fn waiting(&self, item: u64) -> u64 {
        self.last.load(Ordering::Relaxed).saturating_sub(item) / 2
    }

    /// Marks `item`, first seen at `seen`, as one whose end is to be reported.
    pub fn mark_overdue(&self, item: u64, seen: Instant) {
        let since = seen.saturating_duration_since(self.made).as_nanos();
        self.seen.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.overdue.store(item, Ordering::Release);
    }

    /// The kernel's and Python's number of the loop's thread.
    pub fn threads(&self) -> (i32, u64) {
        (self.kernel_thread.load(Ordering::Relaxed), self.python_thread.load(Ordering::Relaxed))
    }
}
