//! The table of what tasks wait for: locks, semaphores, queues and the like.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::addresses::{Address, AddressCell};
use super::slots::Chunks;
use super::tasks::Counter;

static OBJECTS: Chunks<ObjectRecord> = Chunks::new();

pub(super) fn chunks() -> &'static Chunks<ObjectRecord> {
    &OBJECTS
}

/// All records of objects, used and free ones.
pub fn objects() -> impl Iterator<Item = &'static ObjectRecord> {
    OBJECTS.iter()
}

const GONE: u64 = 1 << 63;
/// Somebody has released it who did not have it.
const SIGNAL: u64 = 1 << 62;
/// A task that had it has released it.
const GIVEN_BACK: u64 = 1 << 61;

/// How many of an object's holders its record names.
pub const HOLDERS_NAMED: usize = 4;

/// What is known of one object. Written under the lock of the recorder, read by anybody.
#[derive(Default)]
pub struct ObjectRecord {
    /// 0 while the record is free.
    id: AtomicU64,
    /// Its kind (8 bits), the location where it was first seen (32 bits), and [`GONE`], [`SIGNAL`]
    /// and [`GIVEN_BACK`].
    kind_and_place: AtomicU64,
    /// How many items or free permits it has, or bytes that wait to be sent.
    length: AtomicU64,
    /// The loop that it was recorded on; 0 if none ran.
    loop_id: AtomicU32,
    /// How many tasks have it, or a permit of it: as many as it has given out.
    held: AtomicU32,
    /// The first of these tasks. Of a transport, the task that has written last.
    holders: [AtomicU64; HOLDERS_NAMED],
    /// Bytes that a transport has received and sent.
    received: AtomicU64,
    sent: AtomicU64,
    /// Of a transport or a listening socket.
    address: AddressCell,
}

impl ObjectRecord {
    /// Begins an object's record.
    pub fn fill(&self, id: u64, kind: u8, location: u32) {
        self.id.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        let kind_and_place = u64::from(kind) | u64::from(location) << 8;
        self.kind_and_place.store(kind_and_place, Ordering::Relaxed);
        self.length.store(0, Ordering::Relaxed);
        self.loop_id.store(0, Ordering::Relaxed);
        self.received.store(0, Ordering::Relaxed);
        self.sent.store(0, Ordering::Relaxed);
        self.set_holders(0, []);
        self.set_address(None);
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
        self.mark(GONE);
    }

    fn mark(&self, flag: u64) {
        let before = self.kind_and_place.load(Ordering::Relaxed);
        self.kind_and_place.store(before | flag, Ordering::Relaxed);
    }

    /// It was released, by a task that had it or (false) by somebody else.
    pub fn note_release(&self, by_holder: bool) {
        self.mark(if by_holder { GIVEN_BACK } else { SIGNAL });
    }

    /// Whether it was ever released by somebody who did not have it: it is used as a signal, and to
    /// have it means nothing.
    pub fn is_signal(&self) -> bool {
        self.kind_and_place.load(Ordering::Relaxed) & SIGNAL != 0
    }

    /// Whether a task that had it has ever released it.
    pub fn was_given_back(&self) -> bool {
        self.kind_and_place.load(Ordering::Relaxed) & GIVEN_BACK != 0
    }

    /// Its kind, by the numbers of the trace format.
    pub fn kind(&self) -> u8 {
        self.kind_and_place.load(Ordering::Relaxed) as u8
    }

    /// Where it was first seen.
    pub fn location(&self) -> u32 {
        (self.kind_and_place.load(Ordering::Relaxed) >> 8) as u32
    }

    /// The loop that it was recorded on; 0 if none ran.
    pub fn loop_id(&self) -> u32 {
        self.loop_id.load(Ordering::Relaxed)
    }

    /// Sets that loop.
    pub fn set_loop(&self, id: u32) {
        self.loop_id.store(id, Ordering::Relaxed);
    }

    /// How many tasks have it, and the first of them. One that changes meanwhile may be missing.
    pub fn holders(&self) -> (u32, impl Iterator<Item = u64>) {
        let named = self.holders.iter().map(|holder| holder.load(Ordering::Relaxed));
        (self.held.load(Ordering::Relaxed), named.filter(|holder| *holder != 0))
    }

    /// Sets the tasks that have it: how many, and the first of them.
    pub fn set_holders(&self, count: u32, tasks: impl IntoIterator<Item = u64>) {
        let mut tasks = tasks.into_iter();
        for holder in &self.holders {
            holder.store(tasks.next().unwrap_or(0), Ordering::Relaxed);
        }
        self.held.store(count, Ordering::Relaxed);
    }

    /// Sets the one task that has it; 0 for none.
    #[inline]
    pub fn set_owner(&self, task: u64) {
        self.holders[0].store(task, Ordering::Relaxed);
        self.held.store(u32::from(task != 0), Ordering::Relaxed);
    }

    /// Sets the address of the socket that it is.
    pub fn set_address(&self, address: Option<&Address>) {
        self.address.set(address);
    }

    /// The address of the socket that it is, as text; empty if there is none.
    pub fn address(&self) -> String {
        self.address.text()
    }

    /// Counts bytes that a transport has received and sent.
    pub fn count_bytes(&self, received: u64, sent: u64) {
        self.received.add_relaxed(received);
        self.sent.add_relaxed(sent);
    }

    /// The bytes that a transport has received and sent.
    pub fn bytes(&self) -> (u64, u64) {
        (self.received.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed))
    }

    /// How many items or free permits it has, or bytes that wait to be sent.
    pub fn length(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }

    /// Sets that number.
    #[inline]
    pub fn set_length(&self, length: u64) {
        self.length.store(length, Ordering::Relaxed);
    }
}
