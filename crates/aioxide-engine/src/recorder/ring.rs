//! The last events of a loop, in memory of a fixed size.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::memory;

/// The most events of one ring.
pub const MAX_CAPACITY: usize = 1 << 28;

/// Words of the header: a page.
const HEADER: usize = 512;
/// Words of an event: ticks, what, detail.
const WORDS: usize = 3;
/// Where in the header the number of the next event stands.
const NEXT: usize = 4;

/// A ring of events of three words each.
///
/// One thread writes at a time: the one that holds the caller's lock. Any thread copies. The
/// number of the next event is written behind the event, so that a copy knows which events
/// were whole when it began, and which were overwritten since.
#[derive(Clone, Copy)]
pub struct Ring {
    /// A power of two of them, in the words behind the header.
    slots: &'static [[AtomicU64; WORDS]],
    /// The header, too.
    words: &'static [AtomicU64],
}

/// Events that were copied out of a ring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// The number of the first one.
    pub first: u64,
    /// The events, the oldest first.
    pub events: Vec<[u64; WORDS]>,
}

impl Ring {
    /// A ring for at least `capacity` events in memory of the process.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn in_memory(capacity: usize) -> io::Result<Self> {
        let capacity = Self::rounded(capacity);
        let words = memory::anonymous(HEADER + capacity * WORDS)?;
        Ok(Self { slots: words[HEADER..].as_chunks().0, words })
    }

    /// Moves the ring, which is empty, into `file`, which is new.
    ///
    /// # Errors
    ///
    /// When the file cannot be given its length, above all when the disk is full.
    pub fn move_into(&self, file: &File, header: &[u8; 64]) -> io::Result<()> {
        memory::share(self.words, file)?;
        for (word, bytes) in self.words.iter().zip(header.as_chunks::<8>().0) {
            word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
        }
        Ok(())
    }

    /// The capacity that a ring for `capacity` events has: a power of two from 1,024 on.
    pub fn rounded(capacity: usize) -> usize {
        capacity.clamp(1024, MAX_CAPACITY).next_power_of_two()
    }

    /// How many events it holds.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// The number of the next event: how many there have been.
    #[inline]
    pub fn next(&self) -> u64 {
        self.words[NEXT].load(Ordering::Acquire)
    }

    /// Appends an event. The caller holds the lock of whoever writes.
    #[inline(always)]
    pub fn push(&self, event: [u64; WORDS]) {
        let number = self.words[NEXT].load(Ordering::Relaxed);
        // A reader that sees one of the words below sees the number above, too: it knows that
        // the slot is being written to.
        fence(Ordering::Release);
        if let Some([ticks, what, detail]) = self.slots.get(self.index(number)) {
            ticks.store(event[0], Ordering::Relaxed);
            what.store(event[1], Ordering::Relaxed);
            detail.store(event[2], Ordering::Relaxed);
        }
        self.words[NEXT].store(number + 1, Ordering::Release);
    }

    /// The slot of the event with this number.
    #[inline(always)]
    fn index(&self, number: u64) -> usize {
        number as usize & self.slots.len().wrapping_sub(1)
    }

    /// The events from the number `since` on that are still there and whole.
    pub fn copy(&self, since: u64) -> Copied {
        let before = self.next();
        let capacity = self.capacity() as u64;
        let first = since.max(before.saturating_sub(capacity)).min(before);
        let mut events: Vec<[u64; WORDS]> = Vec::with_capacity((before - first) as usize);
        for number in first..before {
            let slot = &self.slots[self.index(number)];
            events.push(std::array::from_fn(|word| slot[word].load(Ordering::Relaxed)));
        }
        fence(Ordering::Acquire);
        // The slot of the event after the last one may be half written.
        let after = self.words[NEXT].load(Ordering::Relaxed);
        let whole = (after + 1).saturating_sub(capacity).max(first).min(before);
        events.drain(..(whole - first) as usize);
        Copied { first: whole, events }
    }

    /// Empties it: the memory or the file is let go, the address stays.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn clear(&self) -> io::Result<()> {
        memory::clear(self.words)
    }
}
