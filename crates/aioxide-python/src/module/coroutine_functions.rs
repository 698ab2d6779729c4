//! The functions that are an `async def` in asyncio and native here.

use pyo3::prelude::*;

use crate::core::event_loop::LoopCore;
use crate::ffi::fastcall::{Origin, disguise_function, disguise_method, entry};
use crate::net::streams::{StreamReader, StreamWriter};
use crate::sync::locks::{Barrier, Condition, Event, Lock, Semaphore};
use crate::sync::queues::Queue;
use crate::sync::taskgroups::TaskGroup;
use crate::sync::timeouts::Timeout;

/// Makes the methods of a class look like those of asyncio's class.
macro_rules! methods {
    ($py:expr, $class:ty, $module:literal, $origin:literal, [$($name:literal),* $(,)?]) => {{
        let class = $py.get_type::<$class>();
        $(
            let origin = Origin { module: $module, class: Some($origin), name: $name };
            disguise_method(&class, origin, entry!())?;
        )*
    }};
}

/// The same for functions of the module.
macro_rules! functions {
    ($module:expr, $origin:literal, [$($name:literal),* $(,)?]) => {{
        $(
            let origin = Origin { module: $origin, class: None, name: $name };
            disguise_function($module, origin, entry!())?;
        )*
    }};
}

/// Makes them coroutine functions for `inspect`. Called once, at module initialisation,
/// when all of them are there.
pub fn disguise(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    functions!(module, "asyncio.tasks", ["sleep", "wait", "wait_for"]);
    functions!(module, "asyncio.threads", ["to_thread"]);
    methods!(py, Lock, "asyncio.locks", "Lock", ["acquire", "__aenter__", "__aexit__"]);
    methods!(py, Semaphore, "asyncio.locks", "Semaphore", ["acquire", "__aenter__", "__aexit__"]);
    methods!(py, Event, "asyncio.locks", "Event", ["wait"]);
    methods!(
        py,
        Condition,
        "asyncio.locks",
        "Condition",
        ["wait", "wait_for", "__aenter__", "__aexit__"]
    );
    methods!(
        py,
        Barrier,
        "asyncio.locks",
        "Barrier",
        ["wait", "reset", "abort", "__aenter__", "__aexit__"]
    );
    methods!(py, Queue, "asyncio.queues", "Queue", ["get", "put", "join"]);
    methods!(
        py,
        StreamReader,
        "asyncio.streams",
        "StreamReader",
        ["read", "readexactly", "readline", "readuntil", "__anext__"]
    );
    methods!(
        py,
        StreamWriter,
        "asyncio.streams",
        "StreamWriter",
        ["drain", "start_tls", "wait_closed"]
    );
    methods!(py, TaskGroup, "asyncio.taskgroups", "TaskGroup", ["__aenter__", "__aexit__"]);
    methods!(py, Timeout, "asyncio.timeouts", "Timeout", ["__aenter__", "__aexit__"]);
    methods!(
        py,
        LoopCore,
        "asyncio.selector_events",
        "BaseSelectorEventLoop",
        [
            "sock_accept",
            "sock_recv",
            "sock_recv_into",
            "sock_recvfrom",
            "sock_recvfrom_into",
            "sock_sendall",
            "sock_sendto",
        ]
    );
    Ok(())
}
