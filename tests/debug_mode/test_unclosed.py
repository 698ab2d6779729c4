"""What is said of transports and servers that nobody closed?"""

import asyncio
import gc
import socket

import pytest


def tcp_sockets():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        return near, listener.accept()[0]


@pytest.mark.parametrize("pair", [tcp_sockets, socket.socketpair], ids=["tcp", "unix"])
@pytest.mark.parametrize("debug", [False, True])
def test_a_transport_left_to_the_collector_is_closed_with_a_warning(loop_factory, pair, debug):
    loop = loop_factory()
    loop.set_debug(debug)
    near, far = pair()
    descriptor = near.fileno()
    with far:
        transport, _ = loop.run_until_complete(loop.connect_accepted_socket(asyncio.Protocol, near))
        # What watches the socket keeps the transport alive for as long.
        loop.close()
        del near
        with pytest.warns(ResourceWarning) as warned:
            identity = id(transport)
            del transport
            gc.collect()
        # The collector may come to the socket itself first, and that warns as well.
        messages = [item for item in warned if not str(item.message).startswith("unclosed <socket")]
        (warning,) = messages
        assert str(warning.message).startswith("unclosed transport <")
        assert id(warning.source) == identity
        assert f" fd={descriptor}" in str(warning.message)
        far.settimeout(10)
        assert far.recv(1) == b""


def test_a_closed_transport_is_no_reason_for_a_warning(loop, run):
    async def main():
        near, far = socket.socketpair()
        with far:
            transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, near)
            transport.close()
            await asyncio.sleep(0)

    run(main())
    gc.collect()


@pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning")
def test_a_server_left_to_the_collector_is_warned_of_by_its_socket(loop_factory):
    loop = loop_factory()
    server = loop.run_until_complete(loop.create_server(asyncio.Protocol, "127.0.0.1", 0))
    address = server.sockets[0].getsockname()
    loop.close()
    with pytest.warns(ResourceWarning, match="^unclosed <socket.socket .*laddr=") as warned:
        del server
        gc.collect()
    assert repr(address) in str(warned[0].message)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
