//! Recording what a program does: events in a ring for each loop, and tables of the live tasks and
//! objects. Whoever records holds the caller's lock (of Python, the GIL); any thread reads without
//! one.
//!
//! | to | use |
//! |---|---|
//! | take a time stamp | [`ticks`], [`Calibration`] |
//! | keep the last events of a loop | [`Ring`] |
//! | count what a loop does | [`LoopRecord`], [`loops`] |
//! | name the tasks and objects | [`TaskRecord`], [`TaskMark`], [`ObjectRecord`], [`Address`], [`Allotment`] |
//! | name places in the source | [`Names`] |
//!
//! # Rules
//!
//! - **Records live forever.** Rings, records of loops, tasks and objects are never freed but
//!   used again, so that a reader which comes late finds other contents and never other memory.
//!   What they take is what was needed at once at some time.
//! - **An id is never used again.** A reader compares it before and after it reads the rest.
//! - **A record outlasts its events.** The record of a task that has ended is used again only when
//!   the ring has overwritten the task's last event ([`Allotment::retire_task`]).

mod addresses;
mod clock;
mod loops;
mod marks;
mod memory;
mod names;
mod objects;
mod ring;
mod slots;
mod tasks;

pub use addresses::Address;
pub use clock::{Calibration, clock_name, nanoseconds_between, ticks, unix_nanoseconds};
pub use loops::{DELAY_BUCKETS, LoopRecord, LoopStatus, Loops, loops};
pub use marks::TaskMark;
pub use names::{Location, Names, names};
pub use objects::{HOLDERS_NAMED, ObjectRecord, objects};
pub use ring::{Copied, MAX_CAPACITY, Ring};
pub use slots::{Allotment, next_id};
pub use tasks::{NAME_BYTES, Phase, TaskBrief, TaskName, TaskRecord, TaskView, recent_task, tasks};

#[cfg(test)]
mod tests;
