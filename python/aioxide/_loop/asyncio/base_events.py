"""Starting child processes."""

from __future__ import annotations

import subprocess
from asyncio.log import logger

from ..processes import ProcessTransports

__all__ = ("Processes",)


class Processes(ProcessTransports):
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


def _describe_stream(stream) -> str:
    return {subprocess.PIPE: "<pipe>", subprocess.STDOUT: "<stdout>"}.get(stream) or repr(stream)
