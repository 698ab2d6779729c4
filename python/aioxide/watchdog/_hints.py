"""What blocks a loop, and what to use instead."""

from __future__ import annotations

import ast
import builtins
import itertools
import linecache
import textwrap
import types
from typing import NamedTuple

from ..introspect import Place
from ..introspect._places import is_of_loop, is_own

__all__ = ("Culprit", "culprit_of")

_TO_THREAD = "`await asyncio.to_thread(…)`"

#: What to use in place of one function.
_FUNCTIONS = {
    "time.sleep": "Use `await asyncio.sleep(…)` in place of `time.sleep(…)`.",
    "builtins.input": f"Read the terminal in a thread: {_TO_THREAD}.",
    "os.system": "Use `await asyncio.create_subprocess_shell(…)`.",
    "os.popen": "Use `await asyncio.create_subprocess_shell(…)`.",
    "os.wait": "Use `asyncio.create_subprocess_exec(…)` and `await process.wait()`.",
    "os.waitpid": "Use `asyncio.create_subprocess_exec(…)` and `await process.wait()`.",
    "socket.getaddrinfo": "Use `await loop.getaddrinfo(…)`.",
    "socket.gethostbyname": "Use `await loop.getaddrinfo(…)`.",
    "socket.create_connection": "Use `await asyncio.open_connection(…)`.",
    "select.select": "Use `loop.add_reader(…)`.",
}

_HTTP = f"Use an asynchronous client (aiohttp, httpx.AsyncClient), or {_TO_THREAD}."
_SOCKET = f"Use `await asyncio.open_connection(…)` or `loop.sock_…()`, or {_TO_THREAD}."
_IMPORT = "Import it where the program begins, before the loop runs."
_DATABASE = f"Use an asynchronous driver, or {_TO_THREAD}."
_PROCESS = "Use `await asyncio.create_subprocess_exec(…)`."
_FILE = f"Read and write files in a thread: {_TO_THREAD}."
_THREADS = f"Use asyncio's lock, queue or event, or wait in a thread: {_TO_THREAD}."

#: What to use in place of a module, by its first name.
_MODULES = {
    "requests": _HTTP,
    "urllib": _HTTP,
    "urllib3": _HTTP,
    "httpx": _HTTP,
    "http": _HTTP,
    "boto3": "Use aioboto3, or " + _TO_THREAD + ".",
    "botocore": "Use aiobotocore, or " + _TO_THREAD + ".",
    "socket": _SOCKET,
    "_socket": _SOCKET,
    "ssl": _SOCKET,
    "_ssl": _SOCKET,
    "smtplib": _SOCKET,
    "ftplib": _SOCKET,
    "sqlite3": f"Use aiosqlite, or {_TO_THREAD}.",
    "psycopg2": _DATABASE,
    "psycopg": _DATABASE,
    "pymysql": _DATABASE,
    "MySQLdb": _DATABASE,
    "pymongo": _DATABASE,
    "redis": f"Use redis.asyncio, or {_TO_THREAD}.",
    "subprocess": _PROCESS,
    "importlib": _IMPORT,
    "_frozen_importlib": _IMPORT,
    "_io": _FILE,
    "io": _FILE,
    "pathlib": _FILE,
    "shutil": _FILE,
    "tempfile": _FILE,
    "threading": _THREADS,
    "_thread": _THREADS,
    "queue": _THREADS,
    "_queue": _THREADS,
    "concurrent": "Use `await asyncio.wrap_future(future)` in place of `future.result()`.",
    "multiprocessing": f"Wait for the process in a thread: {_TO_THREAD}.",
}

_COMPUTATION = (
    "Move the computation to an executor: `await loop.run_in_executor(process_pool, …)`, or "
    f"{_TO_THREAD} if it releases the GIL."
)

#: Where native functions say that they are, and where a program finds them.
_PUBLIC = {"posix": "os", "nt": "os"}

_LONGEST_CALL = 80


class Culprit(NamedTuple):
    """What holds a loop."""

    place: Place | None
    """The program's own line."""
    call: str
    """The source of the call that does not return; empty if it is not known."""
    hint: str
    """What to use instead."""
    stack: tuple[Place, ...]
    """All frames, the innermost first, without those of the loop."""
    polled: Place | None = None
    """The Rust function whose future is polled, if that is no frame."""


def culprit_of(frame: types.FrameType | None) -> Culprit:
    """Return what holds the loop of a thread.

    Arguments:
        frame: the thread's innermost frame.
    """
    frames = []
    while frame is not None:
        frames.append(frame)
        frame = frame.f_back
    inside = list(itertools.takewhile(lambda each: not _is_of_loop(_place(each)), frames))
    if not inside:
        return Culprit(None, "", _COMPUTATION, ())
    own = next((i for i, each in enumerate(inside) if is_own(each.f_code.co_filename)), None)
    index = 0 if own is None else own
    call = _call(inside[index])
    callee = _callee(call, inside[index])
    inner = inside[index - 1] if index else None
    stack = tuple(_place(each) for each in inside)
    return Culprit(stack[index], _source(call), _hint(callee, inner), stack)


def _is_of_loop(place: Place) -> bool:
    return is_of_loop(place.file, place.function)


def _place(frame: types.FrameType) -> Place:
    return Place(frame.f_code.co_filename, frame.f_lineno or 0, frame.f_code.co_qualname)


def _hint(callee: str, inner: types.FrameType | None) -> str:
    if callee in _FUNCTIONS:
        return _FUNCTIONS[callee]
    module = callee.partition(".")[0]
    if inner is not None:
        called = str(inner.f_globals.get("__name__", ""))
        if f"{called}.{inner.f_code.co_qualname}" in _FUNCTIONS:
            return _FUNCTIONS[f"{called}.{inner.f_code.co_qualname}"]
        module = called.partition(".")[0]
    return _MODULES.get(module, _COMPUTATION)


def _call(frame: types.FrameType) -> ast.Call | None:
    """Return the call that the frame is in, from its source."""
    positions = next(
        itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None),
        (None, None, None, None),
    )
    line, end, column, end_column = positions
    if line is None or end is None or column is None or end_column is None:
        return None
    lines = _lines(frame)[line - 1 : end]
    if len(lines) != end - line + 1:
        return None
    # Columns count bytes.
    encoded = [each.encode() for each in lines]
    encoded[-1] = encoded[-1][:end_column]
    encoded[0] = encoded[0][column:]
    text = b"".join(encoded).decode(errors="replace")
    try:
        parsed = ast.parse(textwrap.dedent(text).strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    return parsed if isinstance(parsed, ast.Call) else None


def _lines(frame: types.FrameType) -> list[str]:
    """Return the lines of the file that the frame's code is in; none if they are not at hand."""
    code = frame.f_code
    lines = linecache.getlines(code.co_filename, frame.f_globals)
    if lines:
        return lines
    # Since 3.14, those of `-c` and of an interactive session are known by the code alone.
    of_code = getattr(linecache, "_getlines_from_code", None)
    return list(of_code(code)) if of_code is not None else []


def _source(call: ast.Call | None) -> str:
    if call is None:
        return ""
    text = ast.unparse(call)
    return text if len(text) <= _LONGEST_CALL else text[: _LONGEST_CALL - 1] + "…"


def _callee(call: ast.Call | None, frame: types.FrameType) -> str:
    """Return module and name of the called function; empty if that is not known.

    Only looks names up; no code of the program runs.
    """
    if call is None:
        return ""
    names: list[str] = []
    node: ast.expr = call.func
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
        return "_io." + ".".join(names)
    if not isinstance(node, ast.Name):
        return ""
    found = _lookup(node.id, frame)
    while names and isinstance(found, types.ModuleType):
        found = vars(found).get(names.pop(0))
    if names:
        kind = type(found)
        return f"{kind.__module__}.{kind.__qualname__}.{'.'.join(names)}"
    if isinstance(found, types.MethodType):
        found = found.__func__
    if isinstance(found, types.FunctionType | types.BuiltinFunctionType | type):
        # A method of a native class has no module; its object's class has.
        module = found.__module__ or type(getattr(found, "__self__", None)).__module__
        return f"{_PUBLIC.get(module, module)}.{found.__qualname__}"
    return ""


def _lookup(name: str, frame: types.FrameType) -> object:
    if name in frame.f_code.co_varnames + frame.f_code.co_cellvars + frame.f_code.co_freevars:
        return frame.f_locals.get(name)
    if name in frame.f_globals:
        return frame.f_globals[name]
    return vars(builtins).get(name)
