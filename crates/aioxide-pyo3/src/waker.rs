//! Wakers of bodies on aioxide's loops: one word, whose clone and drop do nothing.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{RawWaker, RawWakerVTable, Waker};

use aioxide_abi::Wake;

use crate::table;

static WORD: RawWakerVTable = RawWakerVTable::new(
    |word| RawWaker::new(word, &WORD),
    |word| wake(word as usize),
    |word| wake(word as usize),
    |_| {},
);

fn wake(word: usize) {
    if let Some(table) = table::found() {
        // SAFETY: a body was polled with that word; it may be used anywhere at any time.
        unsafe { (table.wake)(word) }
    }
}

/// The waker of a body that was polled with `word`.
pub(crate) fn of_word(word: usize) -> ManuallyDrop<Waker> {
    // SAFETY: the functions take any word, on any thread, and own nothing.
    ManuallyDrop::new(unsafe { Waker::new(word as *const (), &WORD) })
}

/// What a leaf of the loop's wakes: the word itself, or else a box with a clone of `waker`.
pub(crate) fn for_leaf(waker: &Waker) -> Wake {
    if std::ptr::eq(waker.vtable(), &WORD) {
        return Wake { data: waker.data() as usize, wake: None, drop: None };
    }
    let data = Box::into_raw(Box::new(waker.clone())) as usize;
    Wake { data, wake: Some(wake_box), drop: Some(drop_box) }
}

/// # Safety
///
/// `data` is that of [`for_leaf`], used once.
unsafe extern "C" fn wake_box(data: usize) {
    // SAFETY: the caller's promise.
    let waker = unsafe { Box::from_raw(data as *mut Waker) };
    // A panic has nowhere to go.
    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
}

/// # Safety
///
/// `data` is that of [`for_leaf`], used once.
unsafe extern "C" fn drop_box(data: usize) {
    // SAFETY: the caller's promise.
    let waker = unsafe { Box::from_raw(data as *mut Waker) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(waker)));
}
