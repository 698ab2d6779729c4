"""Transports for the ends of pipes."""

from __future__ import annotations

from asyncio.log import logger

__all__ = ("Pipes",)


class Pipes:
    """``connect_read_pipe`` and ``connect_write_pipe``."""

    __slots__ = ()  # See Loop.

    async def connect_read_pipe(self, protocol_factory, pipe):
        """Read a pipe through a protocol.

        Arguments:
            protocol_factory: called without arguments, returns the protocol.
            pipe: a file object of a pipe, a FIFO, a socket or a character
                device. It is made non-blocking, and the transport owns it from
                then on.

        Returns:
            ``(transport, protocol)``, after ``connection_made()``.

        Raises:
            ValueError: the file is of another kind.
            OSError: the descriptor is not open.

        Cancellation closes the pipe.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.connect_read_pipe
        """
        return await self._connect_pipe(
            "Read", self._make_read_pipe_transport, protocol_factory, pipe
        )

    async def connect_write_pipe(self, protocol_factory, pipe):
        """Write to a pipe through a protocol.

        Arguments, result, exceptions and cancellation are those of
        ``connect_read_pipe()``. The transport closes itself when the other end
        is closed.

        https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.connect_write_pipe
        """
        return await self._connect_pipe(
            "Write", self._make_write_pipe_transport, protocol_factory, pipe
        )

    async def _connect_pipe(self, purpose, make_transport, protocol_factory, pipe):
        protocol = protocol_factory()
        connected = self.create_future()
        transport = make_transport(pipe, protocol, connected)
        try:
            await connected
        except BaseException:
            transport.close()
            raise
        if self.get_debug():
            logger.debug(
                "%s pipe %r connected: (%r, %r)", purpose, pipe.fileno(), transport, protocol
            )
        return transport, protocol
