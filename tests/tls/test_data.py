"""Plain text in, plain text out: sizes, pieces, kinds of buffers, what a protocol may do."""

import asyncio

import pytest
from network.peers import MORE_THAN_THE_KERNEL_TAKES, Recorder, patterned

from .peers import APPLICATION_DATA, turns

#: Around the 16 KiB of plain text that a TLS record holds.
SIZES = [1, 2, 1024, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 100_003]


@pytest.fixture
def contexts(certificates, version):
    return certificates.server_context(version=version), certificates.client_context(version)


@pytest.mark.parametrize("size", SIZES)
def test_one_message_each_way(run, wired, side, size):
    data = patterned(size)

    async def main():
        async with wired(side) as (transport, protocol, peer):
            transport.write(data)
            assert await peer.receive(size) == data
            await peer.send(data)
            assert await protocol.receive(size) == data

    run(main())


def test_megabytes_both_ways_at_once(run, paired):
    there, back = patterned(MORE_THAN_THE_KERNEL_TAKES), patterned(MORE_THAN_THE_KERNEL_TAKES)[::-1]

    async def feed(protocol, data):
        for at in range(0, len(data), 100_000):
            protocol.transport.write(data[at : at + 100_000])
            await protocol.writable()

    async def main():
        async with paired() as (client, server):
            await asyncio.gather(feed(client, there), feed(server, back))
            assert await server.receive(len(there)) == there
            assert await client.receive(len(back)) == back

    run(main(), deadline=25)


def test_one_large_write(run, paired):
    data = patterned(MORE_THAN_THE_KERNEL_TAKES)

    async def main():
        async with paired() as (client, server):
            client.transport.write(data)
            assert await server.receive(len(data)) == data

    run(main(), deadline=25)


def test_many_small_writes_keep_their_order(run, wired):
    async def main():
        async with wired() as (transport, _, peer):
            pieces = [b"%d," % number for number in range(5000)]
            for piece in pieces:
                transport.write(piece)
            whole = b"".join(pieces)
            assert await peer.receive(len(whole)) == whole

    run(main())


def test_many_small_records_arrive_in_order(run, wired):
    async def main():
        async with wired() as (_, protocol, peer):
            pieces = [b"%d," % number for number in range(3000)]
            await peer.loop.sock_sendall(peer.sock, b"".join(map(peer.encrypt, pieces)))
            whole = b"".join(pieces)
            assert await protocol.receive(len(whole)) == whole

    run(main())


def test_records_that_arrived_together_are_one_call(run, wired):
    class Counts(Recorder):
        def data_received(self, data):
            sizes.append(len(data))
            assert type(data) is bytes
            super().data_received(data)

    sizes = []

    async def main():
        async with wired(protocol_factory=Counts) as (_, protocol, peer):
            peer.sock.send(b"".join(peer.encrypt(b"0123456789") for _ in range(10)))
            await protocol.receive(100)
            assert sizes == [100]

    run(main())


def test_a_record_cut_anywhere_is_put_together(run, wired):
    async def main():
        async with wired() as (_, protocol, peer):
            for at in range(1, 12):
                record = peer.encrypt(b"whole")
                assert record[:1] == APPLICATION_DATA
                await peer.loop.sock_sendall(peer.sock, record[:at])
                await turns(5)
                assert len(protocol.received) == 5 * (at - 1)
                await peer.loop.sock_sendall(peer.sock, record[at:])
                assert await protocol.receive(5 * at) == b"whole" * at

    run(main())


def test_an_empty_record_is_no_data(run, wired):
    async def main():
        async with wired() as (_, protocol, peer):
            peer.object.write(b"")
            await peer.send(b"after it")
            assert await protocol.receive(8) == b"after it"
            assert protocol.calls == ["connection_made", "data_received"]

    run(main())


@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_kinds_of_buffers(run, wired, buffer):
    async def main():
        async with wired() as (transport, _, peer):
            transport.write(buffer(b"abc"))
            transport.writelines([buffer(b"def"), buffer(b"ghi")])
            assert await peer.receive(9) == b"abcdefghi"

    run(main())


@pytest.mark.parametrize("size", [10, MORE_THAN_THE_KERNEL_TAKES])
def test_a_buffer_may_change_after_write(run, wired, size):
    data = patterned(size)
    mutable = bytearray(data)

    async def main():
        async with wired() as (transport, _, peer):
            transport.write(mutable)
            mutable[:] = bytes(size)
            transport.write(memoryview(mutable))
            # Nothing keeps the memory locked either.
            del mutable[5:]
            assert await peer.receive(size) == data
            assert await peer.receive(size) == bytes(size)

    run(main(), deadline=25)


def test_a_slice_of_a_larger_buffer(run, wired):
    async def main():
        async with wired() as (transport, _, peer):
            transport.write(memoryview(b"0123456789")[3:6])
            transport.write(memoryview(bytearray(b"0123456789"))[6:8])
            assert await peer.receive(5) == b"34567"

    run(main())


@pytest.mark.parametrize("wrong", ["text", 7, None, [b"list"]])
def test_what_is_not_bytes_is_refused(run, wired, wrong):
    async def main():
        async with wired() as (transport, _, peer):
            with pytest.raises(TypeError) as info:
                transport.write(wrong)
            assert str(info.value) == (
                f"data: expecting a bytes-like instance, got {type(wrong).__name__}"
            )
            transport.write(b"unharmed")
            assert await peer.receive(8) == b"unharmed"

    run(main())


@pytest.mark.parametrize("wrong", [7, None])
def test_writelines_wants_an_iterable(run, wired, wrong):
    async def main():
        async with wired() as (transport, _, peer):
            with pytest.raises(TypeError, match="is not iterable"):
                transport.writelines(wrong)
            transport.write(b"unharmed")
            assert await peer.receive(8) == b"unharmed"

    run(main())


def test_writelines_with_a_line_that_is_not_bytes_ends_the_connection(run, wired, reported):
    async def main():
        async with wired() as (transport, protocol, _):
            transport.writelines(["text"])
            lost = await protocol.lost
            assert isinstance(lost, TypeError)
            context = reported.take_one()
            assert context["message"] == "Fatal error on SSL protocol"
            assert context["exception"] is lost

    run(main())


def test_writing_nothing_sends_nothing(run, wired):
    async def main():
        async with wired() as (transport, _, peer):
            transport.write(b"")
            transport.write(bytearray())
            transport.writelines([])
            await turns(3)
            with pytest.raises(BlockingIOError):
                peer.sock.recv(1)

    run(main())


def test_writelines_takes_any_iterable(run, wired):
    async def main():
        async with wired() as (transport, _, peer):
            transport.writelines(b"%d" % number for number in range(5))
            transport.writelines((b"", b"five", b""))
            assert await peer.receive(9) == b"01234five"

    run(main())


def test_the_socket_carries_no_plain_text(run, wired):
    secret = b"the secret that must not show"

    async def main():
        async with wired() as (transport, _, peer):
            transport.write(secret)
            raw = await peer.loop.sock_recv(peer.sock, 64 * 1024)
            assert raw[:1] == APPLICATION_DATA
            assert secret not in raw
            peer._incoming.write(raw)
            assert await peer.receive(len(secret)) == secret

    run(main())


def test_answering_from_data_received(run, paired):
    class Echo(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.write(data)

    data = patterned(1024 * 1024)

    async def main():
        async with paired(server_factory=Echo) as (client, _):
            client.transport.write(data)
            assert await client.receive(len(data)) == data

    run(main(), deadline=25)


def test_writing_in_connection_made(run, wired, side):
    class Greets(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            transport.write(b"greetings")

    async def main():
        async with wired(side, Greets) as (_, _, peer):
            assert await peer.receive(9) == b"greetings"

    run(main())


def test_exception_in_data_received_ends_the_connection(run, wired, reported):
    class Fails(Recorder):
        def data_received(self, data):
            super().data_received(data)
            raise ArithmeticError("in data_received")

    async def main():
        async with wired(protocol_factory=Fails) as (transport, protocol, peer):
            await peer.send(b"x")
            lost = await protocol.lost
            assert str(lost) == "in data_received"
            context = reported.take_one()
            assert context["message"] == "Fatal error on SSL protocol"
            assert context["exception"] is lost
            assert transport.is_closing()
            assert protocol.calls == ["connection_made", "data_received", "connection_lost"]

    run(main())
