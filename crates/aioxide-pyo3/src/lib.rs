//! `async fn` for Python extensions: on the event loop that runs, on its thread, without a second
//! runtime.
//!
//! ```
//! use aioxide_pyo3::prelude::*;
//!
//! #[pymodule]
//! mod greeting {
//!     use std::time::Duration;
//!
//!     use aioxide_pyo3::prelude::*;
//!
//!     /// Says hello after a while.
//!     #[pyfunction]
//!     #[pyo3(signature = (name, milliseconds = 10))]
//!     async fn greet(name: String, milliseconds: u64) -> PyResult<String> {
//!         aioxide_pyo3::sleep(Duration::from_millis(milliseconds)).await;
//!         Ok(format!("hello, {name}"))
//!     }
//! }
//! # fn main() -> PyResult<()> {
//! #     Python::initialize();
//! #     Python::attach(|py| {
//! #         let module = pyo3::wrap_pymodule!(greeting)(py);
//! #         let globals = pyo3::types::PyDict::new(py);
//! #         globals.set_item("greeting", module)?;
//! #         py.run(
//! #             c"import asyncio
//! # async def main():
//! #     return await greeting.greet('ada')
//! # assert asyncio.run(main()) == 'hello, ada'",
//! #             Some(&globals),
//! #             None,
//! #         )
//! #     })
//! # }
//! ```
//!
//! ```text
//! print(await greeting.greet("ada"))
//! ```
//!
//! On a loop of [aioxide](https://github.com/aioxide/aioxide) the coroutine is one of aioxide's own:
//! `create_task`, `all_tasks()`, call graphs, the recorder and the virtual clock see it like any
//! other. On asyncio, uvloop and other loops with asyncio's methods the same extension works by
//! futures and callbacks of those loops, slower. Neither needs aioxide when it is built.
//!
//! | to | use | asyncio |
//! |---|---|---|
//! | give Python an `async fn` | [`prelude`], [`pyfunction`](macro@pyfunction), [`pymethods`](macro@pymethods), [`coroutine`] | `async def` |
//! | await Python | [`await_python`] | `await` |
//! | run Python code in between | [`with_python`] | |
//! | do something meanwhile | [`spawn`], [`create_task`] | `create_task` |
//! | go on in spite of a cancellation, clean up | [`shield`], [`finally`] | `shield`, `try … finally` |
//! | wait for some time | [`sleep`], [`sleep_until`], [`time`] | `sleep`, `loop.time` |
//! | use the network | [`TcpStream`], [`ready`] | `open_connection`, `add_reader` |
//! | call what blocks | [`in_thread`] | `to_thread` |
//! | use a crate that needs tokio | `tokio_scope` (feature `tokio`) | |
//! | keep objects that lead back to the coroutine | [`Held`], [`hold`] | |
//!
//! Other futures work as they are: channels, locks, `join!` and `select!` of any crate that needs no
//! runtime.
//!
//! # What holds for all of it
//!
//! - **One thread.** A coroutine runs on the thread of its loop, with the GIL. Its future need not
//!   be `Send`; its arguments are, since it may be made on another thread. Wakers may be used on any
//!   thread, do not need the GIL, and may outlive their loop.
//! - **Cancellation drops.** `Task.cancel()` drops the future where it waits, and raises
//!   `CancelledError` then. What the future awaits of Python is cancelled with it.
//! - **Contexts** are those of the task, in Rust as in Python: `await_python` runs a coroutine in a
//!   copy, as a task has one.
//! - **Errors** have an entry for the Rust function in their traceback, with its file and line.
//! - **A panic** becomes a `SystemError`: "a Rust future panicked: …".
//! - **At exit** nothing hangs and nothing crashes; after a `fork` the child's loops work.
//! - **Sub-interpreters** are refused when the module is imported; on Python 3.11 when a coroutine
//!   is made.
//!
//! # When not to use it
//!
//! For work that computes: on the loop's thread it holds up everything else. Use [`in_thread`], or
//! threads of its own.
//!
//! # Features
//!
//! - `macros` (default): the two attributes, and the prelude that has them.
//! - `net` (default): [`TcpStream`].
//! - `tokio`: `tokio_scope`.

#![warn(missing_debug_implementations)]

#[cfg(Py_LIMITED_API)]
compile_error!(
    "aioxide-pyo3 needs the whole C API of one version of Python: build without PyO3's features \
     for the stable ABI (abi3, abi3-py311 and the like)"
);

mod awaiting;
mod body;
mod coroutine;
mod elsewhere;
mod function;
mod held;
mod leaf;
#[cfg(feature = "net")]
mod net;
mod outcome;
mod readiness;
mod table;
mod task;
mod thread;
mod time;
#[cfg(feature = "tokio")]
mod tokio;
mod turn;
mod waker;

#[cfg(feature = "tokio")]
pub use self::tokio::{TokioScope, tokio_scope};
pub use awaiting::{AwaitPython, await_python};
pub use coroutine::coroutine;
pub use function::Function;
pub use held::{Held, hold};
#[cfg(feature = "net")]
pub use net::TcpStream;
pub use readiness::{Direction, Ready, ready};
pub use task::{Finally, create_task, finally, shield, spawn};
pub use thread::{InThread, in_thread};
pub use time::{Sleep, sleep, sleep_until, time};
pub use turn::with_python;

#[cfg(feature = "macros")]
pub use aioxide_pyo3_macros::{pyfunction, pymethods};

/// PyO3's prelude, in which [`pyfunction`](macro@pyfunction) and [`pymethods`](macro@pymethods) are
/// those of this crate.
///
/// A `#[pymodule] mod` needs it: PyO3 puts into the module what is written `#[pyfunction]`, and
/// silently leaves out what is written `#[aioxide_pyo3::pyfunction]`.
#[cfg(feature = "macros")]
pub mod prelude {
    pub use aioxide_pyo3_macros::{pyfunction, pymethods};
    pub use pyo3::prelude::*;
}

/// What the macros expand to.
#[doc(hidden)]
pub mod expanded {
    pub use crate::coroutine::coroutine_of;
    pub use crate::held::References;
    pub use crate::outcome::{Plain, Returned};
    pub use pyo3;
}
