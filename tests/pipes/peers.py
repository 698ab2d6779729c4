"""What the pipe tests talk to: protocols that write down every call, and bare descriptors."""

import asyncio
import contextlib
import os
import socket

from network.peers import Recorder

#: More bytes than a pipe holds.
MORE_THAN_A_PIPE_TAKES = 1024 * 1024


class WriteRecorder(Recorder):
    """A Recorder for a transport that only writes: it must never receive anything."""

    def data_received(self, data):
        raise AssertionError(f"received {data!r} from a pipe that is written to")


def new_pipe():
    """Return the two ends of a pipe as unbuffered file objects: reader, writer."""
    reader, writer = os.pipe()
    return os.fdopen(reader, "rb", 0), os.fdopen(writer, "wb", 0)


def new_terminal():
    """Return the two ends of a pseudo-terminal in raw mode as file objects: master, slave."""
    import pty
    import tty

    master, slave = pty.openpty()
    tty.setraw(slave)
    return os.fdopen(master, "r+b", 0), os.fdopen(slave, "r+b", 0)


def new_sockets():
    """Return two connected sockets as file objects."""
    near, far = socket.socketpair()
    return os.fdopen(near.detach(), "r+b", 0), os.fdopen(far.detach(), "r+b", 0)


@contextlib.asynccontextmanager
async def reading(loop, ends=new_pipe, protocol_factory=Recorder):
    """Yield (transport, protocol, writer): a transport that reads what is written to writer.

    ends: makes (reader, writer). On leaving, connection_lost has been called.
    """
    reader, writer = ends()
    with writer:
        transport, protocol = await loop.connect_read_pipe(protocol_factory, reader)
        try:
            yield transport, protocol, writer
        finally:
            transport.close()
            await protocol.lost


@contextlib.asynccontextmanager
async def writing(loop, ends=new_pipe, protocol_factory=WriteRecorder):
    """Yield (transport, protocol, reader): what the transport writes is to be read from reader."""
    reader, writer = ends()
    with reader:
        transport, protocol = await loop.connect_write_pipe(protocol_factory, writer)
        try:
            yield transport, protocol, reader
        finally:
            # The standard library's abort() fails on a pipe that was lost.
            if not protocol.lost.done():
                if not transport.is_closing() or transport.get_write_buffer_size():
                    transport.abort()
                await protocol.lost


async def read_in_thread(loop, reader, count):
    """Read count bytes from a file object in a thread, so that the loop can write meanwhile."""

    def read():
        received = bytearray()
        while len(received) < count:
            piece = reader.read(count - len(received))
            if not piece:
                break
            received += piece
        return bytes(received)

    return await loop.run_in_executor(None, read)


async def turns(count=5):
    """Let the loop poll so many times."""
    for _ in range(count):
        await asyncio.sleep(0)
