//! What wakers on any thread see of an arena.

use std::sync::{OnceLock, PoisonError};

use super::key::{Key, MAX_SLOTS};
use crate::primitives::{AtomicBool, AtomicU32, Mutex, MutexGuard, Ordering};

/// The flag in a slot's word: the future was woken and has not been polled since. The other
/// bits are the slot's generation.
const WOKEN: u32 = 1 << 31;

/// Slots in the first chunk; each chunk is twice as long as the one before.
const FIRST: u32 = 64;
/// Enough chunks for [`MAX_SLOTS`].
const CHUNKS: usize = (MAX_SLOTS / FIRST).ilog2() as usize + 1;

/// One arena, for its wakers.
pub struct Shared {
    /// A word for each slot. Chunks never move, so a waker needs no lock to reach its word.
    chunks: [OnceLock<Box<[AtomicU32]>>; CHUNKS],
    /// Whether keys were woken on the loop's own thread that the loop has not taken.
    has_woken: AtomicBool,
    /// Those of them that the thread does not keep itself, in the order of their wakes: a loop that
    /// runs keeps them without a lock.
    left: Mutex<Vec<Key>>,
    /// Whether there are any: spares the loop the lock.
    has_left: AtomicBool,
    /// Takes the keys that are woken on other threads.
    send: Box<dyn Fn(Key) + Send + Sync>,
}

impl Shared {
    pub fn new(send: impl Fn(Key) + Send + Sync + 'static) -> Self {
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            has_woken: AtomicBool::new(false),
            left: Mutex::new(Vec::new()),
            has_left: AtomicBool::new(false),
            send: Box::new(send),
        }
    }

    /// The slot's word, if the slot has ever been used.
    fn word(&self, slot: u32) -> Option<&AtomicU32> {
        let (chunk, index) = place(slot);
        self.chunks.get(chunk)?.get()?.get(index)
    }

    /// The same; the arena is about to use the slot.
    fn word_to_use(&self, slot: u32) -> &AtomicU32 {
        let (chunk, index) = place(slot);
        let words = self.chunks[chunk]
            .get_or_init(|| (0..FIRST << chunk).map(|_| AtomicU32::new(0)).collect());
        &words[index]
    }

    /// The slot holds a future of this generation, which is about to be polled.
    pub fn occupy(&self, key: Key) {
        self.word_to_use(key.slot).store(key.generation | WOKEN, Ordering::Release);
    }

    /// The slot is one for a future of this generation, which is being polled.
    pub fn occupy_begun(&self, key: Key) {
        self.word_to_use(key.slot).store(key.generation, Ordering::Release);
    }

    /// As [`Shared::occupy`], after a fork: the future is among those that are woken.
    pub fn occupy_woken(&self, key: Key) {
        self.occupy(key);
        self.leave(&mut vec![key]);
    }

    /// The slot's future has ended; wakes of it do nothing from now on.
    pub fn vacate(&self, slot: u32, next_generation: u32) {
        // Woken, so that a waker of the next generation, which there is none of, would find
        // nothing to do.
        self.word_to_use(slot).store(next_generation | WOKEN, Ordering::Release);
    }

    /// The future is about to be polled: a wake from now on asks for another poll. False if
    /// nothing has woken it.
    pub fn begin(&self, key: Key) -> bool {
        let Some(word) = self.word(key.slot) else { return false };
        // Acquire: the poll sees what was done before each of the wakes.
        word.compare_exchange(
            key.generation | WOKEN,
            key.generation,
            Ordering::AcqRel,
            Ordering::Relaxed,
        )
        .is_ok()
    }

    /// Whether the future was woken since its poll began.
    pub fn is_woken(&self, key: Key) -> bool {
        // The poll that follows is what has to see what was done before the wake: `begin`.
        self.word(key.slot)
            .is_some_and(|word| word.load(Ordering::Relaxed) == key.generation | WOKEN)
    }

    /// Notes a wake. True if it is the first since the future was polled.
    fn wake(&self, key: Key) -> bool {
        let Some(word) = self.word(key.slot) else { return false };
        let mut seen = word.load(Ordering::Relaxed);
        while seen & !WOKEN == key.generation {
            // Also written when it was woken before: the poll has to see what this thread has
            // done until now.
            match word.compare_exchange_weak(
                seen,
                seen | WOKEN,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(before) => return before & WOKEN == 0,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Wakes on the loop's thread, which keeps the keys in `woken`.
    #[inline]
    pub fn wake_here(&self, key: Key, woken: &mut Vec<Key>) {
        if self.wake(key) {
            woken.push(key);
            self.has_woken.store(true, Ordering::Relaxed);
        }
    }

    /// Keys that were woken on the loop's thread, which keeps them no longer.
    pub fn leave(&self, woken: &mut Vec<Key>) {
        if !woken.is_empty() {
            self.left().append(woken);
            self.has_left.store(true, Ordering::Relaxed);
            self.has_woken.store(true, Ordering::Relaxed);
        }
    }

    /// Wakes on another thread.
    pub fn wake_elsewhere(&self, key: Key) {
        if self.wake(key) {
            (self.send)(key);
        }
    }

    /// Whether keys were woken on the loop's thread that were not taken. Asked there.
    #[inline]
    pub fn has_woken(&self) -> bool {
        self.has_woken.load(Ordering::Relaxed)
    }

    /// Puts the keys that the thread does not keep at the end of `keys`. What it keeps has to be
    /// taken as well: nothing is woken any more.
    pub fn take_left_into(&self, keys: &mut Vec<Key>) {
        self.has_woken.store(false, Ordering::Relaxed);
        if self.has_left.load(Ordering::Relaxed) {
            self.has_left.store(false, Ordering::Relaxed);
            keys.append(&mut *self.left());
        }
    }

    /// No other code runs under the lock: what a panic may have left there is whole.
    fn left(&self) -> MutexGuard<'_, Vec<Key>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The chunk of a slot, and the slot's index in it.
fn place(slot: u32) -> (usize, usize) {
    let chunk = (slot / FIRST + 1).ilog2();
    (chunk as usize, (slot - FIRST * ((1 << chunk) - 1)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_a_place_of_its_own() {
        let mut expected = (0, 0);
        for slot in 0..4096 {
            assert_eq!(place(slot), expected);
            expected.1 += 1;
            if expected.1 == (FIRST as usize) << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        let (chunk, index) = place(MAX_SLOTS - 1);
        assert!(chunk < CHUNKS && index < (FIRST as usize) << chunk);
    }
}
