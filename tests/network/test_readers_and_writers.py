"""loop.add_reader and add_writer: level-triggered callbacks on any descriptor."""

import asyncio
import errno
import gc
import os
import resource
import socket
import weakref

import pytest

from .peers import Recorder, tcp_pair


@pytest.fixture
def pair():
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        yield near, far


def test_reader_is_called_while_there_is_something_to_read(loop, turn, pair):
    near, far = pair
    calls = []
    assert loop.add_reader(near, calls.append, "ready") is None
    turn(2)
    assert calls == []
    far.send(b"ab")
    turn(2)
    # Level-triggered: nothing was read, so every iteration reports it again.
    before = len(calls)
    assert before >= 1
    turn()
    assert len(calls) == before + 1
    near.recv(1)
    turn()
    assert len(calls) == before + 2
    near.recv(1)
    turn(2)
    settled = len(calls)
    turn(2)
    assert len(calls) == settled
    assert loop.remove_reader(near) is True


def test_reader_is_called_once_a_turn(loop, turn, pair):
    near, far = pair
    far.send(b"x" * 1000)
    calls = []
    loop.add_reader(near, calls.append, None)
    turn()
    before = len(calls)
    for count in range(1, 6):
        turn()
        assert len(calls) == before + count
    loop.remove_reader(near)


def test_writer_is_called_while_there_is_room(loop, turn, pair):
    near, far = pair
    calls = []
    assert loop.add_writer(near, calls.append, "room") is None
    turn(2)
    before = len(calls)
    assert before >= 1
    turn(2)
    assert len(calls) == before + 2
    try:
        while True:
            near.send(b"x" * 65536)
    except BlockingIOError:
        pass
    turn()
    full = len(calls)
    turn(3)
    assert len(calls) == full
    try:
        while far.recv(65536):
            pass
    except BlockingIOError:
        pass
    turn(2)
    assert len(calls) > full
    assert loop.remove_writer(near) is True


def test_arguments_are_passed_on(run, loop, pair):
    near, far = pair

    async def main():
        called = loop.create_future()
        loop.add_reader(near, lambda *args: called.done() or called.set_result(args), 1, "two")
        far.send(b"x")
        assert await called == (1, "two")
        loop.remove_reader(near)

    run(main())


@pytest.mark.parametrize("as_number", [True, False], ids=["number", "file object"])
def test_descriptors_and_file_objects_mean_the_same(loop, pair, as_number):
    near, _ = pair
    loop.add_reader(near.fileno() if as_number else near, print)
    assert loop.remove_reader(near if as_number else near.fileno()) is True


@pytest.mark.parametrize("side", ["reader", "writer"])
def test_removing_tells_whether_there_was_one(loop, pair, side):
    near, _ = pair
    add, remove = getattr(loop, f"add_{side}"), getattr(loop, f"remove_{side}")
    assert remove(near) is False
    add(near, print)
    assert remove(near) is True
    assert remove(near) is False
    add(near, print)
    add(near, print)
    assert remove(near) is True
    assert remove(near) is False


def test_adding_again_replaces_the_callback(loop, turn, pair):
    near, far = pair
    calls = []
    far.send(b"x")
    loop.add_reader(near, calls.append, "first")
    loop.add_reader(near, calls.append, "second")
    turn(2)
    assert set(calls) == {"second"}
    loop.remove_reader(near)


def test_replacing_inside_the_callback(loop, turn, pair):
    near, far = pair
    calls = []

    def first():
        calls.append("first")
        loop.add_reader(near, calls.append, "second")

    far.send(b"x")
    loop.add_reader(near, first)
    turn(4)
    assert calls[0] == "first"
    assert set(calls[1:]) == {"second"}
    loop.remove_reader(near)


def test_reader_and_writer_of_one_descriptor_are_independent(loop, turn, pair):
    near, far = pair
    calls = []
    loop.add_reader(near, calls.append, "read")
    loop.add_writer(near, calls.append, "write")
    turn(2)
    assert set(calls) == {"write"}
    far.send(b"x")
    turn(2)
    assert set(calls) == {"read", "write"}
    assert loop.remove_writer(near) is True
    turn()
    calls.clear()
    turn(2)
    assert set(calls) == {"read"}
    loop.add_writer(near, calls.append, "write")
    assert loop.remove_reader(near) is True
    turn()
    calls.clear()
    turn(2)
    assert set(calls) == {"write"}
    assert loop.remove_writer(near) is True


def test_removed_reader_is_not_called_any_more(loop, turn, pair):
    near, far = pair
    calls = []
    loop.add_reader(near, calls.append, None)
    far.send(b"x")
    loop.remove_reader(near)
    turn(3)
    assert calls == []


def test_callback_may_remove_itself(loop, turn, pair):
    near, far = pair
    calls = []

    def once():
        calls.append(loop.remove_reader(near))

    loop.add_reader(near, once)
    far.send(b"x")
    turn(4)
    assert calls == [True]


def test_callback_may_remove_another_that_is_ready_in_the_same_turn(loop, turn):
    pairs = [socket.socketpair() for _ in range(2)]
    calls = []

    def take(mine, other):
        calls.append(mine)
        loop.remove_reader(mine)
        loop.remove_reader(other)

    (near_a, far_a), (near_b, far_b) = pairs
    loop.add_reader(near_a, take, near_a, near_b)
    loop.add_reader(near_b, take, near_b, near_a)
    far_a.send(b"x")
    far_b.send(b"x")
    turn(4)
    # Whichever came first took the other one's turn away.
    assert len(calls) == 1
    for sock in (*pairs[0], *pairs[1]):
        sock.close()


def test_peers_hang_up_wakes_reader_and_writer(loop, turn, pair):
    near, far = pair
    calls = []
    loop.add_reader(near, calls.append, "read")
    far.close()
    turn(2)
    assert set(calls) == {"read"}
    assert near.recv(1) == b""
    loop.remove_reader(near)


def test_hang_up_without_data_wakes_the_writer_of_a_pipe(loop, turn):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 65536)
    except BlockingIOError:
        pass
    calls = []
    loop.add_writer(writing, calls.append, "write")
    turn(2)
    assert calls == []
    os.close(reading)
    turn(2)
    assert set(calls) == {"write"}
    loop.remove_writer(writing)
    os.close(writing)


def test_readers_of_many_descriptors(run, loop):
    async def main():
        pairs = [socket.socketpair() for _ in range(200)]
        got = []
        done = loop.create_future()

        def receive(index, sock):
            got.append((index, sock.recv(100)))
            loop.remove_reader(sock)
            if len(got) == len(pairs):
                done.set_result(None)

        for index, (near, _) in enumerate(pairs):
            loop.add_reader(near, receive, index, near)
        for index, (_, far) in enumerate(pairs):
            far.send(b"%d" % index)
        await done
        assert sorted(got) == [(index, b"%d" % index) for index in range(200)]
        for sock in (sock for pair in pairs for sock in pair):
            sock.close()

    run(main())


def test_failing_callback_is_reported_and_stays(run, loop, reported, pair):
    near, far = pair

    def fails():
        near.recv(1)
        raise ArithmeticError("in the reader")

    async def main():
        loop.add_reader(near, fails)
        for _ in range(2):
            far.send(b"x")
            while not reported:
                await asyncio.sleep(0)
            context = reported.take_one()
            assert str(context["exception"]) == "in the reader"
            assert context["message"].startswith("Exception in callback ")
            assert "fails" in context["message"]
        assert loop.remove_reader(near) is True

    run(main())


def test_a_transports_descriptor_is_taken(run, loop):
    async def main():
        near, far = tcp_pair()
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            number = near.fileno()
            for name, arguments in (
                ("add_reader", (print,)),
                ("add_writer", (print,)),
                ("remove_reader", ()),
                ("remove_writer", ()),
            ):
                for shown in (number, near):
                    with pytest.raises(RuntimeError) as info:
                        getattr(loop, name)(shown, *arguments)
                    assert str(info.value) == (
                        f"File descriptor {shown!r} is used by transport {transport!r}"
                    )
            transport.close()
            await protocol.lost

    run(main())


def pair_at(number):
    """A new socket pair whose first socket has the free descriptor number."""
    near, far = sorted(socket.socketpair(), key=lambda sock: sock.fileno() != number)
    if near.fileno() != number:
        os.dup2(near.fileno(), number)
        near.close()
        near = socket.socket(fileno=number)
    return near, far


def test_a_transports_number_is_free_again_after_its_end(run, loop):
    async def main():
        sock, peer = tcp_pair()
        number = sock.fileno()
        transport, protocol = await loop.create_connection(Recorder, sock=sock)
        transport.close()
        await protocol.lost
        peer.close()
        near, far = pair_at(number)
        with near, far:
            called = loop.create_future()
            loop.add_reader(number, lambda: called.done() or called.set_result(None))
            far.send(b"x")
            await called
            assert loop.remove_reader(number) is True

    run(main())


def test_descriptor_closed_and_number_reused(run, loop):
    async def main():
        calls = []
        first, first_peer = socket.socketpair()
        number = first.fileno()
        loop.add_reader(first, calls.append, "first")
        loop.remove_reader(first)
        first.close()
        first_peer.close()

        near, far = pair_at(number)
        with near, far:
            called = loop.create_future()
            loop.add_reader(number, lambda: called.done() or called.set_result(None))
            far.send(b"x")
            await called
            assert loop.remove_reader(number) is True
        assert calls == []

    run(main())


def test_closing_the_loop_forgets_readers(loop, pair):
    near, _ = pair
    loop.add_reader(near, print)
    loop.add_writer(near, print)
    loop.close()
    assert loop.remove_reader(near) is False
    assert loop.remove_writer(near) is False
    assert near.fileno() >= 0


@pytest.mark.parametrize("direction", ["reader", "writer"])
def test_a_socket_that_was_closed_meanwhile_can_be_removed(loop, turn, direction):
    near, far = socket.socketpair()
    number = near.fileno()
    with far:
        getattr(loop, f"add_{direction}")(near, print)
        near.close()
        remove = getattr(loop, f"remove_{direction}")
        assert remove(near) is True
        with pytest.raises(ValueError, match="Invalid file descriptor: -1"):
            remove(near)
    # The number is free again for whoever gets it next.
    again, far = socket.socketpair()
    with again, far:
        os.dup2(again.fileno(), number)
        calls = []
        loop.add_reader(number, calls.append, "ready")
        far.send(b"x")
        turn(2)
        assert "ready" in calls
        loop.remove_reader(number)
        if number != again.fileno():
            os.close(number)


def test_a_watched_file_is_kept_as_long_as_it_is_watched(loop):
    class File:
        def fileno(self):
            return near.fileno()

    near, far = socket.socketpair()
    with near, far:
        kept = File()
        seen = weakref.ref(kept)
        loop.add_reader(kept, print)
        del kept
        gc.collect()
        assert seen() is not None
        loop.remove_reader(near.fileno())
        gc.collect()
        assert seen() is None


@pytest.mark.parametrize("method", ["add_reader", "add_writer"])
@pytest.mark.parametrize("number", [100_000, 1_000_000, 10_000_000, 2**31 - 1])
def test_a_number_that_is_not_open_takes_no_memory(loop, method, number):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(OSError) as raised:
        getattr(loop, method)(number, print)
    assert raised.value.errno == errno.EBADF
    assert loop.remove_reader(number) is False
    assert loop.remove_writer(number) is False
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000  # KiB
