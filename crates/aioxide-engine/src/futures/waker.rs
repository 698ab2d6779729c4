//! Wakers of one word.

use std::cell::RefCell;
use std::ptr;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::key::{Key, pack, unpack};
use super::registry;
use super::shared::Shared;

const _: () = assert!(size_of::<*const ()>() == size_of::<u64>(), "a waker's word is a pointer");

thread_local! {
    /// The arena whose loop runs on this thread, if one does.
    static CURRENT: RefCell<Option<(u32, Arc<Shared>)>> = const { RefCell::new(None) };
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
    let is_here = CURRENT.try_with(|current| match &*current.borrow() {
        Some((here, shared)) if *here == number => {
            shared.wake_here(key);
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

/// This thread runs another loop, or none, from now on. The one before.
pub fn exchange_current(current: Option<(u32, Arc<Shared>)>) -> Option<(u32, Arc<Shared>)> {
    CURRENT.replace(current)
}

/// After a fork: what this thread knows of arena `number`, if that is the one whose loop it runs.
pub fn renew_current(number: u32, shared: &Arc<Shared>) {
    let current = CURRENT.replace(None);
    let renewed = match current {
        Some((here, before)) if here == number => {
            std::mem::forget(before);
            Some((number, Arc::clone(shared)))
        }
        other => other,
    };
    drop(CURRENT.replace(renewed));
}
