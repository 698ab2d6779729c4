"""Child processes of a loop: starting them, and reading how they ended."""

from __future__ import annotations

import subprocess
import sys
from asyncio import base_subprocess, events
from asyncio.log import logger

from .._aioxide import LoopCore, _reap_child

__all__ = ("Processes",)

# The return code of a process whose exit status is lost.
_LOST = 255


class Processes(LoopCore):
    """``subprocess_exec`` and ``subprocess_shell``."""

    __slots__ = ()  # See Loop.

    async def subprocess_shell(
        self,
        protocol_factory,
        cmd,
        *,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=False,
        shell=True,
        bufsize=0,
        encoding=None,
        errors=None,
        text=None,
        **kwargs,
    ):
        """Start a process that runs ``cmd`` in a shell.

        Arguments:
            cmd: the command line, a str or bytes. Quote what comes from outside
                with ``shlex.quote()``, or use ``subprocess_exec()``.

        Everything else is as for ``subprocess_exec()``.

        Raises:
            ValueError: ``cmd`` is neither str nor bytes; else as for
                ``subprocess_exec()``.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.subprocess_shell
        """
        if not isinstance(cmd, (bytes, str)):
            raise ValueError("cmd must be a string")
        _check_binary(universal_newlines, bufsize, text, encoding, errors, shell, True)
        return await self._start_process(
            protocol_factory, f"run shell command {cmd!r}", cmd, True, stdin, stdout, stderr, kwargs
        )

    async def subprocess_exec(
        self,
        protocol_factory,
        program,
        *args,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=False,
        shell=False,
        bufsize=0,
        encoding=None,
        errors=None,
        text=None,
        **kwargs,
    ):
        """Start a process that runs ``program`` with ``args``.

        Arguments:
            protocol_factory: called without arguments, returns an
                ``asyncio.SubprocessProtocol``.
            program, args: str, bytes or path-like.
            stdin, stdout, stderr: ``subprocess.PIPE`` for a pipe to the
                protocol, ``DEVNULL``, a descriptor, a file, or None for this
                process's own; stderr also ``STDOUT``.
            kwargs: further arguments of ``subprocess.Popen``.

        Returns:
            ``(transport, protocol)``, once the pipes are connected. If the
            call is cancelled before, the process is killed and waited for.

        Raises:
            ValueError: an option for text or for buffering of the pipes is set.
            OSError: the program cannot be started.
            subprocess.SubprocessError: ``preexec_fn`` raised.
            RuntimeError: the loop is closed.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.subprocess_exec
        """
        _check_binary(universal_newlines, bufsize, text, encoding, errors, shell, False)
        command = (program, *args)
        return await self._start_process(
            protocol_factory,
            f"execute program {program!r}",
            command,
            False,
            stdin,
            stdout,
            stderr,
            kwargs,
        )

    async def _start_process(
        self, protocol_factory, description, command, shell, stdin, stdout, stderr, kwargs
    ):
        self._check_closed()
        protocol = protocol_factory()
        debug = self.get_debug()
        if debug:
            logger.debug(description + _describe_streams(stdin, stdout, stderr))
        transport = await self._make_subprocess_transport(
            protocol, command, shell, stdin, stdout, stderr, 0, **kwargs
        )
        if debug:
            logger.info("%s: %r", description, transport)
        return transport, protocol

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


def _check_binary(universal_newlines, bufsize, text, encoding, errors, shell, wants_shell) -> None:
    if universal_newlines:
        raise ValueError("universal_newlines must be False")
    if bool(shell) is not wants_shell:
        raise ValueError(f"shell must be {wants_shell}")
    if bufsize != 0:
        raise ValueError("bufsize must be 0")
    if text:
        raise ValueError("text must be False")
    if encoding is not None:
        raise ValueError("encoding must be None")
    if errors is not None:
        raise ValueError("errors must be None")


def _describe_streams(stdin, stdout, stderr) -> str:
    words = []
    if stdin is not None:
        words.append(f" stdin={_describe_stream(stdin)}")
    if stdout is not None and stderr == subprocess.STDOUT:
        words.append(f" stdout=stderr={_describe_stream(stdout)}")
    else:
        if stdout is not None:
            words.append(f" stdout={_describe_stream(stdout)}")
        if stderr is not None:
            words.append(f" stderr={_describe_stream(stderr)}")
    return "".join(words)


def _describe_stream(stream) -> str:
    return {subprocess.PIPE: "<pipe>", subprocess.STDOUT: "<stdout>"}.get(stream) or repr(stream)
