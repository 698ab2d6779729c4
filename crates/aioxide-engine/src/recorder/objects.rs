//! The table of what tasks wait for: locks, semaphores, queues and the like.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::slots::Chunks;

static OBJECTS: Chunks<ObjectRecord> = Chunks::new();

pub(super) fn chunks() -> &'static Chunks<ObjectRecord> {
    &OBJECTS
}

/// All records of objects, used and free ones.
pub fn objects() -> impl Iterator<Item = &'static ObjectRecord> {
    OBJECTS.iter()
}

const GONE: u64 = 1 << 63;

/// What is known of one object. Written under the lock of the recorder, read by anybody.
#[derive(Default)]
pub struct ObjectRecord {
    /// 0 while the record is free.
    id: AtomicU64,
    /// Its kind (8 bits), the location where it was first seen (32 bits), and whether it is
    /// [`GONE`].
    kind_and_place: AtomicU64,
    /// The task that has it (a lock, a permit), or 0.
    owner: AtomicU64,
    /// How many items or free permits it has.
    length: AtomicU64,
}

impl ObjectRecord {
    /// Begins an object's record.
    pub fn fill(&self, id: u64, kind: u8, location: u32) {
        self.id.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        let kind_and_place = u64::from(kind) | u64::from(location) << 8;
        self.kind_and_place.store(kind_and_place, Ordering::Relaxed);
        self.owner.store(0, Ordering::Relaxed);
        self.length.store(0, Ordering::Relaxed);
        self.id.store(id, Ordering::Release);
    }

    /// The record is free.
    pub fn vacate(&self) {
        self.id.store(0, Ordering::Release);
    }

    /// The object's id; 0 if the record is free.
    #[inline]
    pub fn id(&self) -> u64 {
        self.id.load(Ordering::Acquire)
    }

    /// Whether the object does not exist any more.
    pub fn is_gone(&self) -> bool {
        self.kind_and_place.load(Ordering::Relaxed) & GONE != 0
    }

    pub(super) fn set_gone(&self) {
        let before = self.kind_and_place.load(Ordering::Relaxed);
        self.kind_and_place.store(before | GONE, Ordering::Relaxed);
    }

    /// Its kind, by the numbers of the trace format.
    pub fn kind(&self) -> u8 {
        self.kind_and_place.load(Ordering::Relaxed) as u8
    }

    /// Where it was first seen.
    pub fn location(&self) -> u32 {
        (self.kind_and_place.load(Ordering::Relaxed) >> 8) as u32
    }

    /// The task that has it; 0 if none is known.
    pub fn owner(&self) -> u64 {
        self.owner.load(Ordering::Relaxed)
    }

    /// Sets the task that has it.
    #[inline]
    pub fn set_owner(&self, task: u64) {
        self.owner.store(task, Ordering::Relaxed);
    }

    /// How many items or free permits it has.
    pub fn length(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }

    /// Sets how many items or free permits it has.
    #[inline]
    pub fn set_length(&self, length: u64) {
        self.length.store(length, Ordering::Relaxed);
    }
}
