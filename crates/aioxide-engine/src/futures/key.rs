//! What a waker's word is made of.

/// Bits of a slot's number: four million futures in one loop.
const SLOT_BITS: u32 = 22;
/// Bits of a slot's generation.
const GENERATION_BITS: u32 = 22;
/// Bits of a loop's number.
const LOOP_BITS: u32 = u64::BITS - SLOT_BITS - GENERATION_BITS;

/// How many futures an arena holds at most.
pub const MAX_SLOTS: u32 = 1 << SLOT_BITS;
/// The generation after the last is the first again.
pub const GENERATIONS: u32 = 1 << GENERATION_BITS;
/// The number after a loop's last is the first again.
pub const LOOPS: u32 = 1 << LOOP_BITS;

/// Names one future of one arena.
///
/// A slot is used again when its future has ended, with another generation, so a key of a
/// future that has ended names nothing. After 4,194,304 futures in the same slot a generation
/// comes again; a wake by a waker that has been kept for so long is then a spurious one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// A key and its loop in one word.
pub fn pack(number: u32, key: Key) -> u64 {
    (u64::from(number) << (SLOT_BITS + GENERATION_BITS))
        | (u64::from(key.slot) << GENERATION_BITS)
        | u64::from(key.generation)
}

/// What [`pack`] has packed.
pub fn unpack(word: u64) -> (u32, Key) {
    let low = |word: u64, bits: u32| (word & ((1 << bits) - 1)) as u32;
    let key = Key {
        slot: low(word >> GENERATION_BITS, SLOT_BITS),
        generation: low(word, GENERATION_BITS),
    };
    (low(word >> (SLOT_BITS + GENERATION_BITS), LOOP_BITS), key)
}
