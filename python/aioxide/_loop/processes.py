"""Child processes of a loop: starting them, and reading how they ended."""

from __future__ import annotations

import subprocess
import sys
from asyncio import base_subprocess, events
from asyncio.log import logger

from .._aioxide import LoopCore, _note_wait, _reap_child

__all__ = ("ProcessTransports",)

# The return code of a process whose exit status is lost.
_LOST = 255


class ProcessTransports(LoopCore):
    """Transports of child processes."""

    __slots__ = ()  # See Loop.

    async def _make_subprocess_transport(
        self,
        protocol,
        args,
        shell,
        stdin,
        stdout,
        stderr,
        bufsize,
        extra=None,
        **kwargs,
    ):
        watcher = _chosen_child_watcher()
        waiter = self.create_future()

        def start():
            return SubprocessTransport(
                self,
                protocol,
                args,
                shell,
                stdin,
                stdout,
                stderr,
                bufsize,
                waiter=waiter,
                extra=extra,
                **kwargs,
            )

        if watcher is None:
            transport = start()
            await transport._connected(waiter, transport._watch)
            return transport

        with watcher as entered:
            # Python 3.11 uses the result of `__enter__`, later versions the watcher.
            asked = entered if sys.version_info < (3, 12) else watcher
            if not asked.is_active():
                raise RuntimeError(
                    "asyncio.get_child_watcher() is not activated, "
                    "subprocess support is not installed."
                )
            transport = start()

            def watch():
                asked.add_child_handler(
                    transport.get_pid(), self._child_watcher_callback, transport
                )

            await transport._connected(waiter, watch)
        return transport

    def _child_watcher_callback(self, pid, returncode, transport) -> None:
        self.call_soon_threadsafe(transport._process_exited, returncode)


class SubprocessTransport(base_subprocess.BaseSubprocessTransport):
    """The transport of a child process, whose end the loop itself reports."""

    def _start(self, args, shell, stdin, stdout, stderr, bufsize, **kwargs):
        self._proc = subprocess.Popen(
            args,
            shell=shell,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            universal_newlines=False,
            bufsize=bufsize,
            **kwargs,
        )

    def send_signal(self, signal) -> None:
        # Not by number alone, as some versions do: the number may belong to another
        # process by the time the pipes of this one are closed.
        self._check_proc()
        self._proc.send_signal(signal)

    def terminate(self) -> None:
        self._check_proc()
        self._proc.terminate()

    def kill(self) -> None:
        self._check_proc()
        self._proc.kill()

    async def _connected(self, waiter, watch) -> None:
        """Wait until the pipes are connected, else end the process.

        Arguments:
            waiter: the future given to the transport.
            watch: called first, starts to watch for the exit.
        """
        try:
            watch()
        except BaseException:
            self.close()
            raise
        try:
            await waiter
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            self.close()
            await self._wait()
            raise

    async def _wait(self):
        # As asyncio's, but that the recorder is told for what.
        if self._returncode is not None:
            return self._returncode
        waiter = self._loop.create_future()
        waiters = self._exit_waiters
        _note_wait(waiter, "process")
        if isinstance(waiters, list):
            waiters.append(waiter)
            return await waiter
        # Newer releases have a set, and take out of it who does not wait any more.
        waiters.add(waiter)
        try:
            return await waiter
        finally:
            waiters.discard(waiter)

    def _watch(self, *, on_thread=False) -> None:
        self._loop._call_at_exit(self._pid, self._exit_noticed, on_thread=on_thread)

    def _exit_noticed(self) -> None:
        # One iteration later, after the data that the pipes delivered in this one.
        try:
            self._loop.call_soon(self._process_exited, self._take_returncode())
        except BlockingIOError:
            # A debugger (ptrace) has received the exit first. When it detaches, a
            # waiting thread receives it; polling meanwhile would keep the loop busy.
            self._watch(on_thread=True)

    def _take_returncode(self) -> int:
        """Return the return code of the ended process.

        Raises:
            BlockingIOError: the exit status cannot be read yet.
        """
        process = self._proc
        # A thread that waits for the process by its Popen object holds this lock
        # until it has stored the return code.
        with process._waitpid_lock:
            if process.returncode is not None:
                return process.returncode
            returncode = _reap_child(process.pid)
            if returncode is None:
                logger.warning(
                    "child process pid %d exit status already read: will report returncode %d",
                    process.pid,
                    _LOST,
                )
                returncode = _LOST
            process.returncode = returncode
            return returncode


def _chosen_child_watcher():
    """Return the child watcher that the program has set.

    None if it has set none, or one of asyncio's two default watchers, which do
    what the loop does itself. Python 3.14 has no child watchers.
    """
    if sys.version_info >= (3, 14):
        return None
    policy = events.get_event_loop_policy()
    watcher = getattr(policy, "_watcher", None)
    if type(watcher).__name__ in ("NoneType", "PidfdChildWatcher", "ThreadedChildWatcher"):
        return None
    return watcher
