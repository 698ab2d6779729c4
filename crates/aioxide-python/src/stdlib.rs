//! Everything that is used of the standard library, looked up once.
//!
//! All of it is looked up when the package is imported ([`_load_names`]): at exit nothing
//! can be imported any more, while there still is something to report.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

use crate::ffi::allocate;

/// Looks up one attribute of a module, the names of which cost memory.
#[cold]
fn attribute<'py>(py: Python<'py>, module: &str, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let module = py.import(allocate::string(py, module)?)?;
    module.getattr(allocate::string(py, name)?)
}

/// The exceptions of the HTTP client, by name. Imported when the first pool is made: most programs
/// never make one.
pub fn http_errors(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    Ok(py.import(allocate::string(py, "aioxide.http._errors")?)?.dict())
}

/// Tells the lint about objects that are used on another loop than their own. To be called while the
/// watchdog runs, before the exception is raised.
#[cold]
pub fn note_other_loop(object: &Bound<'_, PyAny>) {
    let py = object.py();
    let noted =
        attribute(py, "aioxide.lints", "_note_other_loop").and_then(|note| note.call1((object,)));
    if let Err(error) = noted {
        error.write_unraisable(py, None);
    }
}

/// Tells the lints of an object, by their function of this name.
#[cold]
pub fn tell_lints(function: &str, object: &Bound<'_, PyAny>) -> PyResult<()> {
    attribute(object.py(), "aioxide.lints", function)?.call1((object,)).map(drop)
}

/// The program's own line that has called, as the lints have it, or None.
pub fn ask_lints_for_caller(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    attribute(py, "aioxide.lints", "_line_that_makes")?.call0()
}

/// Tells the lints which warning comes now, and where its transport was made.
pub fn tell_lints_of_unclosed(py: Python<'_>, text: &str, made: Option<Py<PyAny>>) -> PyResult<()> {
    let text = allocate::string(py, text)?;
    attribute(py, "aioxide.lints", "_note_unclosed")?.call1((text, made)).map(drop)
}

/// Starts the reporting thread of the watchdog. Imported by the first loop that is watched.
pub fn start_watchdog(py: Python<'_>) -> PyResult<()> {
    attribute(py, "aioxide.watchdog", "_start")?.call0().map(drop)
}

/// Imports the package's part of the watchdog.
pub fn import_watchdog(py: Python<'_>) -> PyResult<()> {
    attribute(py, "aioxide.watchdog", "_report_in_debug_mode").map(drop)
}

/// Starts a thread that takes the reports of loops in debug mode.
pub fn report_blocked_loops(py: Python<'_>, generation: u64) -> PyResult<()> {
    let start = attribute(py, "aioxide.watchdog", "_report_in_debug_mode")?;
    start.call1((crate::ffi::allocate::Made(generation),)).map(drop)
}

/// Names attributes of standard modules, each of which becomes a function that looks
/// it up once.
macro_rules! names {
    ($(
        $(#[doc = $doc:literal])*
        $(#[cfg($($cfg:tt)*)])?
        $kind:ident $name:ident = $module:literal . $attribute:literal;
    )*) => {
        $(
            $(#[doc = $doc])*
            $(#[cfg($($cfg)*)])?
            pub fn $name(py: Python<'_>) -> PyResult<&Bound<'_, names!(@class $kind)>> {
                static CELL: PyOnceLock<Py<names!(@class $kind)>> = PyOnceLock::new();
                let found = || {
                    let found = attribute(py, $module, $attribute)?;
                    Ok::<_, PyErr>(found.cast_into::<names!(@class $kind)>()?.unbind())
                };
                CELL.get_or_try_init(py, found).map(|it| it.bind(py))
            }
        )*

        /// Looks up all that this Python has. Called once, at the end of the package's
        /// import: some names are the package's own.
        #[pyfunction]
        pub fn _load_names(py: Python<'_>) {
            $(
                $(#[cfg($($cfg)*)])?
                {
                    // A name that another version has is not asked for on this one.
                    let _: PyResult<_> = $name(py);
                }
            )*
        }
    };
    (@class type) => { PyType };
    (@class value) => { PyAny };
}

names! {
    /// The function.
    value round = "builtins"."round";
    /// Keeps the exception that has ended a recorded task.
    value note_task_failure = "aioxide.recording._session"."note_task_failure";
    /// The frames of a recorded task, for the console.
    value console_stack = "aioxide.recording._live"."stack";
    /// What recorded tasks wait for, for the console.
    value console_explain = "aioxide.recording._live"."explain";
    /// Cancels a recorded task, for the console.
    value console_cancel = "aioxide.recording._live"."cancel";
    /// What a function becomes when it is looked up on an object.
    type method_type = "types"."MethodType";
    /// The file of the package `asyncio`.
    value asyncio_file = "asyncio"."__file__";
    /// The file of this package.
    value package_file = "aioxide"."__file__";
    /// What a cancelled future raises.
    type cancelled_error = "asyncio.exceptions"."CancelledError";
    /// What a future raises if it is read too early or set twice.
    type invalid_state_error = "asyncio.exceptions"."InvalidStateError";
    /// The standard `Future`, which ours claims to be.
    type future_type = "asyncio.futures"."Future";
    /// Makes a future or a task of any awaitable.
    value ensure_future = "asyncio.tasks"."ensure_future";
    /// The standard `Task`, which ours claims to be.
    type task_type = "asyncio.tasks"."Task";
    /// What the standard `gather` returns, which ours claims to return.
    type gathering_future_type = "asyncio.tasks"."_GatheringFuture";
    /// The standard `Task` written in C, whatever stands under its name now.
    type standard_task_type = "_asyncio"."Task";
    /// The standard `Task` written in Python, which older code uses.
    type python_task_type = "asyncio.tasks"."_PyTask";
    /// The standard `Handle`, which ours claims to be.
    type handle_type = "asyncio.events"."Handle";
    /// The standard `TimerHandle`, which ours claims to be.
    type timer_handle_type = "asyncio.events"."TimerHandle";
    /// What a stream raises that ends too early.
    type incomplete_read_error = "asyncio.exceptions"."IncompleteReadError";
    /// What `readuntil` raises when too much comes before the separator.
    type limit_overrun_error = "asyncio.exceptions"."LimitOverrunError";
    /// The standard `StreamReader`, which a writer may be given as well as ours.
    type stream_reader = "asyncio.streams"."StreamReader";
    /// What `call_soon_threadsafe` returns, which ours claims to be.
    #[cfg(Py_3_14)]
    type thread_safe_handle_type = "asyncio.events"."_ThreadSafeHandle";
    /// Protocols that bring their own receive buffer.
    type buffered_protocol = "asyncio.protocols"."BufferedProtocol";
    /// The standard stream transport, which ours claims to be.
    type transport_type = "asyncio.transports"."Transport";
    /// The standard datagram transport, which ours claims to be.
    type datagram_transport_type = "asyncio.transports"."DatagramTransport";
    /// The standard transport that only reads, which ours claims to be.
    type read_transport_type = "asyncio.transports"."ReadTransport";
    /// What `get_extra_info("socket")` wraps a socket in.
    type transport_socket = "asyncio.trsock"."TransportSocket";
    /// The operating system's sockets.
    type socket_type = "socket"."socket";
    /// The level of an option that every socket has.
    value sol_socket = "socket"."SOL_SOCKET";
    /// The option with the result of a connection attempt.
    value so_error = "socket"."SO_ERROR";
    /// Threads that run the blocking pool's workers.
    type thread_type = "threading"."Thread";
    /// The standard TLS transport, which ours claims to be.
    type ssl_transport_type = "asyncio.sslproto"."_SSLProtocolTransport";
    /// Memory that TLS records go through.
    type memory_bio = "ssl"."MemoryBIO";
    /// A TLS session over such memory.
    type ssl_object = "ssl"."SSLObject";
    /// The error of a TLS session.
    type ssl_error = "ssl"."SSLError";
    /// The error for a certificate that is not trusted.
    type ssl_certificate_error = "ssl"."CertificateError";
    /// The session needs more from the peer.
    type ssl_want_read_error = "ssl"."SSLWantReadError";
    /// The same, of older kinds.
    type ssl_syscall_error = "ssl"."SSLSyscallError";
    /// `repr` of a future.
    value future_repr = "asyncio.base_futures"."_future_repr";
    /// `repr` of a task.
    value task_repr = "asyncio.base_tasks"."_task_repr";
    /// Frames of a suspended or failed task.
    value task_get_stack = "asyncio.base_tasks"."_task_get_stack";
    /// Prints these frames.
    value task_print_stack = "asyncio.base_tasks"."_task_print_stack";
    /// A callback with its place in the source.
    value format_callback_source = "asyncio.format_helpers"."_format_callback_source";
    /// Issues a warning.
    value warn = "warnings"."warn";
    /// The stack of the calling Python code, with its lines: they cannot be read any more
    /// when something is reported at exit.
    value extract_lines = "traceback"."extract_stack";
    /// The stack of the calling Python code.
    value extract_stack = "asyncio.format_helpers"."extract_stack";
    /// What every class of coroutines is or is registered with.
    type coroutine_class = "collections.abc"."Coroutine";
    /// The interpreter's generators.
    type generator_type = "types"."GeneratorType";
    /// The interpreter's functions.
    type function_type = "types"."FunctionType";
    /// The interpreter's coroutines, which ours claim to be.
    type coroutine_type = "types"."CoroutineType";
    /// How a native function is found again: our own.
    value reduce_function = "aioxide._asyncio.replacements"."reduce_function";
    /// A future that threads wait for.
    type concurrent_future = "concurrent.futures"."Future";
    /// A function with its first arguments.
    value partial = "functools"."partial";
    /// The module with asyncio's own record of tasks, which tests replace.
    #[cfg(not(Py_3_14))]
    value tasks = "asyncio"."tasks";
    /// What that record is.
    #[cfg(not(Py_3_14))]
    value weak_set = "weakref"."WeakSet";
    /// Whether calling an object makes a coroutine.
    value is_coroutine_function = "inspect"."iscoroutinefunction";
    /// The loop that a future made without one belongs to.
    value get_event_loop = "asyncio.events"."get_event_loop";
    /// Whether an object can be awaited.
    value is_awaitable = "inspect"."isawaitable";
    /// Makes a coroutine of any awaitable: our own.
    value wrap_awaitable = "aioxide._asyncio.awaitables"."wrap_awaitable";
    /// Whether `shield` retrieves the exception of the inner future when no task waits
    /// for it any more.
    value shield_takes_note = "aioxide._patch_releases"."SHIELD_TAKES_NOTE";
    /// The callback that reports such an exception, or None.
    value shield_reports = "aioxide._patch_releases"."SHIELD_REPORTS";
    /// Whether a failed wait for the next future of `as_completed` leaves that future to
    /// the next call.
    value as_completed_gives_back = "aioxide._patch_releases"."AS_COMPLETED_GIVES_BACK";
    /// The text of the error for a barrier of nobody.
    value barrier_needs = "aioxide._patch_releases"."BARRIER_NEEDS";
    /// Whether chained futures compare a loop with the running one.
    value chain_asks_running_loop = "aioxide._patch_releases"."CHAIN_ASKS_RUNNING_LOOP";
    /// Whether a task refuses a context that is none.
    value task_refuses_contexts = "aioxide._patch_releases"."TASK_REFUSES_CONTEXTS";
    /// Whether `TaskGroup.create_task` asks if the task has ended already.
    value task_group_asks = "aioxide._patch_releases"."TASK_GROUP_ASKS";
    /// Whether a group that has ended drops its references to exceptions.
    value task_group_drops = "aioxide._patch_releases"."TASK_GROUP_HAS_AEXIT";
    /// Stands in for the frame of a native coroutine: our own.
    value native_frame = "aioxide._asyncio.call_graphs"."frame_of";
    /// The code of asyncio's function: our own.
    value native_code = "aioxide._asyncio.call_graphs"."code_of";
    /// The code of another extension module's function: our own.
    value native_code_at = "aioxide._asyncio.call_graphs"."code_at";
    /// Records where a native coroutine is made: our own.
    value remember_origin = "aioxide._asyncio.coroutine_origins"."remember";
    /// Where that was: our own.
    value origin_of = "aioxide._asyncio.coroutine_origins"."origin_of";
    /// Warns of a coroutine that was never awaited, with the place where it was made.
    value warn_of_unawaited = "warnings"."_warn_unawaited_coroutine";
    /// What a native coroutine seems to await: our own.
    value awaited_natively = "aioxide._asyncio.call_graphs"."awaited";
    /// The states of a barrier.
    value barrier_state = "asyncio.locks"."_BarrierState";
    /// The error for a barrier that was broken or reset.
    type broken_barrier_error = "asyncio.exceptions"."BrokenBarrierError";
    /// The class of a queue's `_queue`.
    value deque = "collections"."deque";
    /// Adds an item to a heap.
    value heappush = "heapq"."heappush";
    /// Removes the lowest item from a heap.
    value heappop = "heapq"."heappop";
    /// What `Queue[int]` is.
    value generic_alias = "types"."GenericAlias";
    /// The error for an empty queue.
    type queue_empty = "asyncio.queues"."QueueEmpty";
    /// The error for a full queue.
    type queue_full = "asyncio.queues"."QueueFull";
    /// The error for a queue that is shut down (3.13 and later).
    type queue_shut_down = "asyncio.queues"."QueueShutDown";
    /// The loop that runs in this thread, or None.
    value running_loop = "asyncio.events"."_get_running_loop";
    /// The states of a timeout.
    value timeout_state = "asyncio.timeouts"."_State";
    /// Several exceptions as one.
    type base_exception_group = "builtins"."BaseExceptionGroup";
    /// Several exceptions as one, none of which ends the program.
    type exception_group = "builtins"."ExceptionGroup";
    /// Converts the exceptions of `concurrent.futures` to asyncio's.
    value convert_future_exception = "asyncio.futures"."_convert_future_exc";
    /// The standard `Future` written in C, and with it such a `Task`.
    #[cfg(Py_3_14)]
    type native_future_type = "_asyncio"."Future";
    /// Records who awaits a future of the standard library.
    #[cfg(Py_3_14)]
    value add_to_awaited_by = "_asyncio"."future_add_to_awaited_by";
    /// Removes that record.
    #[cfg(Py_3_14)]
    value discard_from_awaited_by = "_asyncio"."future_discard_from_awaited_by";
    /// The system call behind `sendfile`.
    value sendfile = "os"."sendfile";
    /// What is raised where the system cannot send a file by itself.
    type sendfile_not_available = "asyncio.exceptions"."SendfileNotAvailableError";
    /// How a transport may send a file, an attribute of asyncio's transport classes.
    value sendfile_mode = "asyncio.constants"."_SendfileMode";
    /// asyncio's logger.
    value logger = "asyncio.log"."logger";
    /// Called before the interpreter joins its threads.
    value register_atexit = "threading"."_register_atexit";
}
