"""The native half of aioxide: everything that runs per callback, step, byte or connection."""

import asyncio
import concurrent.futures
import socket
import ssl
import sys
from asyncio import shield as shield
from asyncio import wait as wait
from asyncio import wait_for as wait_for
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Iterator
from contextvars import Context
from os import PathLike
from types import CodeType, FrameType, TracebackType
from typing import Any, Self, TypeVar, TypeVarTuple, final, overload

from _typeshed import SupportsRichComparison

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)
_ComparableT = TypeVar("_ComparableT", bound=SupportsRichComparison)
_Ts = TypeVarTuple("_Ts")
_Address = Any  # as the socket module has it: a tuple, or a path
_Buffer = Any  # bytes, bytearray, memoryview and all else with a buffer
_Fd = int | Any  # a descriptor, or an object with fileno()

__version__: str
_loop_v1: object  # A capsule: the table of the crate aioxide-abi, for other extension modules.

def _live_tasks() -> list[Task[Any]]:
    """Return the tasks of all loops that are not done, in no particular order."""

def _console_path() -> PathLike[str] | None:
    """Return the path of the console's socket; None if the console does not run."""

def _start_console(argv: list[str], executable: str, python: str, /) -> PathLike[str]:
    """Start the console; return the path of its socket.

    Raises:
        OSError: the socket cannot be made.
    """

def _stop_console() -> None:
    """Stop the console."""

def _adopt_tasks(tasks: Iterable[Any], /) -> None:
    """Record native tasks that existed before the recording began."""

def _dump_recording(path: str, stacks: list[tuple[int, list[tuple[str, int, str]]]], /) -> None:
    """Write what is recorded to a new file; ``.json`` gives Chrome trace events.

    Raises:
        RuntimeError: nothing was ever recorded.
        OSError: the file cannot be written.
    """

def _is_recording() -> bool:
    """Return whether the process is being recorded."""

def _load_names() -> None:
    """Look up the names of the standard library now; nothing can be imported at exit."""

def _mark_recording(text: str, /) -> None:
    """Put a mark into the running loop's events.

    Raises:
        RuntimeError: no loop of aioxide runs in this thread.
    """

def _note_wait(future: Any, kind: str, /) -> None:
    """Tell the recorder for what kind of thing a task waits that awaits the future now.

    Raises:
        ValueError: no such kind.
    """

def _recorded_objects() -> str:
    """Return the recorded locks, queues and transports as JSON."""

def _recorded_holders(object: Any, /) -> list[int] | None:
    """Return the recorded ids of the tasks that have a lock or a semaphore's permits.

    One for each permit; 0 for one that no task has acquired. None unless all are known.
    """

def _recorded_releases(object: Any, /) -> tuple[bool, bool]:
    """Return whether a lock or semaphore was recorded to be released by a task that had it.

    And whether by somebody else.
    """

def _permits(object: Any, /) -> int | None:
    """Return how many permits a semaphore was made with; None if that is not known."""

def _note_failure(task: int, kind: str, text: str, traceback: str, /) -> None:
    """Keep an exception for the trace file."""

def _note_finding(
    lint: str,
    sentence: str,
    place: str,
    created: str,
    elapsed_ns: int,
    victims: list[str],
    fix: str,
    task: int,
    /,
) -> None:
    """Keep what a lint has found, for the trace file and the console."""

def _own_connecting_methods(class_: type[LoopCore]) -> None:
    """Remember the methods by which a class connects, to notice it when one is replaced."""

def _own_hot_methods(class_: type[LoopCore], /) -> None:
    """Copy the descriptors of the most frequently called methods to a subclass of ``LoopCore``.

    Raises:
        TypeError: it is not such a class.
    """

def _reap_child(pid: int) -> int | None:
    """Return the return code of the child process ``pid``, None if it is lost.

    Raises:
        BlockingIOError: the process has not ended.
    """

def _set_metaclass(class_: type, metaclass: type, /) -> None:
    """Make ``metaclass`` the class of ``class_``, which keeps its identity and its attributes.

    Raises:
        TypeError: ``class_`` is built in, or ``metaclass`` is not a metaclass.
    """

def _recorded_loops() -> str:
    """Return what is counted of each loop that is open, as JSON: see docs/trace-format.md."""

def _recording_state() -> tuple[int, list[tuple[int, bool, int, int]]] | None:
    """Return the capacity, and of each loop: number, is open, events so far, events kept."""

def _recorder_after_fork() -> None:
    """Let go of what is the parent's, in the child of a fork; does nothing elsewhere."""

def _start_recording(
    capacity: int,
    file: str | None,
    full: bool,
    argv: list[str],
    executable: str,
    python: str,
    /,
) -> None:
    """Begin to record.

    Raises:
        RuntimeError: the process is being recorded.
        ValueError: the capacity is too large.
        OSError: the file cannot be made.
    """

def _stop_recording() -> str | None:
    """Stop recording; return what went wrong with the file that was written, or None."""

def _created_at(object: Any, /) -> tuple[str, int, str] | None:
    """Return file, line and function that made a task, future, lock or queue; None if not noted."""

def _made_on_behalf_of() -> tuple[str, int, str] | None:
    """Return file, line and function that made the server whose connection the loop makes now."""

def _task_id(task: Any, /) -> int | None:
    """Return the id under which a task is recorded; None if it is not."""

def _tell_lints(wanted: bool, /) -> None:
    """Begin to note what is made and where, and to tell the lints, or end that."""

def _want_origins(wanted: bool, /) -> None:
    """Count one loop more, or less, that needs the origins of coroutines."""

def _use_exit_descriptors(allowed: bool) -> None:
    """Choose whether loops wait for child processes by descriptor, or by a thread for each."""

def _watchdog_take(
    generation: int, /
) -> tuple[int, int, int, float, int, bool, bool, str | None, tuple[str, int, str] | None] | None:
    """Return the next report on a loop in debug mode, as ``_watchdog_next()``; None for none."""

def _watchdog_next(
    generation: int, /
) -> (
    tuple[()]
    | tuple[int, int, int, float, int, bool, bool, str | None, tuple[str, int, str] | None]
    | None
):
    """Wait up to a second for a report.

    Loop, thread, item, seconds, waiting, over, runs, stack, and the function that is polled.
    """

def _watchdog_start(
    seconds: float | None, signal: int | None, reader: int | None, folders: list[str], /
) -> int:
    """Start the watchdog's native thread, unless it runs.

    Raises:
        ValueError: ``seconds`` is no duration.
        OSError: the process is out of descriptors or threads.
    """

def _watchdog_stop() -> None:
    """Stop it; new loops are not watched any more."""

# The next four are instances of asyncio's classes for isinstance(), and can be
# used wherever those are expected. The stub expresses this by inheritance.

class Handle(asyncio.Handle):
    """A scheduled callback."""

class TimerHandle(asyncio.TimerHandle):
    """A callback scheduled for a certain time."""

if sys.version_info >= (3, 14):
    @final
    class ThreadSafeHandle(Handle):
        """A callback that ``call_soon_threadsafe()`` has scheduled."""

class Future(asyncio.Future[_T]):
    """A result that will be available later."""

class Task(asyncio.Task[_T_co]):
    """A coroutine that runs on a loop."""

@final
class TaskStep:
    """A step of a task as a callable, for code that needs a callback."""

    def __call__(self, *args: Any) -> None: ...

@final
class TaskWakeup:
    """The callback that a task adds to a future of another class."""

    @property
    def __self__(self) -> Task[Any]: ...
    @property
    def __qualname__(self) -> str: ...
    def __call__(self, future: asyncio.Future[Any]) -> None: ...

@final
class GatherCallback:
    """The callback that ``gather()`` adds to a child of another class."""

    @property
    def __qualname__(self) -> str: ...
    def __call__(self, future: asyncio.Future[Any]) -> None: ...

@final
class DoneCallback:
    """The callback that ``wait()``, ``shield()`` and others add to a future of another class."""

    @property
    def __qualname__(self) -> str: ...
    def __call__(self, future: asyncio.Future[Any]) -> None: ...

@final
class _GatheringFuture(Future[list[Any]]):
    """The future that ``gather()`` returns; cancelling it cancels the children."""

    def __del__(self) -> None: ...
    @property
    def _children(self) -> list[asyncio.Future[Any]]: ...
    @property
    def _cancel_requested(self) -> bool: ...

@final
class FutureIterator(Generator[Any, None, Any]):
    """The iterator of a future's ``__await__()``."""

    def __next__(self) -> Any: ...
    def send(self, _value: Any, /) -> Any: ...
    def throw(self, kind: Any, value: Any = None, traceback: Any = None, /) -> Any: ...
    def close(self) -> None: ...

@final
class SocketCall(Coroutine[Any, None, Any]):
    """The coroutine of a ``sock_*`` call; it can be awaited once."""

    __name__: str
    __qualname__: str
    @property
    def cr_await(self) -> Any: ...
    @property
    def cr_code(self) -> CodeType: ...
    @property
    def cr_frame(self) -> FrameType | None: ...
    @property
    def cr_origin(self) -> tuple[tuple[str, int, str], ...] | None: ...
    @property
    def cr_running(self) -> bool: ...
    @property
    def cr_suspended(self) -> bool: ...
    if sys.version_info >= (3, 15):
        @property
        def cr_state(self) -> str: ...
    def __del__(self) -> None: ...
    def __await__(self) -> Generator[Any, None, Any]: ...
    def send(self, _value: Any, /) -> Any: ...
    def throw(self, kind: Any, value: Any = None, traceback: Any = None, /) -> Any: ...
    def close(self) -> None: ...

@final
class RustFutures:
    """Coroutines whose bodies are Rust futures, for tests and measurements."""

    @staticmethod
    def ready() -> Coroutine[Any, None, None]: ...
    @staticmethod
    def suspend(times: int) -> Coroutine[Any, None, None]: ...
    @staticmethod
    def sleep_until(deadline: float) -> Coroutine[Any, None, None]: ...
    @staticmethod
    def wait_for(awaitable: Awaitable[_T]) -> Coroutine[Any, None, _T]: ...
    @staticmethod
    def wait_for_ever(dropped: Callable[[], Any]) -> Coroutine[Any, None, None]: ...
    @staticmethod
    def wake_from_thread(times: int, pause: float) -> Coroutine[Any, None, None]: ...
    @staticmethod
    def until_ready(fd: int, writing: bool) -> Coroutine[Any, None, None]: ...
    @staticmethod
    def block(seconds: float, panics: bool) -> Coroutine[Any, None, None]: ...
    @staticmethod
    def panic(message: str) -> Coroutine[Any, None, None]: ...
    @staticmethod
    def spawn(body: Coroutine[Any, Any, _T]) -> Coroutine[Any, None, Task[_T]]: ...
    @staticmethod
    def channel(
        capacity: int, count: int, tell: Callable[[int, str], Any]
    ) -> tuple[Coroutine[Any, None, None], ...]: ...
    @staticmethod
    def contend(
        permits: int, count: int, tell: Callable[[int, str], Any]
    ) -> tuple[Coroutine[Any, None, None], ...]: ...

@final
class ByteStream:
    """A protocol whose data Rust futures read and write."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def data_received(self, data: _Buffer) -> None: ...
    def eof_received(self) -> None: ...
    def connection_lost(self, exc: BaseException | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...

_Headers = Iterable[tuple[str | bytes, str | bytes]]
_RawHeaders = tuple[tuple[bytes, bytes], ...]
_FourTimeouts = tuple[float | None, float | None, float | None, float | None]

@final
class HttpPool:
    """The connections of one HTTP client.

    ``connect(key, protocol)`` is a coroutine function that connects to what ``key`` names, with
    ``protocol`` as the protocol of the transport. With ``http2``, it is called with True as a third
    argument where the connection must not offer HTTP/2, since the server has refused that.
    """

    def __init__(
        self,
        connect: Callable[..., Awaitable[Any]],
        *,
        limit: int | None = 100,
        limit_per_host: int | None = None,
        max_idle: int | None = None,
        keepalive_expiry: float | None = 15.0,
        head_size: int | None = None,
        line_length: int | None = None,
        header_count: int | None = None,
        http2: bool = False,
    ) -> None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def idle(self) -> int: ...
    @property
    def in_use(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    def try_acquire(self, key: Any) -> HttpLease | None: ...
    def acquire(
        self, key: Any, timeout: float | None = None
    ) -> Coroutine[Any, None, HttpLease]: ...
    def request(
        self,
        key: Any,
        method: str,
        target: bytes,
        headers: _Headers,
        body: _Buffer | None = None,
        *,
        timeouts: _FourTimeouts = ...,
        acquire_timeout: float | None = None,
        deadline: float | None = None,
        may_retry: bool = False,
        expect_continue: bool = False,
    ) -> Coroutine[Any, None, HttpResponse]: ...
    def close_idle(self) -> None: ...
    def close(self) -> None: ...

@final
class HttpLease:
    """A place in a pool: connected, or still to be connected."""

    @property
    def is_connected(self) -> bool: ...
    @property
    def is_reused(self) -> bool: ...
    @property
    def info(self) -> Any: ...
    @property
    def transport(self) -> asyncio.Transport | None: ...
    def connect(self, timeout: float | None = None) -> Coroutine[Any, None, None]: ...
    def open(
        self,
        method: str,
        target: bytes,
        headers: _Headers,
        *,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        deadline: float | None = None,
    ) -> HttpExchange: ...
    def release(self) -> None: ...
    def close(self) -> None: ...

@final
class HttpExchange:
    """A request that is being sent, and its response."""

    @property
    def transport(self) -> asyncio.Transport | None: ...
    def write(self, data: _Buffer) -> Coroutine[Any, None, bool]: ...
    def end(self, trailers: _Headers | None = None) -> Coroutine[Any, None, bool]: ...
    def wait_continue(self) -> Coroutine[Any, None, bool]: ...
    def response(self) -> Coroutine[Any, None, HttpResponse]: ...
    def close(self) -> None: ...

def parse_json(document: bytes, otherwise: _T) -> Any | _T: ...

@final
class HttpResponse:
    """The head of a response, and its body as it arrives."""

    @property
    def status(self) -> int: ...
    @property
    def reason(self) -> bytes: ...
    @property
    def version(self) -> tuple[int, int]: ...
    @property
    def raw_headers(self) -> _RawHeaders: ...
    @property
    def trailers(self) -> _RawHeaders: ...
    @property
    def is_plain(self) -> bool: ...
    @property
    def is_complete(self) -> bool: ...
    @property
    def is_reused(self) -> bool: ...
    @property
    def is_upgrade(self) -> bool: ...
    @property
    def info(self) -> Any: ...
    @property
    def transport(self) -> asyncio.Transport | None: ...
    def get(self, name: str) -> str | None: ...
    def get_all(self, name: str) -> list[str]: ...
    def read(self) -> Coroutine[Any, None, bytes]: ...
    def read_nowait(self) -> bytes | None: ...
    def read_some(self, limit: int = 65536) -> Coroutine[Any, None, bytes]: ...
    def read_some_nowait(self, limit: int = 65536) -> bytes | None: ...
    def take_chunk_ends(self) -> list[int]: ...
    def upgrade(self) -> tuple[asyncio.Transport, bytes]: ...
    def release(self) -> None: ...
    def close(self) -> None: ...

class Lock(asyncio.Lock): ...
class Event(asyncio.Event): ...
class Semaphore(asyncio.Semaphore): ...
class BoundedSemaphore(asyncio.BoundedSemaphore): ...
class Condition(asyncio.Condition): ...
class Barrier(asyncio.Barrier): ...
class Queue(asyncio.Queue[_T]): ...
class PriorityQueue(asyncio.PriorityQueue[_ComparableT]): ...
class LifoQueue(asyncio.LifoQueue[_T]): ...
class StreamReader(asyncio.StreamReader): ...
class StreamWriter(asyncio.StreamWriter): ...

class StreamProtocolCore:
    """The native half of ``StreamReaderProtocol``, with all of its methods."""

    def __init__(
        self,
        stream_reader: asyncio.StreamReader | None,
        client_connected_cb: Callable[[StreamReader, StreamWriter], Any] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None: ...
    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool: ...
    def connection_lost(self, exc: Exception | None) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...

class TaskGroup(asyncio.TaskGroup): ...

def create_task(
    coro: Coroutine[Any, Any, _T], *, name: object = None, context: Context | None = None
) -> Task[_T]: ...
def current_task(loop: asyncio.AbstractEventLoop | None = None) -> asyncio.Task[Any] | None: ...
def ensure_future(
    coro_or_future: Awaitable[_T], *, loop: asyncio.AbstractEventLoop | None = None
) -> asyncio.Future[_T]: ...
def gather(
    *coros_or_futures: Awaitable[_T], return_exceptions: bool = False
) -> asyncio.Future[list[_T]]: ...
def iscoroutine(obj: object) -> bool: ...
def isfuture(obj: object, /) -> bool: ...
def all_tasks(loop: asyncio.AbstractEventLoop | None = None) -> set[asyncio.Task[Any]]: ...
def run_coroutine_threadsafe(
    coro: Coroutine[Any, Any, _T], loop: asyncio.AbstractEventLoop
) -> concurrent.futures.Future[_T]: ...
async def to_thread(func: Callable[..., _T], /, *args: Any, **kwargs: Any) -> _T: ...
def wrap_future(
    future: concurrent.futures.Future[_T] | asyncio.Future[_T],
    *,
    loop: asyncio.AbstractEventLoop | None = None,
) -> asyncio.Future[_T]: ...

class Timeout:
    """The context manager that ``timeout()`` and ``timeout_at()`` return."""

    def __init__(self, when: float | None) -> None: ...
    def when(self) -> float | None: ...
    def reschedule(self, when: float | None) -> None: ...
    def expired(self) -> bool: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> bool | None: ...

def timeout(delay: float | None) -> Timeout: ...
def timeout_at(when: float | None) -> Timeout: ...

if sys.version_info >= (3, 13):
    from asyncio import as_completed as as_completed

    @final
    class _AsCompletedIterator:
        """The iterator, synchronous and asynchronous, that ``as_completed()`` returns."""

        def __iter__(self) -> Self: ...
        def __next__(self) -> Coroutine[Any, Any, Any]: ...
        def __aiter__(self) -> Self: ...
        async def __anext__(self) -> asyncio.Future[Any]: ...
        def _handle_timeout(self) -> None: ...

else:
    def _in_order_of_completion(
        fs: Iterable[Awaitable[_T]], timeout: float | None
    ) -> Iterator[Coroutine[Any, Any, _T]]: ...

@overload
async def sleep(delay: float) -> None: ...
@overload
async def sleep(delay: float, result: _T) -> _T: ...

@final
class SocketTransport(asyncio.Transport):
    """A stream connection."""

    max_size: int
    """How many bytes one read takes at most."""

    def __del__(self) -> None: ...
    def _send_file(self, file: FileSend) -> Future[None]:
        """Send ``file`` after the data written before; refuse writes meanwhile.

        Raises ``RuntimeError`` while another file is being sent.
        """

    def _end_send_file(self) -> None:
        """Allow writes again."""

@final
class FileSend:
    """A file being sent: ``count`` bytes (None: all) from ``offset`` on."""

    def __new__(cls, file: int, offset: int, count: int | None) -> FileSend: ...
    @property
    def sent(self) -> int:
        """How many bytes were sent."""

@final
class SSLTransport(asyncio.Transport):
    """A stream connection with TLS."""

    def __del__(self) -> None: ...
    def get_read_buffer_size(self) -> int: ...
    def get_read_buffer_limits(self) -> tuple[int, int]: ...
    def set_read_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...

@final
class SSLProtocol(asyncio.Protocol):
    """The protocol of the transport below a TLS connection."""

    def __new__(
        cls,
        loop: LoopCore,
        app_protocol: asyncio.BaseProtocol,
        sslcontext: ssl.SSLContext | None,
        waiter: Future[None] | None,
        server_side: bool = False,
        server_hostname: str | None = None,
        call_connection_made: bool = True,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> SSLProtocol: ...
    @property
    def _app_transport(self) -> SSLTransport | None:
        """The transport above, until the connection is lost."""

@final
class DatagramTransport(asyncio.Transport, asyncio.DatagramTransport):
    """A datagram socket; asyncio's class has the methods of streams too."""

    max_size: int
    """How many bytes one datagram has at most."""

    def __del__(self) -> None: ...

@final
class ReadPipeTransport(asyncio.ReadTransport):
    """A pipe that is read from."""

    max_size: int
    """How many bytes one read takes at most."""

    def __del__(self) -> None: ...

@final
class WritePipeTransport(asyncio.Transport):
    """A pipe that is written to; asyncio's class has the methods for reading too."""

    def __del__(self) -> None: ...

class LoopCore:
    """The iterations of a loop, and the methods that are called in each of them.

    ``aioxide.Loop`` adds the methods that this class needs of its subclass:
    ``call_exception_handler(context)`` and ``_process_signals(data)``.
    """

    slow_callback_duration: float
    """Debug mode reports a callback that takes at least this many seconds."""

    @property
    def _current_handle(self) -> Handle | None:
        """In debug mode, the handle that is running; the log contains its stack."""

    def time(self) -> float: ...
    def call_soon(
        self,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> Handle: ...
    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> TimerHandle: ...
    def call_at(
        self,
        when: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> TimerHandle: ...
    def call_soon_threadsafe(
        self,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> Handle: ...
    def create_future(self) -> Future[Any]: ...
    def create_task(
        self,
        coro: Coroutine[Any, Any, _T],
        *,
        name: object = None,
        context: Context | None = None,
        eager_start: bool = False,
        **keywords: Any,
    ) -> Task[_T]: ...
    def set_task_factory(self, factory: Callable[..., Any] | None) -> None: ...
    def get_task_factory(self) -> Callable[..., Any] | None: ...
    @property
    def _ready(self) -> list[Any]: ...
    @property
    def _scheduled(self) -> list[TimerHandle]: ...
    @property
    def _thread_id(self) -> int | None: ...
    @property
    def _debug(self) -> bool: ...
    @_debug.setter
    def _debug(self, enabled: bool) -> None: ...
    @property
    def _closed(self) -> bool: ...
    @property
    def _stopping(self) -> bool: ...
    @_stopping.setter
    def _stopping(self, stopping: bool) -> None: ...
    def get_debug(self) -> bool: ...
    def set_debug(self, enabled: bool) -> None: ...
    def stop(self) -> None: ...
    def is_running(self) -> bool: ...
    def is_closed(self) -> bool: ...
    def add_reader(self, fd: _Fd, callback: Callable[[*_Ts], object], *args: *_Ts) -> None: ...
    def remove_reader(self, fd: _Fd) -> bool: ...
    def add_writer(self, fd: _Fd, callback: Callable[[*_Ts], object], *args: *_Ts) -> None: ...
    def remove_writer(self, fd: _Fd) -> bool: ...
    async def sock_recv(self, sock: socket.socket, n: int) -> bytes: ...
    async def sock_recv_into(self, sock: socket.socket, buf: _Buffer) -> int: ...
    async def sock_recvfrom(self, sock: socket.socket, bufsize: int) -> tuple[bytes, _Address]: ...
    async def sock_recvfrom_into(
        self, sock: socket.socket, buf: _Buffer, nbytes: int = 0
    ) -> tuple[int, _Address]: ...
    async def sock_sendall(self, sock: socket.socket, data: _Buffer) -> None: ...
    async def sock_sendto(self, sock: socket.socket, data: _Buffer, address: _Address) -> int: ...
    async def sock_accept(self, sock: socket.socket) -> tuple[socket.socket, _Address]: ...
    def _sock_send_file(self, sock: socket.socket, file: FileSend) -> Coroutine[Any, Any, None]:
        """Send ``file``; its attribute ``sent`` is right also after a failure."""

    def _sock_connect(self, sock: socket.socket, address: _Address) -> Coroutine[Any, Any, None]:
        """Connect ``sock`` to an address that needs no lookup."""

    def _choose_threshold(self) -> None:
        """Begin or end to be watched, as debug mode and the watchdog's threshold say."""

    def _run_iterations(self) -> None:
        """Run iterations until ``stop()``; the loop is running meanwhile.

        Raises ``KeyboardInterrupt`` and ``SystemExit`` of callbacks.
        """

    def _check_closed(self) -> None:
        """Raise ``RuntimeError`` if the loop is closed."""

    def _close_core(self) -> None:
        """Mark the loop as closed, drop scheduled callbacks, close the poller."""

    _executor: concurrent.futures.ThreadPoolExecutor | None
    _executor_shutdown_called: bool

    @property
    def _pool_used(self) -> bool: ...
    def run_in_executor(
        self,
        executor: concurrent.futures.Executor | None,
        func: Callable[[*_Ts], _T],
        *args: *_Ts,
    ) -> asyncio.Future[_T]:
        """Call ``func(*args)`` in another thread or process."""

    def _shutdown_pool(self) -> Future[None]:
        """Shut the pool down; the future is done when its threads have ended."""

    def _make_socket_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        waiter: Future[None] | None = None,
        *,
        extra: dict[str, Any] | None = None,
        server: ServerCore | None = None,
    ) -> SocketTransport:
        """Make the transport of a non-blocking, connected socket.

        ``connection_made()`` is scheduled; then ``waiter`` gets its result.
        """

    def _make_datagram_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        address: _Address | None = None,
        waiter: Future[None] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> asyncio.DatagramTransport:
        """Make the transport of a non-blocking datagram socket.

        With ``address``, it sends datagrams only there. The rest is as for
        ``_make_socket_transport()``.
        """

    def _make_read_pipe_transport(
        self,
        pipe: Any,
        protocol: asyncio.BaseProtocol,
        waiter: Future[None] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> asyncio.ReadTransport:
        """Make the transport of the reading end of a pipe."""

    def _make_write_pipe_transport(
        self,
        pipe: Any,
        protocol: asyncio.BaseProtocol,
        waiter: Future[None] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> asyncio.WriteTransport:
        """Make the transport of the writing end of a pipe."""

    def _make_ssl_transport(
        self,
        rawsock: socket.socket,
        protocol: asyncio.BaseProtocol,
        sslcontext: ssl.SSLContext | None,
        waiter: Future[None] | None = None,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        extra: dict[str, Any] | None = None,
        server: ServerCore | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> SSLTransport:
        """The same with TLS; ``waiter`` waits for the handshake."""

    def _call_at_exit(
        self, pid: int, callback: Callable[[], object], *, on_thread: bool = False
    ) -> None:
        """Call ``callback`` once when the child process ``pid`` has ended.

        ``_reap_child()`` then returns how it ended.

        Raises:
            OSError: the process cannot be waited for, because there is neither a
                descriptor nor a thread for it.
        """

    def _renew_after_fork(self) -> None:
        """In the child of a fork, release what is shared with the parent."""

    def _pool_threads(self) -> list[Any]:
        """Return the ``threading.Thread`` objects of the engine's pool."""

    def _use_virtual_clock(self, start: float, patience: float) -> None:
        """Use a virtual clock that begins at ``start`` seconds.

        The subclass then has ``_outside()``, which returns what may still arrive
        when nothing is ready (0 nothing, 1 possibly an event, 2 certainly one),
        and ``_report_deadlock()``, which raises. ``patience`` is in real seconds.

        Raises:
            ValueError: a number is out of its range.
            RuntimeError: something is scheduled already.
        """

    def _interleave(self, seed: int) -> None:
        """Run the ready items of each iteration in an order drawn from ``seed``."""

    def _is_watching(self) -> bool:
        """Whether a descriptor other than the one for signals is watched."""

    def _unsent_transports(self, least: int, /) -> list[tuple[Any, Any, int, bool, int, Any]]:
        """Return the transports of which more than ``least`` bytes wait to be sent.

        Returns:
            For each the transport and its protocol, the bytes, whether writing is paused, how often
            it was resumed, and the line that made it if lints looked.
        """

    def _signal_fd(self) -> int:
        """Return the descriptor for ``signal.set_wakeup_fd()``."""

class ServerCore:
    """The accept loop of a server, and the transports that it has made.

    ``aioxide.Server`` adds the method that this class needs of its subclass:
    ``_clients_gone()``, called when the last transport has been detached.
    """

    def __new__(
        cls,
        loop: LoopCore,
        sockets: list[socket.socket],
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        backlog: int,
        tls: tuple[ssl.SSLContext, float | None, float | None] | None = None,
    ) -> ServerCore: ...
    @property
    def _client_count(self) -> int: ...
    def _start_accepting(self) -> None:
        """Listen on the sockets and accept connections."""

    def _stop_accepting(self) -> None:
        """Stop watching the sockets and close them."""

    def _client_list(self) -> list[asyncio.Transport]:
        """Return the transports that have not been detached."""
