//! asyncio's words for Rust: a small runtime of one thread, on the engine of
//! [aioxide](https://github.com/aioxide/aioxide), which runs Python's asyncio programs.
//!
//! ```
//! use std::time::Duration;
//! use aioxide::{Semaphore, TaskGroup};
//! use std::rc::Rc;
//!
//! async fn fetch(number: u32) -> Result<u32, String> {
//!     aioxide::sleep(Duration::from_millis(10)).await; // … or a socket
//!     Ok(number * number)
//! }
//!
//! let sum = aioxide::run(async {
//!     let places = Rc::new(Semaphore::new(5)); // five at a time
//!     TaskGroup::run(async |group| {
//!         let mut tasks = Vec::new();
//!         for number in 0..10 {
//!             let places = Rc::clone(&places);
//!             tasks.push(group.spawn(async move {
//!                 let _place = places.acquire().await;
//!                 fetch(number).await
//!             }));
//!         }
//!         let results = aioxide::gather(tasks).await;
//!         Ok(results.into_iter().flatten().sum::<u32>())
//!     })
//!     .await
//! });
//! assert_eq!(sum.unwrap(), 285);
//! ```
//!
//! | to | use | asyncio |
//! |---|---|---|
//! | run a program | [`run`], [`Runner`], `#[aioxide::main]` | `run`, `Runner` |
//! | do something meanwhile | [`spawn`], [`Task`] | `create_task`, `Task` |
//! | do several things, and end them together | [`TaskGroup`] | `TaskGroup` |
//! | wait for several things | [`gather!`], [`try_gather!`], [`gather()`], [`try_gather()`], [`as_completed`], [`wait`](wait()) | `gather`, `as_completed`, `wait` |
//! | wait for some time | [`sleep`], [`sleep_until`], [`yield_now`], [`Instant`] | `sleep`, `loop.time` |
//! | give up after some time | [`timeout`](timeout()), [`timeout_at`] | `timeout`, `timeout_at`, `wait_for` |
//! | clean up, or not be cancelled | [`finally`], [`CancelScope`], [`shield`] | `try … finally`, `shield` |
//! | wait for one another | [`Lock`], [`Event`], [`Condition`], [`Semaphore`], [`Barrier`] | the same |
//! | hand things over | [`Queue`], [`PriorityQueue`], [`LifoQueue`], [`mpsc`], [`oneshot`], [`watch`] | the same queues |
//! | use the network | [`net`] | `open_connection`, `start_server`, … |
//! | call what blocks | [`to_thread`] | `to_thread` |
//! | start programs, listen for signals | [`Process`], [`signal`] | `create_subprocess_exec`, `add_signal_handler` |
//! | test all that | [`testing`], `#[aioxide::test(virtual_time, seeds = 200)]` | `aioxide.testing` |
//!
//! # What holds for all of it
//!
//! - **One thread.** Futures need not be `Send`, and share what they share by [`Rc`](std::rc::Rc)
//!   and [`Cell`](std::cell::Cell). Between two `await`s nothing else runs. Wakers may be used on
//!   any thread, and may outlive their loop.
//! - **First come, first served**: tasks run in the order in which they were woken, each once in an
//!   iteration.
//! - **Cancellation drops.** A task that is cancelled is dropped in its next turn; there is no
//!   `CancelledError` that it could catch. Clean-up that has to wait is what [`finally`] is for, and
//!   whoever cancels awaits it.
//! - **A panic stays in its task**, whose handle gives it as [`JoinError::Panicked`].
//! - **After a `fork`**, a child may run a loop of its own. The loop that the parent was running does
//!   not go on there: it panics.
//!
//! # When not to use it
//!
//! For work that needs several processors in one loop, or libraries that need tokio's runtime. Run
//! one loop for each thread, or take tokio.
//!
//! # Features
//!
//! - `macros` (default): `#[aioxide::main]` and `#[aioxide::test]`.
//! - `hyper`: hyper's runtime traits.

#![deny(unsafe_code)]
#![warn(missing_debug_implementations)]

mod cancellation;
mod handoff;
#[cfg(feature = "hyper")]
pub mod hyper;
pub mod net;
pub mod process;
mod runtime;
pub mod signal;
mod task;
pub mod testing;
mod thread;
mod time;
mod waiting;

pub use aioxide_sync::{
    Barrier, BrokenBarrier, Condition, Event, LifoQueue, Lock, LockGuard, OwnedLockGuard,
    OwnedSemaphorePermit, PriorityQueue, Queue, Semaphore, SemaphorePermit, mpsc, oneshot, queue,
    watch,
};

pub use cancellation::{CancelScope, Finally, ScopeRun, finally};
#[doc(no_inline)]
pub use process::Process;
pub use runtime::{Interrupted, Runner, run};
#[doc(no_inline)]
pub use signal::Signal;
pub use task::{Cancelled, JoinError, Panicked, Task, TaskRef, all_tasks, current_task, spawn};
pub use thread::to_thread;
pub use time::{
    Instant, Sleep, TimedOut, Timeout, YieldNow, sleep, sleep_until, timeout, timeout_at, yield_now,
};
pub use waiting::{
    AsCompleted, Failure, FutureTuple, Gather, GroupError, Shield, TaskGroup, TryFutureTuple,
    TryGather, Until, Wait, Waited, as_completed, gather, shield, try_gather, wait,
};

#[cfg(feature = "macros")]
pub use aioxide_macros::{main, test};

/// The pages of the documentation, whose programs run.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../docs/rust/index.md")]
    struct Index;
    #[doc = include_str!("../../../docs/rust/cancellation.md")]
    struct Cancellation;
    #[doc = include_str!("../../../docs/rust/from_tokio.md")]
    struct FromTokio;
    #[doc = include_str!("../README.md")]
    struct Readme;
}
