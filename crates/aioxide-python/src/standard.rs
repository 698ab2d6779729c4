//! What we use of the standard library, looked up once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::allocate;

/// Looks up one attribute of a module, the names of which cost memory.
#[cold]
fn attribute<'py>(py: Python<'py>, module: &str, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let module = py.import(allocate::string(py, module)?)?;
    module.getattr(allocate::string(py, name)?)
}

/// Names one attribute of a standard module and remembers it.
macro_rules! standard {
    ($(#[$doc:meta])* $name:ident = $module:literal . $attribute:literal) => {
        $(#[$doc])*
        pub fn $name(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
            static CELL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            let found = || Ok::<_, PyErr>(attribute(py, $module, $attribute)?.unbind());
            CELL.get_or_try_init(py, found).map(|it| it.bind(py))
        }
    };
}

macro_rules! standard_type {
    ($(#[$doc:meta])* $name:ident = $module:literal . $attribute:literal) => {
        $(#[$doc])*
        pub fn $name(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
            static CELL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
            let found = || {
                let class = attribute(py, $module, $attribute)?;
                Ok::<_, PyErr>(class.cast_into::<PyType>()?.unbind())
            };
            CELL.get_or_try_init(py, found).map(|it| it.bind(py))
        }
    };
}

standard!(
    /// The function.
    round = "builtins"."round"
);
standard_type!(
    /// What a cancelled future raises.
    cancelled_error = "asyncio.exceptions"."CancelledError"
);
standard_type!(
    /// What a future raises that is asked too early or set twice.
    invalid_state_error = "asyncio.exceptions"."InvalidStateError"
);
standard_type!(
    /// The standard `Future`, which ours claims to be.
    future_type = "asyncio.futures"."Future"
);
standard_type!(
    /// The standard `Task`, which ours claims to be.
    task_type = "asyncio.tasks"."Task"
);
standard_type!(
    /// What the standard `gather` returns, which ours claims to return.
    gathering_future_type = "asyncio.tasks"."_GatheringFuture"
);
standard_type!(
    /// The standard `Task` written in Python, of which older code makes use.
    python_task_type = "asyncio.tasks"."_PyTask"
);
standard_type!(
    /// The standard `Handle`, which ours claims to be.
    handle_type = "asyncio.events"."Handle"
);
standard_type!(
    /// The standard `TimerHandle`, which ours claims to be.
    timer_handle_type = "asyncio.events"."TimerHandle"
);
standard_type!(
    /// What a stream raises that ends too early.
    incomplete_read_error = "asyncio.exceptions"."IncompleteReadError"
);
standard_type!(
    /// What `readuntil` raises when too much comes before the separator.
    limit_overrun_error = "asyncio.exceptions"."LimitOverrunError"
);
standard_type!(
    /// The standard `StreamReader`, which a writer may be given as well as ours.
    stream_reader = "asyncio.streams"."StreamReader"
);
#[cfg(Py_3_14)]
standard_type!(
    /// What `call_soon_threadsafe` returns, which ours claims to be.
    thread_safe_handle_type = "asyncio.events"."_ThreadSafeHandle"
);
standard_type!(
    /// Protocols that bring their own receive buffer.
    buffered_protocol = "asyncio.protocols"."BufferedProtocol"
);
standard_type!(
    /// The standard stream transport, which ours claims to be.
    transport_type = "asyncio.transports"."Transport"
);
standard_type!(
    /// The standard datagram transport, which ours claims to be.
    datagram_transport_type = "asyncio.transports"."DatagramTransport"
);
standard_type!(
    /// The standard transport that only reads, which ours claims to be.
    read_transport_type = "asyncio.transports"."ReadTransport"
);
standard_type!(
    /// What `get_extra_info("socket")` wraps a socket in.
    transport_socket = "asyncio.trsock"."TransportSocket"
);
standard_type!(
    /// The operating system's sockets.
    socket_type = "socket"."socket"
);
standard!(
    /// The level of an option that every socket has.
    sol_socket = "socket"."SOL_SOCKET"
);
standard!(
    /// The option that tells how a connection attempt has ended.
    so_error = "socket"."SO_ERROR"
);
standard_type!(
    /// Threads that run the blocking pool's workers.
    thread_type = "threading"."Thread"
);
standard_type!(
    /// The standard TLS transport, which ours claims to be.
    ssl_transport_type = "asyncio.sslproto"."_SSLProtocolTransport"
);
standard_type!(
    /// Memory that TLS records go through.
    memory_bio = "ssl"."MemoryBIO"
);
standard_type!(
    /// A TLS session over such memory.
    ssl_object = "ssl"."SSLObject"
);
standard_type!(
    /// What is wrong with a TLS session.
    ssl_error = "ssl"."SSLError"
);
standard_type!(
    /// The peer's certificate is not to be trusted.
    ssl_certificate_error = "ssl"."CertificateError"
);
standard_type!(
    /// The session needs more from the peer.
    ssl_want_read_error = "ssl"."SSLWantReadError"
);
standard_type!(
    /// The same, of older kinds.
    ssl_syscall_error = "ssl"."SSLSyscallError"
);
standard!(
    /// `repr` of a future.
    future_repr = "asyncio.base_futures"."_future_repr"
);
standard!(
    /// `repr` of a task.
    task_repr = "asyncio.base_tasks"."_task_repr"
);
standard!(
    /// Frames of a suspended or failed task.
    task_get_stack = "asyncio.base_tasks"."_task_get_stack"
);
standard!(
    /// Prints these frames.
    task_print_stack = "asyncio.base_tasks"."_task_print_stack"
);
standard!(
    /// A callback with its place in the source.
    format_callback_source = "asyncio.format_helpers"."_format_callback_source"
);
standard!(
    /// The stack of the calling Python code.
    extract_stack = "asyncio.format_helpers"."extract_stack"
);
standard_type!(
    /// What every class of coroutines is or is registered with.
    coroutine_class = "collections.abc"."Coroutine"
);
standard_type!(
    /// The interpreter's generators.
    generator_type = "types"."GeneratorType"
);
standard_type!(
    /// The interpreter's functions.
    function_type = "types"."FunctionType"
);
standard_type!(
    /// The interpreter's coroutines, which ours claim to be.
    coroutine_type = "types"."CoroutineType"
);
standard!(
    /// How a native function is found again: our own.
    reduce_function = "aioxide.vocabulary"."reduce_function"
);
standard_type!(
    /// A future that threads wait for.
    concurrent_future = "concurrent.futures"."Future"
);
standard!(
    /// A function with its first arguments.
    partial = "functools"."partial"
);
#[cfg(not(Py_3_14))]
standard!(
    /// The module with asyncio's own record of tasks, which tests replace.
    tasks = "asyncio"."tasks"
);
#[cfg(not(Py_3_14))]
standard!(
    /// What that record is.
    weak_set = "weakref"."WeakSet"
);
standard!(
    /// Whether calling an object makes a coroutine.
    is_coroutine_function = "inspect"."iscoroutinefunction"
);
standard!(
    /// The loop that a future made without one belongs to.
    get_event_loop = "asyncio.events"."get_event_loop"
);
standard!(
    /// Whether an object can be awaited.
    is_awaitable = "inspect"."isawaitable"
);
standard!(
    /// Makes a coroutine of any awaitable: our own.
    wrap_awaitable = "aioxide.awaiting"."wrap_awaitable"
);
standard!(
    /// Whether `shield` takes note of the exception of what was shielded although
    /// nobody waits for it any more.
    shield_takes_note = "aioxide.patch_releases"."SHIELD_TAKES_NOTE"
);
standard!(
    /// The callback that reports such an exception, or None.
    shield_reports = "aioxide.patch_releases"."SHIELD_REPORTS"
);
standard!(
    /// Whether a wait for the next one of `as_completed` that fails leaves it to
    /// somebody else.
    as_completed_gives_back = "aioxide.patch_releases"."AS_COMPLETED_GIVES_BACK"
);
standard!(
    /// Stands in for the frame of a native coroutine: our own.
    native_frame = "aioxide.call_graphs"."frame_of"
);
standard!(
    /// The code of asyncio's function: our own.
    native_code = "aioxide.call_graphs"."code_of"
);
standard!(
    /// Records where a native coroutine is made: our own.
    remember_origin = "aioxide.coroutine_origins"."remember"
);
standard!(
    /// Where that was: our own.
    origin_of = "aioxide.coroutine_origins"."origin_of"
);
standard!(
    /// Warns of a coroutine that nobody has awaited, with the place where it was made.
    warn_of_unawaited = "warnings"."_warn_unawaited_coroutine"
);
standard!(
    /// What a native coroutine seems to await: our own.
    awaited_natively = "aioxide.call_graphs"."awaited"
);
standard!(
    /// What goes on at a barrier, for those who look.
    barrier_state = "asyncio.locks"."_BarrierState"
);
standard_type!(
    /// Somebody has broken or reset a barrier.
    broken_barrier_error = "asyncio.exceptions"."BrokenBarrierError"
);
standard!(
    /// What a queue's things are in, for those who look.
    deque = "collections"."deque"
);
standard!(
    /// Puts a thing into a heap.
    heappush = "heapq"."heappush"
);
standard!(
    /// Takes the lowest thing out of a heap.
    heappop = "heapq"."heappop"
);
standard!(
    /// What `Queue[int]` is.
    generic_alias = "types"."GenericAlias"
);
standard_type!(
    /// There is nothing in a queue.
    queue_empty = "asyncio.queues"."QueueEmpty"
);
standard_type!(
    /// There is no room in a queue.
    queue_full = "asyncio.queues"."QueueFull"
);
standard_type!(
    /// A queue is shut down (3.13 and later).
    queue_shut_down = "asyncio.queues"."QueueShutDown"
);
standard!(
    /// The loop that runs in this thread, or None.
    running_loop = "asyncio.events"."_get_running_loop"
);
standard!(
    /// How far a timeout has come.
    timeout_state = "asyncio.timeouts"."_State"
);
standard_type!(
    /// Several exceptions as one.
    base_exception_group = "builtins"."BaseExceptionGroup"
);
standard_type!(
    /// Several exceptions as one, none of which ends the program.
    exception_group = "builtins"."ExceptionGroup"
);
standard!(
    /// Turns the exceptions of `concurrent.futures` into asyncio's.
    convert_future_exception = "asyncio.futures"."_convert_future_exc"
);
#[cfg(Py_3_14)]
standard_type!(
    /// The standard `Future` written in C, and with it such a `Task`.
    native_future_type = "_asyncio"."Future"
);
#[cfg(Py_3_14)]
standard!(
    /// Records who awaits a future of the standard library.
    add_to_awaited_by = "_asyncio"."future_add_to_awaited_by"
);
#[cfg(Py_3_14)]
standard!(
    /// Takes that back.
    discard_from_awaited_by = "_asyncio"."future_discard_from_awaited_by"
);
standard!(
    /// The system call behind `sendfile`.
    sendfile = "os"."sendfile"
);
standard_type!(
    /// What is raised where the system cannot send a file by itself.
    sendfile_not_available = "asyncio.exceptions"."SendfileNotAvailableError"
);
standard!(
    /// How a transport may send a file, as asyncio writes it down in its class.
    sendfile_mode = "asyncio.constants"."_SendfileMode"
);
standard!(
    /// asyncio's logger.
    logger = "asyncio.log"."logger"
);
standard!(
    /// Called before the interpreter joins its threads.
    register_atexit = "threading"."_register_atexit"
);
