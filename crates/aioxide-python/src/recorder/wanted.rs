//! Who wants to know where tasks and coroutines are made.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// For tasks: a set of [`BY_RECORDER`] and [`BY_LINTS`], so that `create_task` asks once for both.
static PLACES: AtomicU8 = AtomicU8::new(0);

/// For coroutines: how many running loops are in debug mode, and [`LINTS`] while lints look.
static ORIGINS: AtomicUsize = AtomicUsize::new(0);

pub(super) const BY_RECORDER: u8 = 1;

/// See [`want_places`].
pub const BY_LINTS: u8 = 2;

const LINTS: usize = 1 << (usize::BITS - 1);

/// The recorder, or the lints, begin to want to know where tasks are made, or end that. Lints want
/// to know it of coroutines too.
pub fn want_places(by: u8, wanted: bool) {
    let origins = if by == BY_LINTS { LINTS } else { 0 };
    if wanted {
        PLACES.fetch_or(by, Ordering::Relaxed);
        ORIGINS.fetch_or(origins, Ordering::Relaxed);
    } else {
        PLACES.fetch_and(!by, Ordering::Relaxed);
        ORIGINS.fetch_and(!origins, Ordering::Relaxed);
    }
}

/// Whether anybody wants to know where tasks are made: one load.
#[inline(always)]
pub fn wants_places() -> bool {
    PLACES.load(Ordering::Relaxed) != 0
}

/// Counts one loop in debug mode more, or less, that needs the origins of coroutines.
pub fn count_origins(wanted: bool) {
    if wanted {
        ORIGINS.fetch_add(1, Ordering::Relaxed);
    } else {
        ORIGINS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether anybody wants to know where coroutines are made: one load.
#[inline(always)]
pub fn wants_origins() -> bool {
    ORIGINS.load(Ordering::Relaxed) != 0
}

/// Whether a loop in debug mode does: it wants the call stack, not only a line.
#[inline(always)]
pub fn origins_are_recorded() -> bool {
    ORIGINS.load(Ordering::Relaxed) & !LINTS != 0
}
