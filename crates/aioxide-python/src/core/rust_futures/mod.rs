//! Rust futures as citizens of the loop.
//!
//! A Rust future is the body of a native [`Coroutine`](crate::core::coroutines::Coroutine):
//! [`coroutine`] makes one, which Python awaits or makes a task of, like any other. So contexts,
//! cancellation, `all_tasks()`, call graphs and the collector need nothing of their own. Its step
//! polls the future. While the future waits, the coroutine awaits a native future, its *pulse*,
//! which the first wake finishes.
//!
//! | a wake | finishes the pulse |
//! |---|---|
//! | during a poll, or by a stream that has received | as soon as that is over |
//! | elsewhere on the loop's thread | at its place in the ready queue, or in the next iteration |
//! | on another thread | in the iteration that takes it from the inbox; that thread needs no GIL |
//!
//! Cancellation, and any exception that is thrown in, drops the Rust future first and is raised
//! then. What must run to its end is a coroutine of its own, made a task by [`Turn::spawn`]. A
//! panic becomes a `SystemError`. What a future awaits of Python is [`Turn::wait_for`].
//!
//! What belongs to an object and not to a program's task, such as the frames of a connection, is
//! polled by the loop itself: [`run_in_background`].
//!
//! A Rust future is polled and dropped with the GIL held, inside a [`Turn`]. It may be `!Send`.
//! It holds no `Py`: see [`crate::ffi::held`].
//!
//! Futures of other extension modules come through a C table: [`foreign`].

mod alarm;
mod arena;
mod awaited;
mod background;
mod blocking;
mod body;
mod foreign;
mod probe;
mod readiness;
mod routine;
pub mod turn;

pub use alarm::{Alarm, Sleep, sleep_until};
pub use arena::FutureArena;
pub use awaited::{Awaited, WakeOnDone};
pub use background::run_in_background;
pub use foreign::publish;
pub use probe::RustFutures;
pub use readiness::ready;
pub use routine::{RustFuture, coroutine};
