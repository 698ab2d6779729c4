//! Handing out records: chunks that stay where they are, and a list of those that are free.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::objects::{self, ObjectRecord};
use super::ring::Ring;
use super::tasks::{self, TaskRecord};

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// An id that no task or object of this process has had.
#[inline]
pub fn next_id() -> u64 {
    // The lock of whoever records makes this exact; as an addition of atomics it would cost
    // more than the rest of an id.
    let id = NEXT_ID.load(Ordering::Relaxed);
    NEXT_ID.store(id + 1, Ordering::Relaxed);
    id
}

/// Records in chunks, each twice as long as the one before: none ever moves.
pub(super) struct Chunks<T: 'static> {
    chunks: [OnceLock<Box<[T]>>; 32],
    /// How many records there are.
    length: AtomicUsize,
}

const FIRST: usize = 1024;

impl<T: Default> Chunks<T> {
    pub const fn new() -> Self {
        Self { chunks: [const { OnceLock::new() }; 32], length: AtomicUsize::new(0) }
    }

    /// One record more.
    #[cold]
    fn grow(&'static self) -> Option<&'static T> {
        let index = self.length.load(Ordering::Relaxed);
        let chunk = (index / FIRST + 1).ilog2() as usize;
        let begin = FIRST * ((1 << chunk) - 1);
        let records = self
            .chunks
            .get(chunk)?
            .get_or_init(|| (0..FIRST << chunk).map(|_| T::default()).collect());
        self.length.store(index + 1, Ordering::Release);
        records.get(index - begin)
    }

    /// All records that were handed out at some time.
    pub fn iter(&'static self) -> impl Iterator<Item = &'static T> {
        let length = self.length.load(Ordering::Acquire);
        self.chunks.iter().map_while(OnceLock::get).flatten().take(length)
    }
}

/// A record that its task or object does not need any more, and when its last event was.
struct Retired<T: 'static> {
    record: &'static T,
    /// The number of the event after the last one that may name it.
    number: u64,
}

/// What is free. It belongs to whoever holds the lock of the recorder.
#[derive(Default)]
pub struct Allotment {
    tasks: Vec<&'static TaskRecord>,
    /// By the place of the loop's record: those that its ring may still name.
    retired: Vec<VecDeque<Retired<TaskRecord>>>,
    objects: Vec<&'static ObjectRecord>,
}

impl Allotment {
    /// A record for a task of the loop whose record has this place. None if there is no memory
    /// for it.
    #[inline]
    pub fn task(&mut self, place: usize, ring: &Ring) -> Option<&'static TaskRecord> {
        if let Some(queue) = self.retired.get_mut(place)
            && let Some(oldest) = queue.front()
            && ring.next() > oldest.number + ring.capacity() as u64
        {
            return queue.pop_front().map(|oldest| oldest.record);
        }
        self.tasks.pop().or_else(|| tasks::chunks().grow())
    }

    /// The task has ended. Its record stays as it is until the ring has no event of it.
    #[inline]
    pub fn retire_task(&mut self, record: &'static TaskRecord, place: usize, ring: &Ring) {
        if self.retired.len() <= place {
            self.retired.resize_with(place + 1, VecDeque::new);
        }
        // The event of its last step is still to come.
        self.retired[place].push_back(Retired { record, number: ring.next() + 2 });
    }

    /// The ring of this place was emptied: what it named is free.
    pub fn release_place(&mut self, place: usize) {
        if let Some(queue) = self.retired.get_mut(place) {
            for retired in std::mem::take(queue) {
                retired.record.vacate();
                self.tasks.push(retired.record);
            }
        }
    }

    /// A record for an object.
    pub fn object(&mut self) -> Option<&'static ObjectRecord> {
        self.objects.pop().or_else(|| objects::chunks().grow())
    }

    /// The object is gone.
    pub fn release_object(&mut self, record: &'static ObjectRecord) {
        record.vacate();
        self.objects.push(record);
    }
}
