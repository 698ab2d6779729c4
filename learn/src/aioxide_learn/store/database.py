"""The file, its schema, and the one thread that the server reaches it by."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.resources
import importlib.resources.abc
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

FILE = "learn.sqlite3"


class DatabaseError(Exception):
    """The file cannot be used; the message names it and says why."""


class Database:
    """A connection to the file. Each call is one transaction; use it from one thread.

    Processes may share the file: a writer waits for another one's transaction, ten seconds at
    most. What ``write`` has returned survives ``kill -9`` and a power cut.

    Args:
        folder: the data folder, made when it is missing, readable by its owner only.

    Raises:
        DatabaseError: the folder or the file cannot be used, or a newer version wrote it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Transactions are begun by hand: the module's own ones begin late.
            self._connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise DatabaseError(f"{self.path}: {error}") from error
        try:
            self._set_up()
        except BaseException as error:
            self._connection.close()
            if isinstance(error, sqlite3.Error):
                raise DatabaseError(f"{self.path}: {error}") from error
            raise

    def _set_up(self) -> None:
        connection = self._connection
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        # 64 MiB: the indexes of a million reviews.
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("PRAGMA mmap_size = 268435456")
        migrations = _migrations()
        if self._version() == len(migrations):
            return
        with self._transaction("IMMEDIATE"):
            # Another process may have done it in the meantime.
            done = self._version()
            if done > len(migrations):
                raise DatabaseError(
                    f"{self.path}: written by a newer aioxide-learn (schema {done}, "
                    f"this one knows {len(migrations)})"
                )
            for number, script in enumerate(migrations[done:], done + 1):
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self, kind: str) -> Iterator[None]:
        self._connection.execute(f"BEGIN {kind}")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def read(
        self,
        function: Callable[Concatenate[sqlite3.Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Return ``function(connection, ...)``, which sees one state of the file."""
        with self._transaction("DEFERRED"):
            return function(self._connection, *args, **kwargs)

    def write(
        self,
        function: Callable[Concatenate[sqlite3.Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Return ``function(connection, ...)``; what it wrote is all kept, or none if it raises.

        Raises:
            sqlite3.OperationalError: another process kept the file locked for ten seconds.
        """
        with self._transaction("IMMEDIATE"):
            return function(self._connection, *args, **kwargs)

    def close(self) -> None:
        """Close the file; help the planner of queries the next time."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA optimize")
        self._connection.close()


class AsyncDatabase:
    """A :class:`Database` in a thread of its own, for a program that must not block.

    A call whose caller is cancelled still runs to its end in the thread: a transaction is never
    left half-way.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="aioxide-learn-database")
        self._database: Database | None = None

    async def open(self, folder: Path) -> None:
        """Open the file in the folder.

        Raises:
            DatabaseError: see :class:`Database`.
        """
        loop = asyncio.get_running_loop()
        self._database = await loop.run_in_executor(self._executor, Database, folder)

    async def read(
        self,
        function: Callable[Concatenate[sqlite3.Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """See :meth:`Database.read`."""
        assert self._database is not None
        database = self._database
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: database.read(function, *args, **kwargs)
        )

    async def write(
        self,
        function: Callable[Concatenate[sqlite3.Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """See :meth:`Database.write`."""
        assert self._database is not None
        database = self._database
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: database.write(function, *args, **kwargs)
        )

    async def close(self) -> None:
        """Close the file after the calls that have been made, and end the thread."""
        if self._database is not None:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._database.close)
            self._database = None
        self._executor.shutdown(wait=True)


def _migrations() -> list[str]:
    folder = importlib.resources.files("aioxide_learn.store") / "migrations"
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".sql")), key=_by_name)
    return [each.read_text(encoding="utf-8") for each in files]


def _by_name(file: importlib.resources.abc.Traversable) -> str:
    return file.name


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; `executescript` would commit before the first one."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise ValueError(f"a migration ends within a statement: {statement.strip()[:60]}")
