//! Handing out records: chunks that stay where they are, and a list of those that are free.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::loops::LoopRecord;
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

    /// One record more, and its index.
    #[cold]
    fn grow(&'static self) -> Option<(usize, &'static T)> {
        let index = self.length.load(Ordering::Relaxed);
        let (chunk, begin) = Self::place(index);
        let records = self
            .chunks
            .get(chunk)?
            .get_or_init(|| (0..FIRST << chunk).map(|_| T::default()).collect());
        self.length.store(index + 1, Ordering::Release);
        records.get(index - begin).map(|record| (index, record))
    }

    /// The record with this index.
    pub fn get(&'static self, index: usize) -> Option<&'static T> {
        let (chunk, begin) = Self::place(index);
        self.chunks.get(chunk)?.get()?.get(index - begin)
    }

    /// The chunk of an index, and the index of that chunk's first record.
    fn place(index: usize) -> (usize, usize) {
        let chunk = (index / FIRST + 1).ilog2() as usize;
        (chunk, FIRST * ((1 << chunk) - 1))
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

/// The tasks that a loop's ring may still name although they have ended.
struct Home {
    ring: Ring,
    retired: VecDeque<Retired<TaskRecord>>,
}

/// What is free. It belongs to whoever holds the lock of the recorder.
#[derive(Default)]
pub struct Allotment {
    tasks: Vec<&'static TaskRecord>,
    /// By the place of the loop's record.
    homes: Vec<Option<Home>>,
    objects: Vec<&'static ObjectRecord>,
    /// Objects that are gone, the oldest first: events may name them.
    gone: VecDeque<&'static ObjectRecord>,
}

/// How many objects that are gone are kept, so that events which name them can be explained.
const GONE_KEPT: usize = 16_384;

impl Allotment {
    /// With nothing in it.
    pub const fn new() -> Self {
        Self { tasks: Vec::new(), homes: Vec::new(), objects: Vec::new(), gone: VecDeque::new() }
    }

    /// The record of a loop is used, for the first time or again: what its ring named is free.
    pub fn open(&mut self, record: &'static LoopRecord) {
        let place = record.place();
        if self.homes.len() <= place {
            self.homes.resize_with(place + 1, || None);
        }
        let fresh = Home { ring: *record.ring(), retired: VecDeque::new() };
        for retired in self.homes[place].replace(fresh).into_iter().flat_map(|home| home.retired) {
            retired.record.vacate();
            self.tasks.push(retired.record);
        }
    }

    /// A record for a task of the loop whose record has this place. None if there is no memory
    /// for it.
    #[inline]
    pub fn task(&mut self, place: usize) -> Option<&'static TaskRecord> {
        if let Some(Some(home)) = self.homes.get_mut(place)
            && let Some(oldest) = home.retired.front()
            && home.ring.next() > oldest.number + home.ring.capacity() as u64
        {
            return home.retired.pop_front().map(|oldest| oldest.record);
        }
        self.tasks.pop().or_else(|| {
            let (index, record) = tasks::chunks().grow()?;
            record.set_index(index);
            Some(record)
        })
    }

    /// The task has ended. Its record stays as it is until the ring has no event of it.
    #[inline]
    pub fn retire_task(&mut self, record: &'static TaskRecord) {
        match self.homes.get_mut(record.place()) {
            // The event of its last step is still to come.
            Some(Some(home)) => {
                home.retired.push_back(Retired { record, number: home.ring.next() + 2 });
            }
            _ => {
                record.vacate();
                self.tasks.push(record);
            }
        }
    }

    /// A record for an object.
    pub fn object(&mut self) -> Option<&'static ObjectRecord> {
        if self.gone.len() >= GONE_KEPT {
            return self.gone.pop_front();
        }
        self.objects.pop().or_else(|| objects::chunks().grow().map(|(_, record)| record))
    }

    /// The object is gone. Its record stays for a while.
    pub fn retire_object(&mut self, record: &'static ObjectRecord) {
        record.set_gone();
        self.gone.push_back(record);
    }

    /// Forgets the objects that are gone.
    pub fn forget_gone(&mut self) {
        for record in self.gone.drain(..) {
            record.vacate();
            self.objects.push(record);
        }
    }
}
