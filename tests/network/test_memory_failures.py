"""Each allocation fails once while bytes arrive and are written: none is lost in silence."""

import pytest

pytest.importorskip("_testcapi", reason="a Python built without its test modules")

SWEEP = """
import _testcapi, asyncio, importlib, logging, socket, sys

api = importlib.import_module(sys.argv[1])
logging.disable(logging.CRITICAL)
sys.unraisablehook = lambda unraisable: None
SENT, WRITTEN = b"arrives" * 100, bytearray(b"written" * 40000)


class Keeping(asyncio.Protocol):
    def __init__(self):
        self.received = bytearray()
        self.is_lost = False

    def data_received(self, data):
        self.received += data

    def connection_lost(self, exc):
        self.is_lost = True


def turn(loop):
    loop.call_soon(loop.stop)
    loop.run_forever()


def attempt(first, last):
    loop = api.new_event_loop() if sys.argv[1] == "aioxide" else asyncio.SelectorEventLoop()
    loop.set_exception_handler(lambda loop, context: None)
    near, far = socket.socketpair()
    far.setblocking(False)
    transport, protocol = loop.run_until_complete(loop.create_connection(Keeping, sock=near))
    far.send(SENT)
    loop.call_soon(loop.stop)
    refused = False
    _testcapi.set_nomemory(first, last)
    try:
        try:
            transport.write(WRITTEN)
        except MemoryError:
            refused = True
        loop.run_forever()
    except MemoryError:
        pass
    finally:
        _testcapi.remove_mem_hooks()
        # CPython 3.11, for one, allocates to say that no loop runs any more.
        asyncio._set_running_loop(None)
    got, ended = 0, False
    for _ in range(30):
        turn(loop)
        try:
            piece = far.recv(1 << 20)
        except BlockingIOError:
            continue
        except ConnectionResetError:
            break
        if not piece:
            break
        got += len(piece)
    assert protocol.is_lost or protocol.received == SENT, (first, last, protocol.received)
    assert protocol.is_lost or got == len(WRITTEN) or refused and not got, (first, last, got)
    transport.abort()
    far.close()
    turn(loop)
    turn(loop)
    loop.close()


attempt(10**9, 10**9 + 1)
for first in range(60):
    attempt(first, first + 1)
    attempt(first, first + 300)
print("done")
"""


def test_a_stream_loses_nothing_in_silence(run_script):
    result = run_script(SWEEP, "aioxide", deadline=60.0)
    assert "panicked" not in result.stderr, result.stderr
    assert result.stdout.strip() == "done", result.stderr


SOCKET_SWEEP = """
import _testcapi, asyncio, importlib, logging, socket, sys

api = importlib.import_module(sys.argv[1])
sys.unraisablehook = lambda unraisable: None
loop = api.new_event_loop() if sys.argv[1] == "aioxide" else asyncio.SelectorEventLoop()
SENT = b"arrives" * 100


async def attempt(first, last, into):
    near, far = socket.socketpair()
    near.setblocking(False)
    far.send(SENT)
    far.close()
    received, buffer, armed = b"", bytearray(100), True
    while True:
        if armed:
            _testcapi.set_nomemory(first, last)
        try:
            if into:
                piece = await loop.sock_recv_into(near, buffer)
            else:
                piece = await loop.sock_recv(near, 100)
        except MemoryError:
            continue
        finally:
            _testcapi.remove_mem_hooks()
            armed = False
        if into:
            piece = bytes(buffer[:piece])
        if not piece:
            break
        received += piece
    near.close()
    assert received == SENT, (first, last, received)


for into in (False, True):
    loop.run_until_complete(attempt(10**9, 10**9 + 1, into))
    for first in range(40):
        loop.run_until_complete(attempt(first, first + 1, into))
loop.close()
print("done")
"""


def test_a_socket_call_loses_nothing(run_script):
    result = run_script(SOCKET_SWEEP, "aioxide", deadline=60.0)
    assert "panicked" not in result.stderr, result.stderr
    assert result.stdout.strip() == "done", result.stderr
