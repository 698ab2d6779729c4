//! What native state does around a `fork`.
//!
//! Only the forking thread goes on in the child. A lock that another thread holds at that
//! moment is never given back there, so whoever has locks takes them before the fork and gives
//! them back after it. The C library calls for that, not `os.register_at_fork`: between the
//! hooks of the latter other Python code runs, and a thread that waits there for one of the
//! locks, with the GIL, would wait for ever.

use std::sync::Once;

/// What one part of the extension does. Nothing of it may need the GIL, which whoever forks may
/// not have, or panic, which would end the process.
pub struct AtFork {
    /// In the parent: takes locks.
    pub before: fn(),
    /// Gives them back.
    pub in_parent: fn(),
    /// The same in the child, where no other thread exists.
    pub in_child: fn(),
}

inventory::collect!(AtFork);

/// Has the C library call every [`AtFork`] from now on.
pub fn register() {
    static REGISTERED: Once = Once::new();
    // SAFETY: the three functions are there for the life of the process, since the interpreter
    // never unloads an extension module; and they need nothing of the thread that calls.
    REGISTERED.call_once(|| unsafe {
        libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child));
    });
}

extern "C" fn before() {
    inventory::iter::<AtFork>().for_each(|part| (part.before)());
}

extern "C" fn in_parent() {
    inventory::iter::<AtFork>().for_each(|part| (part.in_parent)());
}

extern "C" fn in_child() {
    inventory::iter::<AtFork>().for_each(|part| (part.in_child)());
}
