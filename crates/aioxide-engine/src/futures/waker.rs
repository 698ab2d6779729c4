//! Wakers of one word.

use std::cell::RefCell;
use std::ptr;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::key::{Key, pack, unpack};
use super::registry;
use super::shared::Shared;

const _: () = assert!(size_of::<*const ()>() == size_of::<u64>(), "a waker's word is a pointer");

/// The arena of the loop that runs on a thread.
pub struct Current {
    number: u32,
    shared: Arc<Shared>,
    /// The keys that were woken here and not taken yet, in that order.
    woken: Vec<Key>,
}

thread_local! {
    /// The arena whose loop runs on this thread, if one does. Borrowed for moments, in which no
    /// other code runs.
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

impl Current {
    /// That of arena `number`.
    pub fn new(number: u32, shared: Arc<Shared>) -> Self {
        Self { number, shared, woken: Vec::new() }
    }
}

/// The waker of a future.
pub fn waker(number: u32, key: Key) -> Waker {
    waker_of_word(pack(number, key) as usize)
}

/// The waker whose word, `waker.data().addr()`, this is. Any other number is a waker that does
/// nothing, or wakes in vain: words may come from anywhere.
#[expect(unsafe_code, reason = "a waker whose data is a number")]
pub fn waker_of_word(word: usize) -> Waker {
    let data = ptr::without_provenance(word);
    // SAFETY: the functions of the table treat the data as a number and follow no pointer, so
    // they may be called on any thread, any number of times, for ever.
    unsafe { Waker::from_raw(RawWaker::new(data, &TABLE)) }
}

static TABLE: RawWakerVTable =
    RawWakerVTable::new(|data| RawWaker::new(data, &TABLE), wake, wake, |_| {});

fn wake(data: *const ()) {
    let (number, key) = unpack(data.addr() as u64);
    // A destructor of the thread may wake when `CURRENT` has gone.
    let is_here = CURRENT.try_with(|current| match &mut *current.borrow_mut() {
        Some(current) if current.number == number => {
            current.shared.wake_here(key, &mut current.woken);
            true
        }
        _ => false,
    });
    if is_here != Ok(true)
        && let Some(shared) = registry::find(number)
    {
        shared.wake_elsewhere(key);
    }
}

/// This thread runs another loop, or none, from now on. The one before, whose keys are left to its
/// arena.
pub fn exchange_current(current: Option<Current>) -> Option<Current> {
    let mut before = CURRENT.replace(current);
    if let Some(Current { shared, woken, .. }) = &mut before {
        shared.leave(woken);
    }
    before
}

/// Puts the keys of arena `number` that this thread keeps at the end of `keys`. If that is empty,
/// the two buffers change places, so that a loop which takes keys in each iteration allocates
/// nothing.
pub fn take_woken_into(number: u32, keys: &mut Vec<Key>) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(current) = current
            && current.number == number
        {
            if keys.is_empty() {
                std::mem::swap(keys, &mut current.woken);
            } else {
                keys.append(&mut current.woken);
            }
        }
    });
}

/// After a fork: what this thread knows of arena `number`, if that is the one whose loop it runs.
/// All its futures are woken, so that the keys do not matter.
pub fn renew_current(number: u32, shared: &Arc<Shared>) {
    let current = CURRENT.replace(None);
    let renewed = match current {
        Some(before) if before.number == number => {
            std::mem::forget(before.shared);
            Some(Current::new(number, Arc::clone(shared)))
        }
        other => other,
    };
    drop(CURRENT.replace(renewed));
}
