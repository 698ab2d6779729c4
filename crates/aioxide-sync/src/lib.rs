//! What futures of one thread wait for one another with, in asyncio's words. There is no runtime
//! here and no I/O: any executor that polls `!Send` futures will do. Nothing is `Send`.
//!
//! | so that | there is |
//! |---|---|
//! | one task at a time uses a value, also across `await`s | [`Lock`] |
//! | so many tasks at a time do something | [`Semaphore`] |
//! | tasks wait until something has happened | [`Event`] |
//! | tasks wait until what a lock protects has changed | [`Condition`] |
//! | tasks pass a point together | [`Barrier`] |
//! | producers hand work to consumers, and wait for its end | [`Queue`], [`PriorityQueue`], [`LifoQueue`] |
//! | many tasks send to one | [`mpsc`] |
//! | one task answers another | [`oneshot`] |
//! | tasks follow a value that changes | [`watch`] |
//!
//! Three workers under a semaphore of two:
//!
//! ```
//! use aioxide_sync::{Event, Semaphore};
//! use futures_lite::future::zip;
//! use std::cell::RefCell;
//!
//! # futures_lite::future::block_on(async {
//! let (places, go) = (Semaphore::new(2), Event::new());
//! let log = RefCell::new(Vec::new());
//! let worker = async |name| {
//!     let _permit = places.acquire().await;
//!     log.borrow_mut().push(format!("{name} begins"));
//!     go.wait().await;
//!     log.borrow_mut().push(format!("{name} ends"));
//! };
//! let starter = async { go.set() };
//! zip(zip(worker("first"), worker("second")), zip(worker("third"), starter)).await;
//! assert_eq!(
//!     *log.borrow(),
//!     ["first begins", "second begins", "first ends", "second ends", "third begins", "third ends"]
//! );
//! # });
//! ```
//!
//! # What holds for all of them
//!
//! - **First come, first served.** Tasks stand in a line from the first poll of what they await.
//! - **No overtaking.** What is released belongs to the first in the line at once, also before
//!   that task runs. Who asks without waiting (`try_acquire`, `put_nowait`, `try_send`) gets nothing
//!   that others wait for.
//! - **Cancellation** is dropping the future. It leaves the line. If something was its own already
//!   and it had not run yet, that goes to the next in the line: no permit, item or notice is lost,
//!   and no wake-up.
//! - **What can be had at once is had at once**: the future is ready when it is first polled.
//! - **Wakers are foreign code.** They are cloned, called and dropped while nothing is borrowed,
//!   so they may poll, drop or use whatever waits here.
//!
//! A future that is forgotten ([`std::mem::forget`]) keeps its place in the line, and what it is
//! given is lost: that is a leak, as the same is for a guard.

#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

mod barrier;
mod condition;
mod event;
mod lock;
pub mod mpsc;
pub mod oneshot;
mod permits;
pub mod queue;
mod semaphore;
mod waiters;
mod waker_slot;
pub mod watch;

pub use barrier::{Barrier, BrokenBarrier};
pub use condition::Condition;
pub use event::Event;
pub use lock::{Lock, LockGuard, OwnedLockGuard};
pub use queue::{LifoQueue, PriorityQueue, Queue};
pub use semaphore::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// The page of crates.io, whose program runs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
