"""Which of several addresses is connected to: RFC 8305."""

import asyncio
import contextlib
import os
import socket

import pytest


@contextlib.contextmanager
def accepting(host="127.0.0.1"):
    """The address of a socket that accepts connections."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()
        port = listener.getsockname()[1]
        yield f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"


@contextlib.contextmanager
def refusing():
    """The address of a port at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


@contextlib.contextmanager
def silent():
    """An address that answers no attempt: the listener's queue is full."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = sockets.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def descriptors():
    return len(os.listdir("/dev/fd"))


def test_an_address_that_refuses_is_followed_at_once(probe, run):
    async def main():
        with refusing() as first, refusing() as second, accepting() as third:
            assert await probe.connect_any([first, second, third]) == third

    run(main)


def test_an_address_that_is_silent_is_waited_for_250_milliseconds(probe, run):
    async def main():
        loop = asyncio.get_running_loop()
        with silent() as first, accepting() as second, accepting() as third:
            await probe.connect_any([second])  # The loop has its own descriptors by now.
            open_before = descriptors()
            begin = loop.time()
            assert await probe.connect_any([first, second, third]) == second
            assert loop.time() - begin >= 0.249
            # The attempt that is left was given up.
            assert descriptors() == open_before

    run(main)


def test_an_attempt_goes_on_beside_others(probe, run):
    async def main():
        with contextlib.ExitStack() as sockets:
            listener = sockets.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            queued = sockets.enter_context(socket.socket())
            queued.connect(listener.getsockname())
            # Room for it comes after the second attempt has begun; the kernel tries again then.
            first = f"127.0.0.1:{listener.getsockname()[1]}"
            second = sockets.enter_context(silent())
            loop = asyncio.get_running_loop()
            loop.call_later(0.4, lambda: sockets.enter_context(listener.accept()[0]))
            assert await probe.connect_any([first, second]) == first

    run(main)


def has_ipv6():
    try:
        with accepting("::1"):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_the_families_take_turns(probe, run):
    async def main():
        with contextlib.ExitStack() as sockets:
            sixth = sockets.enter_context(accepting("::1"))
            refused = [sockets.enter_context(refusing()) for _ in range(2)]
            fourth = sockets.enter_context(accepting())
            assert await probe.connect_any([*refused, fourth, sixth]) == sixth
            assert await probe.connect_any([sixth, fourth]) == sixth

    run(main)


def test_the_last_failure_is_raised(probe, run):
    async def main():
        with refusing() as first, refusing() as second:
            with pytest.raises(ConnectionRefusedError, match=f"cannot connect to {second}"):
                await probe.connect_any([first, second])
        with pytest.raises(OSError, match="there is no address to connect to"):
            await probe.connect_any([])

    run(main)


def test_a_cancellation_gives_all_attempts_up(probe, run, until):
    async def main():
        with silent() as first, silent() as second, accepting() as third:
            await probe.connect_any([third])
            open_before = descriptors()
            task = asyncio.get_running_loop().create_task(probe.connect_any([first, second]))
            await until(lambda: descriptors() == open_before + 2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert descriptors() == open_before

    run(main)
