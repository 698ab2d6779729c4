"""loop.create_connection when a host has several addresses: order, races, errors."""

import errno
import socket
import sys

import pytest

from .peers import Recorder, unused_port

needs_all_errors = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="create_connection(all_errors=) came with Python 3.12"
)


def inet(port, host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    address = (host, port, 0, 0) if ":" in host else (host, port)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)


@pytest.fixture
def resolve_to(loop, monkeypatch):
    """Makes every host name of the loop resolve to the given address infos."""

    def resolve_every_name_to(*infos):
        async def getaddrinfo(*args, **kwargs):
            return list(infos)

        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)

    return resolve_every_name_to


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def attempts(loop, monkeypatch):
    """The addresses tried, in order; each attempt fails with ETIMEDOUT at once."""
    tried = []

    async def sock_connect(sock, address):
        tried.append(address[0])
        raise OSError(errno.ETIMEDOUT, f"no answer from {address[0]}")

    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    return tried


def test_second_address_is_tried_when_the_first_refuses(run, loop, listener, resolve_to):
    port = listener.getsockname()[1]
    resolve_to(inet(unused_port()), inet(port))

    async def main():
        transport, protocol = await loop.create_connection(Recorder, "two.addresses", 1)
        assert transport.get_extra_info("peername") == ("127.0.0.1", port)
        transport.close()
        await protocol.lost

    run(main())


def test_different_failures_are_combined_into_one_text(run, loop, resolve_to):
    first, second = unused_port(), unused_port("::1")
    resolve_to(inet(first), inet(second, "::1"))

    async def main():
        with pytest.raises(OSError) as info:
            await loop.create_connection(Recorder, "two.addresses", 1)
        refused = errno.ECONNREFUSED
        assert str(info.value) == (
            f"Multiple exceptions: [Errno {refused}] Connect call failed ('127.0.0.1', {first}), "
            f"[Errno {refused}] Connect call failed ('::1', {second}, 0, 0)"
        )

    run(main())


def test_equal_failures_are_raised_as_one(run, loop, resolve_to):
    port = unused_port()
    resolve_to(inet(port), inet(port))

    async def main():
        with pytest.raises(ConnectionRefusedError, match="^.Errno [0-9]+. Connect call failed"):
            await loop.create_connection(Recorder, "two.addresses", 1)

    run(main())


@needs_all_errors
def test_all_errors_gives_a_group_with_each_failure(run, loop, resolve_to):
    first, second = unused_port(), unused_port("::1")
    resolve_to(inet(first), inet(second, "::1"))

    async def main():
        with pytest.raises(BaseExceptionGroup) as info:
            await loop.create_connection(Recorder, "two.addresses", 1, all_errors=True)
        assert type(info.value) is ExceptionGroup
        assert info.value.message == "create_connection failed"
        assert [type(exc) for exc in info.value.exceptions] == [ConnectionRefusedError] * 2
        assert str(first) in str(info.value.exceptions[0])
        assert str(second) in str(info.value.exceptions[1])

    run(main())


@needs_all_errors
def test_all_errors_groups_even_a_single_failure(run, loop):
    async def main():
        with pytest.raises(BaseExceptionGroup) as info:
            await loop.create_connection(Recorder, "127.0.0.1", unused_port(), all_errors=True)
        assert [type(exc) for exc in info.value.exceptions] == [ConnectionRefusedError]

    run(main())


def test_addresses_are_tried_in_the_resolvers_order(run, loop, resolve_to, attempts):
    resolve_to(inet(1, "::1"), inet(1, "::2"), inet(1, "127.0.0.1"), inet(1, "127.0.0.2"))

    async def main():
        with pytest.raises(OSError):
            await loop.create_connection(Recorder, "four.addresses", 1)

    run(main())
    assert attempts == ["::1", "::2", "127.0.0.1", "127.0.0.2"]


@pytest.mark.parametrize(
    ("first_family_count", "expected"),
    [
        (1, ["::1", "127.0.0.1", "::2", "127.0.0.2", "::3"]),
        (2, ["::1", "::2", "127.0.0.1", "::3", "127.0.0.2"]),
    ],
)
def test_interleave_mixes_the_families(
    run, loop, resolve_to, attempts, first_family_count, expected
):
    resolve_to(*(inet(1, host) for host in ("::1", "::2", "::3", "127.0.0.1", "127.0.0.2")))

    async def main():
        with pytest.raises(OSError):
            await loop.create_connection(
                Recorder, "five.addresses", 1, interleave=first_family_count
            )

    run(main())
    assert attempts == expected


def test_happy_eyeballs_interleaves_by_default(run, loop, resolve_to, attempts):
    resolve_to(inet(1, "::1"), inet(1, "::2"), inet(1, "127.0.0.1"))

    async def main():
        with pytest.raises(OSError):
            await loop.create_connection(Recorder, "h", 1, happy_eyeballs_delay=60)

    run(main())
    assert attempts == ["::1", "127.0.0.1", "::2"]


def test_happy_eyeballs_does_not_wait_after_a_failure(run, loop, listener, resolve_to):
    resolve_to(inet(unused_port()), inet(listener.getsockname()[1]))

    async def main():
        transport, protocol = await loop.create_connection(
            Recorder, "two.addresses", 1, happy_eyeballs_delay=3600
        )
        transport.close()
        await protocol.lost

    run(main())


def test_happy_eyeballs_overtakes_an_address_that_does_not_answer(
    run, loop, listener, resolve_to, monkeypatch
):
    port = listener.getsockname()[1]
    resolve_to(inet(1), inet(port))
    connect = loop.sock_connect
    silent = []

    async def sock_connect(sock, address):
        if address[1] == 1:
            silent.append(sock)
            await loop.create_future()
        await connect(sock, address)

    monkeypatch.setattr(loop, "sock_connect", sock_connect)

    async def main():
        transport, protocol = await loop.create_connection(
            Recorder, "two.addresses", 1, happy_eyeballs_delay=0.01
        )
        assert transport.get_extra_info("peername") == ("127.0.0.1", port)
        assert [sock.fileno() for sock in silent] == [-1]
        transport.close()
        await protocol.lost

    run(main())


def test_failed_attempts_leave_no_socket_open(run, loop, resolve_to, monkeypatch):
    resolve_to(inet(unused_port()), inet(unused_port()), inet(unused_port()))
    connect = loop.sock_connect
    sockets = []

    async def sock_connect(sock, address):
        sockets.append(sock)
        await connect(sock, address)

    monkeypatch.setattr(loop, "sock_connect", sock_connect)

    async def main():
        with pytest.raises(OSError):
            await loop.create_connection(Recorder, "three.addresses", 1)

    run(main())
    assert [sock.fileno() for sock in sockets] == [-1, -1, -1]


def test_each_attempt_is_made_on_a_socket_of_its_family(run, loop, resolve_to, monkeypatch):
    families = []

    async def sock_connect(sock, address):
        families.append(sock.family)
        raise TimeoutError

    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    resolve_to(inet(1, "::1"), inet(1, "127.0.0.1"))

    async def main():
        with pytest.raises(TimeoutError):
            await loop.create_connection(Recorder, "two.addresses", 1)

    run(main())
    assert families == [socket.AF_INET6, socket.AF_INET]
