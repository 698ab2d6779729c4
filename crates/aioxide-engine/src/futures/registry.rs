//! Which arena a number in a waker's word stands for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::key::LOOPS;
use super::shared::Shared;

struct Registry {
    /// The process that has made it: a lock of another one may be held by a thread that does not
    /// exist here.
    process: u32,
    /// The number to try next, changed under the lock. A number comes again only after all
    /// others, so that a waker which outlives its loop names no other loop for a long time.
    next: AtomicU32,
    by_number: RwLock<HashMap<u32, Arc<Shared>>>,
}

/// Never freed: wakers may look at any time.
static REGISTRY: AtomicPtr<Registry> = AtomicPtr::new(std::ptr::null_mut());

#[expect(unsafe_code, reason = "a pointer that is seldom set and leads to leaked memory")]
fn registry() -> &'static Registry {
    let mut current = REGISTRY.load(Ordering::Acquire);
    if current.is_null() {
        let made: *mut Registry = Registry::leaked(0);
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

impl Registry {
    fn leaked(next: u32) -> &'static mut Self {
        Box::leak(Box::new(Self {
            process: std::process::id(),
            next: AtomicU32::new(next),
            by_number: RwLock::default(),
        }))
    }

    // What a panic may have left under the lock is whole: no other code runs there.

    fn read(&self) -> RwLockReadGuard<'_, HashMap<u32, Arc<Shared>>> {
        self.by_number.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<u32, Arc<Shared>>> {
        self.by_number.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Enters an arena, and gives its number.
///
/// # Panics
///
/// If there are 1,048,576 arenas.
pub fn register(shared: Arc<Shared>) -> u32 {
    let registry = registry();
    let mut by_number = registry.write();
    assert!(by_number.len() < LOOPS as usize, "too many loops");
    let mut number = registry.next.load(Ordering::Relaxed);
    while by_number.contains_key(&number) {
        number = (number + 1) % LOOPS;
    }
    registry.next.store((number + 1) % LOOPS, Ordering::Relaxed);
    by_number.insert(number, shared);
    number
}

/// Takes an arena out: its wakers do nothing from now on.
pub fn remove(number: u32) {
    let removed = registry().write().remove(&number);
    // Dropped without the lock: the function that it sends keys with may do anything.
    drop(removed);
}

/// The arena of a number, if it is still there.
pub fn find(number: u32) -> Option<Arc<Shared>> {
    registry().read().get(&number).cloned()
}

/// In the child of a `fork`: another thread of the parent may have held the lock, so there is a
/// new registry, in which no arena is. Those of the parent keep their numbers.
pub fn forget_parents() {
    let parents = registry();
    if parents.process != std::process::id() {
        let next = parents.next.load(Ordering::Relaxed);
        REGISTRY.store(Registry::leaked(next), Ordering::Release);
    }
}

/// In the child of a `fork`: enters an arena that it has inherited.
pub fn renew_after_fork(number: u32, shared: Arc<Shared>) {
    forget_parents();
    let before = registry().write().insert(number, shared);
    drop(before);
}
