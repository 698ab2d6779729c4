//! Which arena a number in a waker's word stands for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::key::LOOPS;
use super::shared::Shared;

#[derive(Default)]
struct Arenas {
    /// The number to try next. A number comes again only after all others, so that a waker
    /// which outlives its loop names no other loop for a long time.
    next: u32,
    by_number: HashMap<u32, Arc<Shared>>,
}

/// Never freed: wakers may look at any time.
static REGISTRY: AtomicPtr<RwLock<Arenas>> = AtomicPtr::new(std::ptr::null_mut());

#[expect(unsafe_code, reason = "a pointer that is set once and leads to leaked memory")]
fn registry() -> &'static RwLock<Arenas> {
    let mut current = REGISTRY.load(Ordering::Acquire);
    if current.is_null() {
        let made: *mut RwLock<Arenas> = Box::leak(Box::default());
        current = match REGISTRY.compare_exchange(
            std::ptr::null_mut(),
            made,
            Ordering::AcqRel,
            Ordering::Acquire,
        ) {
            Ok(_) => made,
            Err(first) => first, // What was made here is leaked, once in a process.
        };
    }
    // SAFETY: it is not null, so it came from `Box::leak`, and nothing frees it.
    unsafe { &*current }
}

/// Enters an arena, and gives its number.
///
/// # Panics
///
/// If there are 1,048,576 arenas.
pub fn register(shared: Arc<Shared>) -> u32 {
    let mut arenas = registry().write().unwrap_or_else(PoisonError::into_inner);
    assert!(arenas.by_number.len() < LOOPS as usize, "too many loops");
    while arenas.by_number.contains_key(&arenas.next) {
        arenas.next = (arenas.next + 1) % LOOPS;
    }
    let number = arenas.next;
    arenas.next = (number + 1) % LOOPS;
    arenas.by_number.insert(number, shared);
    number
}

/// Takes an arena out: its wakers do nothing from now on.
pub fn remove(number: u32) {
    let removed = {
        let mut arenas = registry().write().unwrap_or_else(PoisonError::into_inner);
        arenas.by_number.remove(&number)
    };
    // Dropped without the lock: the function that it sends keys with may do anything.
    drop(removed);
}

/// The arena of a number, if it is still there.
pub fn find(number: u32) -> Option<Arc<Shared>> {
    registry().read().unwrap_or_else(PoisonError::into_inner).by_number.get(&number).cloned()
}

/// In the child of a `fork`: another thread of the parent may have held the lock, so there
/// is a new registry, in which only this arena is.
pub fn renew_after_fork(number: u32, shared: Arc<Shared>) {
    let by_number = HashMap::from([(number, shared)]);
    let renewed = Box::leak(Box::new(RwLock::new(Arenas { next: number, by_number })));
    REGISTRY.store(renewed, Ordering::Release);
}
