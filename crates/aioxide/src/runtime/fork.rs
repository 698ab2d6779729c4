//! How a loop learns that it runs in the child of a `fork`.

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Forks between the first process and this one.
static FORKS: AtomicUsize = AtomicUsize::new(0);

/// Begins to count.
#[expect(unsafe_code, reason = "the C library has no safe interface to forks")]
pub(super) fn watch() {
    static WATCHES: Once = Once::new();
    // SAFETY: the handler stays valid for the life of the process, and does nothing but add to
    // an atomic number, which may be done in the child of a process with several threads.
    WATCHES.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(in_child));
    });
}

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// How many forks lie between the first process and this one.
pub(super) fn count() -> usize {
    FORKS.load(Ordering::Relaxed)
}
