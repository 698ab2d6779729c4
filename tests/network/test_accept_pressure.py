"""Accepting under pressure: no free descriptor, thousands of short connections."""

import asyncio
import gc
import os
import socket

import pytest

from .peers import Recorder

# Runs with few descriptors: fills the table, connects, and expects that the refused
# accept is reported once, that the loop rests, and that accepting goes on by itself.
FULL_TABLE = """
    import asyncio, errno, importlib, os, resource, socket, sys, time

    loop = importlib.import_module(sys.argv[1]).new_event_loop()
    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(context))
    accepted = []

    class Greeter(asyncio.Protocol):
        def connection_made(self, transport):
            accepted.append(transport)
            transport.write(b"welcome")

    async def main():
        server = await loop.create_server(Greeter, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        client = socket.socket()
        client.setblocking(False)

        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
        hoard = []
        while True:
            try:
                hoard.append(os.open(os.devnull, os.O_RDONLY))
            except OSError as exc:
                assert exc.errno == errno.EMFILE
                break

        await loop.sock_connect(client, address)
        while not reports:
            await asyncio.sleep(0)

        # Nothing can be accepted now: a loop that polls all the same burns this time.
        reports_before, used_before = len(reports), time.process_time()
        await asyncio.sleep(0.5)
        print("reports while full:", len(reports) - reports_before)
        print("resting:", time.process_time() - used_before < 0.25)
        print("accepted while full:", len(accepted))

        for descriptor in hoard:
            os.close(descriptor)
        print("received:", await loop.sock_recv(client, 100))
        client.close()
        server.close()
        for transport in accepted:
            transport.abort()
        await asyncio.sleep(0)
        await server.wait_closed()

    loop.run_until_complete(asyncio.wait_for(main(), 15))
    loop.close()
    context = reports[0]
    print(context["message"])
    print(type(context["exception"]).__name__, context["exception"].errno == errno.EMFILE)
    print(type(context["socket"]).__name__)
"""


def test_full_descriptor_table_pauses_accepting_and_is_reported(kind, run_script):
    finished = run_script(FULL_TABLE, kind)
    assert finished.stderr == ""
    assert finished.stdout.splitlines() == [
        "reports while full: 0",
        "resting: True",
        "accepted while full: 0",
        "received: b'welcome'",
        "socket.accept() out of system resource",
        "OSError True",
        "TransportSocket",
    ]
    assert finished.returncode == 0


@pytest.mark.timeout(60)
def test_thousands_of_short_connections_leak_no_descriptor(run, loop):
    class Echo(Recorder):
        served = 0

        def data_received(self, data):
            super().data_received(data)
            self.transport.write(data)
            self.transport.close()

        def connection_lost(self, exc):
            super().connection_lost(exc)
            Echo.served += 1

    async def one_connection(address):
        transport, protocol = await loop.create_connection(Recorder, *address)
        transport.write(b"ping")
        assert await protocol.lost is None
        assert protocol.received == b"ping"

    async def main():
        server = await loop.create_server(Echo, "127.0.0.1", 0, backlog=200)
        address = server.sockets[0].getsockname()
        await one_connection(address)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(30):
            await asyncio.gather(*(one_connection(address) for _ in range(100)))
        while Echo.served < 3001:
            await asyncio.sleep(0)
        gc.collect()
        assert len(os.listdir("/proc/self/fd")) == before
        server.close()
        await server.wait_closed()

    run(main(), deadline=50)


def test_clients_that_hang_up_without_a_word_leak_no_descriptor(run, loop):
    ended = []

    class Counts(Recorder):
        def connection_lost(self, exc):
            super().connection_lost(exc)
            ended.append(exc)

    async def main():
        server = await loop.create_server(Counts, "127.0.0.1", 0, backlog=200)
        address = server.sockets[0].getsockname()
        before = len(os.listdir("/proc/self/fd"))
        for round_number in range(1, 6):
            for transport, protocol in await asyncio.gather(
                *(loop.create_connection(Recorder, *address) for _ in range(100))
            ):
                transport.abort()
                await protocol.lost
            while len(ended) < round_number * 100:
                await asyncio.sleep(0)
        assert len(os.listdir("/proc/self/fd")) == before
        server.close()
        await server.wait_closed()

    run(main())


def test_bursts_among_single_connections_are_accepted(run, loop):
    class Greeter(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"welcome")
            transport.close()

    def connect(address):
        client = socket.create_connection(address)
        client.setblocking(False)
        return client

    async def greeting(client):
        with client:
            return await loop.sock_recv(client, 100)

    async def main():
        server = await loop.create_server(Greeter, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        for size in [1] * 20 + [50, 1, 1, 50] + [2] * 20 + [100]:
            clients = [connect(address) for _ in range(size)]
            greetings = await asyncio.gather(*map(greeting, clients))
            assert greetings == [b"welcome"] * size
        server.close()
        await server.wait_closed()

    run(main())


def test_connections_are_accepted_in_order(run, loop):
    async def main():
        peers = []

        class Accepted(asyncio.Protocol):
            def connection_made(self, transport):
                peers.append(transport.get_extra_info("peername"))
                transport.close()

        server = await loop.create_server(Accepted, "127.0.0.1", 0)
        clients = [socket.create_connection(server.sockets[0].getsockname()) for _ in range(40)]
        while len(peers) < len(clients):
            await asyncio.sleep(0)
        assert peers == [client.getsockname() for client in clients]
        for client in clients:
            client.close()
        server.close()
        await server.wait_closed()

    run(main())
