//! Recording what the program does: `aioxide.record()`, the trace file, the console.
//!
//! The tables and rings are `aioxide_engine::recorder`'s. Here is what names Python: places in the
//! source, the options of a recording, and the forms in which it leaves the process. The hooks
//! are in `core` (`event_loop/recording.rs`, `tasks/recording.rs`); they ask [`is_on`] first.

mod chrome;
mod console;
mod dump;
mod entries;
mod failure_log;
mod forking;
mod maker;
mod object_mark;
mod places;
mod session;
mod shared_rings;
mod stream;
mod waits;
mod wanted;

pub use console::{_console_path, _start_console, _stop_console};
pub use entries::{begin_task, end_task, rename_task};
pub use forking::_recorder_after_fork;
pub use maker::{_made_on_behalf_of, Maker};
pub use object_mark::ObjectMark;
pub use places::{caller, described, of_callable, of_coroutine, of_foreign, of_native};
pub use session::{
    _dump_recording, _is_recording, _note_failure, _note_finding, _recorded_loops,
    _recorded_objects, _recording_state, _start_recording, _stop_recording, mark, open_loop,
};
pub use waits::{_note_wait, note_object, note_wait, take_wait};
pub use wanted::{
    BY_LINTS, count_origins, origins_are_recorded, want_places, wants_origins, wants_places,
};

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static ON: AtomicBool = AtomicBool::new(false);

/// Whether every event is written to a file, and what takes longer is kept as well.
static FULL: AtomicBool = AtomicBool::new(false);

/// Whether anything is recorded: one load. What a hook does is behind it.
#[inline(always)]
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Whether every event is written to a file.
pub fn is_full() -> bool {
    FULL.load(Ordering::Relaxed)
}

/// Counts the recordings of this process.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// The number of the recording, or of the last one: what an earlier one has noted is out of date.
pub fn number() -> u64 {
    NUMBER.load(Ordering::Relaxed)
}

fn set_on(on: bool) {
    ON.store(on, Ordering::Relaxed);
    wanted::want_places(wanted::BY_RECORDER, on);
}
