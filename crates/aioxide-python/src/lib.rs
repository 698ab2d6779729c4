//! asyncio's loop, futures, tasks and transports as a Python extension module.
//!
//! Each folder is a layer, and names only layers that stand above it in this list:
//!
//! | | |
//! |---|---|
//! | `ffi`, `stdlib` | what PyO3 lacks, and what is looked up in the standard library |
//! | `watchdog` | what notices a loop that is blocked |
//! | `recorder` | what is recorded of a running program, and how it leaves the process |
//! | `core` | loop, futures, tasks; `core::dispatch` has the enumerations that name every class |
//! | `sync` | locks, queues, timeouts, task groups, waiting for many |
//! | `platform` | child processes, calls in threads |
//! | `net` | servers, transports, TLS, streams, socket calls |
//! | `module` | the Python module |
//!
//! Inside them, a module has the name of asyncio's. What needs no Python lives in
//! `aioxide-engine`. `docs/design.md` tells how the parts fit.

// Python's private attributes keep asyncio's names: `get__loop` is the getter
// of `_loop`.
#![allow(non_snake_case)]

mod core;
mod ffi;
mod module;
mod net;
mod platform;
mod recorder;
mod stdlib;
mod sync;
mod watchdog;
