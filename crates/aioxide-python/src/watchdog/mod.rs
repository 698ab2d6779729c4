//! The watchdog: notices an item of a loop that runs for too long, while it runs.
//!
//! A loop that is watched publishes which item it runs, a counter that it writes twice for each item
//! ([`Beat`]), and takes no time. A native thread without the GIL ([`detector`]) looks at the counters
//! several times within a threshold: a counter that stands still is a loop that does not get on. It
//! hands a report to a thread of Python ([`functions`]), which looks at the loop's stack with the GIL
//! and logs.
//!
//! If that thread does not get the GIL, native code keeps it. Then the detector writes to standard
//! error itself, with the stack that the interpreter's fault handler writes on the loop's own thread
//! when a signal asks it to ([`stack`]): no other thread reads the interpreter's memory.
//!
//! The lints of the package are switched on with it; [`lints`] is what they are told.
//!
//! Loops in debug mode are watched without all that, by the detector alone: [`debug_mode`].

mod beat;
mod debug_mode;
mod detector;
mod forking;
mod functions;
mod lints;
mod shared;
mod stack;

pub use beat::{Beat, Polled};
pub use debug_mode::start_for_debug_mode;
pub use forking::resume_after_fork;
pub use functions::{_watchdog_next, _watchdog_start, _watchdog_stop, _watchdog_take};
pub use lints::{
    _tell_lints, do_lints_look, line_that_makes, maker, note_cancellation, note_failure, note_made,
    note_unclosed,
};
pub use shared::{Running, default_threshold, is_started, report_end};
