"""A StreamReader among objects that call back, raise, and are not what they seem."""

import array
import asyncio
import sys

import pytest

#: Since 3.15 bytes leave the buffer by `take_bytes`; before, a slice was copied and deleted.
TAKES_BYTES = sys.version_info >= (3, 15)


class Transport:
    """A transport that counts, and does what the test says in between."""

    def __init__(self, on_pause=None, on_resume=None):
        self.calls = []
        self.on_pause, self.on_resume = on_pause, on_resume

    def pause_reading(self):
        self.calls.append("pause")
        if self.on_pause is not None:
            self.on_pause()

    def resume_reading(self):
        self.calls.append("resume")
        if self.on_resume is not None:
            self.on_resume()


@pytest.fixture
def reader(api, loop):
    return api.StreamReader(limit=4, loop=loop)


def raising(exception):
    def act():
        raise exception

    return act


async def begun(coroutine):
    """A task that has run as far as it can."""
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    return task


def test_a_waiter_put_there_by_resume_reading_gives_way(run, loop, reader):
    async def main():
        other = loop.create_future()

        def put_waiter():
            reader._waiter = other

        transport = Transport(on_resume=put_waiter)
        reader.set_transport(transport)
        reader._paused = True
        reading = await begun(reader.read(1))
        assert transport.calls == ["resume"]
        assert reader._waiter is not other
        reader.feed_data(b"x")
        assert await reading == b"x"
        assert not other.done()

    run(main())


def test_a_waiter_whose_finalizer_calls_back_may_be_replaced(run, loop, reader):
    class Waiter:
        def __del__(self):
            seen.append(reader._waiter is not None)
            reader._waiter = None

    seen = []

    async def main():
        def put_waiter():
            reader._waiter = Waiter()

        reader.set_transport(Transport(on_resume=put_waiter))
        reader._paused = True
        reading = await begun(reader.read(1))
        assert seen == [True]
        reading.cancel()
        await asyncio.wait([reading])

    run(main())


def test_resume_reading_that_feeds_wakes_nobody(run, reader):
    async def main():
        transport = Transport(on_resume=lambda: reader.feed_data(b"early"))
        reader.set_transport(transport)
        reader._paused = True
        reading = await begun(reader.read(100))
        assert not reading.done()
        reader.feed_data(b"!")
        assert await reading == b"early!"

    run(main())


def test_what_resume_reading_raises_leaves_the_bytes(run, reader):
    async def main():
        reader.set_transport(Transport(on_resume=raising(ZeroDivisionError)))
        reader._paused = True
        with pytest.raises(ZeroDivisionError):
            await reader.read(100)
        assert reader._waiter is None
        assert not reader._paused
        reader.feed_data(b"kept")
        assert await reader.read(100) == b"kept"

    run(main())


def test_a_paused_reader_without_a_transport_cannot_resume(run, reader):
    async def main():
        reader._paused = True
        with pytest.raises(AttributeError, match="'NoneType' object has no attribute"):
            await reader.read(100)

    run(main())


def test_pause_reading_that_feeds_pauses_again(run, reader):
    def feed_once():
        if transport.calls == ["pause"]:
            reader.feed_data(b"more")

    transport = Transport(on_pause=feed_once)

    async def main():
        reader.set_transport(transport)
        reader.feed_data(b"0123456789")
        assert transport.calls == ["pause", "pause"]
        assert reader._paused
        assert await reader.read(100) == b"0123456789more"
        assert transport.calls == ["pause", "pause", "resume"]

    run(main())


@pytest.mark.parametrize("exception", [NotImplementedError, ZeroDivisionError, KeyboardInterrupt])
def test_pause_reading_that_raises(run, reader, exception):
    transport = Transport(on_pause=raising(exception))

    async def main():
        reader.set_transport(transport)
        if exception is NotImplementedError:
            reader.feed_data(b"0123456789")
            assert reader._transport is None
        else:
            with pytest.raises(exception):
                reader.feed_data(b"0123456789")
            assert reader._transport is transport
        assert not reader._paused
        assert await reader.read(100) == b"0123456789"

    run(main())


def test_the_buffer_may_be_any_object(run, reader):
    class Odd(bytearray):
        def extend(self, data):
            super().extend(data.upper())

        def __len__(self):
            return super().__len__() + lie

    async def main():
        nonlocal lie
        reader._buffer = Odd(b"a")
        reader.feed_data(b"bc")
        assert type(reader._buffer) is Odd
        assert await reader.read(2) == b"aB"
        lie = 1
        if TAKES_BYTES:
            with pytest.raises(IndexError, match="can't take 2 bytes outside size 1"):
                await reader.readexactly(2)
        else:
            assert await reader.readexactly(2) == b"C"
        reader._buffer = b"constant"
        with pytest.raises(AttributeError if TAKES_BYTES else TypeError):
            await reader.read(2)
        with pytest.raises(AttributeError if TAKES_BYTES else TypeError):
            await reader.readuntil(b"s")
        with pytest.raises(AttributeError):
            reader.feed_data(b"x")
        reader._buffer = None
        with pytest.raises(TypeError):
            await reader.readexactly(1)

    lie = 0
    run(main())


@pytest.mark.parametrize("method", ["read", "readexactly", "readuntil", "readline", "feed"])
def test_an_exported_buffer_cannot_change(run, reader, method):
    async def main():
        reader.feed_data(b"a\nb")
        with memoryview(reader._buffer), pytest.raises(BufferError):
            if method == "feed":
                reader.feed_data(b"x" * 1000)
            elif method in ("read", "readexactly"):
                await getattr(reader, method)(2)
            else:
                await getattr(reader, method)()
        assert await reader.read(100) == b"a\nb"

    run(main())


def test_the_buffer_that_was_shown_is_the_one_that_counts(run, reader):
    async def main():
        reader.feed_data(b"abc")
        shown = reader._buffer
        assert shown == b"abc"
        shown += b"def"
        assert await reader.read(100) == b"abcdef"
        reader.feed_data(b"x")
        assert shown == b"x"
        reading = await begun(reader.readexactly(3))
        shown += b"yz"
        reader._wakeup_waiter()
        assert await reading == b"xyz"

    run(main())


@pytest.mark.parametrize(
    "separator, error",
    [
        (b"", ValueError),
        ("", ValueError),
        ((), ValueError),
        (7, TypeError),
        (None, TypeError),
        ("ab", TypeError),
        ([b"\n"], TypeError),
    ],
)
def test_a_separator_that_is_none(run, reader, separator, error):
    async def main():
        reader.feed_data(b"abc")
        with pytest.raises(error):
            await reader.readuntil(separator)
        assert await reader.read(3) == b"abc"

    run(main())


def test_a_separator_is_looked_at_when_there_is_enough(run, api, reader):
    async def main():
        reading = await begun(reader.readuntil("text"))
        reader.feed_data(b"abc")
        await asyncio.sleep(0)
        assert not reading.done()
        reader.feed_eof()
        with pytest.raises(api.IncompleteReadError) as caught:
            await reading
        assert caught.value.partial == b"abc"

    run(main())


@pytest.mark.parametrize("kind_of_bytes", [bytearray, memoryview, lambda it: array.array("B", it)])
def test_any_bytes_can_separate(run, reader, kind_of_bytes):
    async def main():
        reader.feed_data(b"a\r\nb")
        assert await reader.readuntil(kind_of_bytes(b"\r\n")) == b"a\r\n"

    run(main())


def test_a_separator_counts_as_long_as_it_says(run, reader):
    wide = array.array("H", b"\r\n")

    async def main():
        reader.feed_data(b"a\r\nb")
        assert await reader.readuntil(wide) == b"a\r"
        assert await reader.read(10) == b"\nb"

    run(main())


def test_a_separator_may_change_while_it_is_waited_for(run, reader):
    separator = bytearray(b";")

    async def main():
        reading = await begun(reader.readuntil(separator))
        separator[:] = b","
        reader.feed_data(b"a;b,")
        assert await reading == b"a;b,"

    run(main())


def test_a_separator_whose_length_reads(run, api, reader, several_separators):
    class Odd(bytes):
        def __len__(self):
            if not reader.at_eof():
                reader._buffer.clear()
            return super().__len__()

    async def main():
        reader.feed_data(b"abc")
        reader.feed_eof()
        with pytest.raises(api.IncompleteReadError) as caught:
            await reader.readuntil((Odd(b"c"), b"long one"))
        assert caught.value.partial == b""

    run(main())


def test_one_of_several_separators_is_none(run, reader, several_separators):
    async def main():
        reader.feed_data(b"abc")
        with pytest.raises(TypeError):
            await reader.readuntil((b"x", 1))
        with pytest.raises(ValueError):
            await reader.readuntil((b"x", b""))
        with pytest.raises(TypeError):
            await reader.readuntil((b"x", "c"))
        assert await reader.readuntil((b"c", memoryview(b"b"))) == b"ab"

    run(main())


HUGE = 2**70


def test_more_than_there_can_be(run, api, reader):
    async def main():
        reading = await begun(reader.readexactly(HUGE))
        reader.feed_data(b"abc")
        reader.feed_eof()
        with pytest.raises(api.IncompleteReadError) as caught:
            await reading
        assert caught.value.expected == HUGE
        assert caught.value.partial == b"abc"

    run(main())


def test_at_most_more_than_there_can_be(run, reader):
    async def main():
        reader.feed_data(b"abc")
        assert await reader.read(HUGE) == b"abc"
        reader.feed_data(b"def")
        reader.feed_eof()
        assert await reader.read(-HUGE) == b"def"
        with pytest.raises(ValueError):
            await reader.readexactly(-HUGE)

    run(main())


class Index:
    def __init__(self, number):
        self.number = number

    def __index__(self):
        return self.number


@pytest.mark.parametrize("method", ["read", "readexactly"])
@pytest.mark.parametrize("number", [2.0, None, "2", Index(2)])
def test_a_number_that_is_none(run, reader, method, number):
    async def main():
        reader.feed_data(b"abc")
        with pytest.raises(TypeError):
            await getattr(reader, method)(number)
        assert await reader.read(3) == b"abc"

    run(main())


@pytest.mark.parametrize("method", ["read", "readexactly"])
def test_a_number_is_looked_at_when_there_is_something(run, reader, method):
    text = "n must be an integer or None" if TAKES_BYTES else "slice indices must be integers or"

    async def main():
        reading = await begun(getattr(reader, method)(1.5))
        assert not reading.done()
        reader.feed_data(b"abc")
        with pytest.raises(TypeError, match=text):
            await reading

    run(main())


def test_a_number_above_what_there_is_is_only_compared(run, reader):
    async def main():
        reader.feed_data(b"abc")
        if TAKES_BYTES:
            assert await reader.read(3.5) == b"abc"
        else:
            with pytest.raises(TypeError):
                await reader.read(3.5)

    run(main())


def test_what_is_left_of_a_constant_cannot_be_taken(run, reader):
    async def main():
        reader._buffer = b"constant"
        reader.feed_eof()
        with pytest.raises(AttributeError):
            await reader.readexactly(100)

    run(main())


def test_a_number_that_compares_by_reading(run, reader):
    class Odd(int):
        def __gt__(self, other):
            reader._buffer.clear()
            return super().__gt__(other)

        __lt__ = __eq__ = __gt__
        __hash__ = int.__hash__

    async def main():
        reader.feed_data(b"abc")
        reading = await begun(reader.readexactly(Odd(2)))
        reader.feed_data(b"xy")
        reader.feed_eof()
        await asyncio.gather(reading, return_exceptions=True)

    run(main())


@pytest.mark.parametrize("limit", [0, -1, -(2**70), 0.0, False, float("-inf")])
def test_a_limit_is_above_zero(api, loop, limit):
    with pytest.raises(ValueError, match="Limit cannot be <= 0"):
        api.StreamReader(limit=limit, loop=loop)


@pytest.mark.parametrize("limit", [None, "x", b"1", [1]])
def test_a_limit_is_a_number(api, loop, limit):
    with pytest.raises(TypeError):
        api.StreamReader(limit=limit, loop=loop)


@pytest.mark.parametrize("limit", [2.5, True, 2**70, 10**400, float("inf"), float("nan")])
def test_a_limit_is_any_number(run, api, loop, limit):
    async def main():
        reader = api.StreamReader(limit=limit, loop=loop)
        assert reader._limit is limit
        transport = Transport()
        reader.set_transport(transport)
        for count in range(1, 9):
            reader.feed_data(b"x")
            assert (transport.calls == ["pause"]) == (limit * 2 < 8 and count > limit * 2)
        while reader._buffer:
            await reader.read(1)
            assert ("resume" in transport.calls) == (
                "pause" in transport.calls and len(reader._buffer) <= limit
            )
        reader.feed_data(b"x" * 10)
        if limit < 10:
            with pytest.raises(api.LimitOverrunError):
                await reader.readuntil(b"\n")
        else:
            reader.feed_data(b"\n")
            assert await reader.readuntil(b"\n") == b"x" * 10 + b"\n"

    run(main())


@pytest.mark.parametrize("limit", [2**70, 2.5])
def test_all_is_read_by_the_limit(run, api, loop, limit):
    async def main():
        reader = api.StreamReader(limit=limit, loop=loop)
        reader.feed_data(b"abcdef")
        reader.feed_eof()
        if isinstance(limit, float):
            with pytest.raises(TypeError):
                await reader.read()
        else:
            assert await reader.read() == b"abcdef"

    run(main())


@pytest.mark.parametrize("method", ["read", "readexactly", "readuntil", "readline"])
def test_only_one_may_wait(run, reader, method):
    arguments = {"read": (5,), "readexactly": (5,)}.get(method, ())
    name = "readuntil" if method == "readline" else method

    async def main():
        reading = await begun(reader.read(1))
        with pytest.raises(RuntimeError) as caught:
            await getattr(reader, method)(*arguments)
        assert str(caught.value) == (
            f"{name}() called while another coroutine is already waiting for incoming data"
        )
        reader.feed_data(b"x")
        assert await reading == b"x"

    run(main())


def test_an_exception_may_be_set_twice(run, reader):
    async def main():
        reading = await begun(reader.read(1))
        reader.set_exception(KeyError("first"))
        reader.set_exception(IndexError("second"))
        with pytest.raises(KeyError):
            await reading
        with pytest.raises(IndexError):
            await reader.read(1)
        assert isinstance(reader.exception(), IndexError)

    run(main())


def test_an_exception_that_is_none(run, reader):
    async def main():
        reader.set_exception("text")
        with pytest.raises(TypeError, match="exceptions must derive from BaseException"):
            await reader.read(1)
        reader.set_exception(KeyError)
        with pytest.raises(KeyError):
            await reader.read(1)
        reader.set_exception(None)
        reader.feed_data(b"x")
        assert await reader.read(1) == b"x"

    run(main())


def test_the_end_may_come_twice(run, reader):
    async def main():
        reader.feed_data(b"x")
        reader.feed_eof()
        reader.feed_eof()
        assert not reader.at_eof()
        with pytest.raises(AssertionError, match="feed_data after feed_eof"):
            reader.feed_data(b"")
        assert await reader.read(1) == b"x"
        assert reader.at_eof()
        with pytest.raises(AssertionError, match="_wait_for_data after EOF"):
            await reader._wait_for_data("read")

    run(main())


@pytest.mark.parametrize(
    "data",
    [
        list,
        iter,
        bytearray,
        memoryview,
        lambda it: array.array("H", it),
        lambda it: (n for n in it),
    ],
)
def test_whatever_a_bytearray_takes_can_be_fed(run, reader, data):
    async def main():
        reader.feed_data(data(b"\1\2"))
        assert await reader.read(100) == b"\1\2"

    run(main())


@pytest.mark.parametrize("data", ["text", [300], 7, [b"x"]])
def test_what_a_bytearray_does_not_take_cannot_be_fed(run, reader, data):
    async def main():
        reader.feed_data(b"before")
        with pytest.raises((TypeError, ValueError)):
            reader.feed_data(data)
        assert await reader.read(100) == b"before"

    run(main())


def test_data_that_feeds_when_it_is_looked_at(run, reader):
    class Odd(list):
        def __bool__(self):
            reader.feed_data(b"first ")
            reader._buffer += b"and "
            return True

    async def main():
        reader.feed_data(Odd(b"second"))
        assert await reader.read(100) == b"first and second"

    run(main())


def test_data_that_ends_the_stream_when_it_is_looked_at(run, reader):
    class Odd(list):
        def __iter__(self):
            reader.feed_eof()
            return super().__iter__()

    async def main():
        reader.feed_data(Odd(b"data"))
        assert await reader.read(100) == b"data"
        assert reader.at_eof()

    run(main())


def test_a_transport_is_set_once(reader):
    reader.set_transport(None)
    reader.set_transport("anything")
    with pytest.raises(AssertionError, match="Transport already set"):
        reader.set_transport(None)


def test_a_foreign_waiter_is_woken_as_a_future(reader):
    class Waiter:
        def __init__(self):
            self.calls = []

        def cancelled(self):
            assert reader._waiter is None
            self.calls.append("cancelled")
            return False

        def set_result(self, result):
            self.calls.append(("result", result))

        def set_exception(self, exception):
            self.calls.append(("exception", exception))

    waiter, failure = Waiter(), KeyError()
    reader._waiter = waiter
    reader.feed_data(b"x")
    reader._waiter = waiter
    reader.feed_eof()
    reader._waiter = waiter
    reader.set_exception(failure)
    assert waiter.calls == [
        "cancelled",
        ("result", None),
        "cancelled",
        ("result", None),
        "cancelled",
        ("exception", failure),
    ]


def test_a_waiter_that_is_done_is_not_woken(run, loop, api, reader):
    async def main():
        reader._waiter = loop.create_future()
        reader._waiter.set_result(None)
        with pytest.raises(api.InvalidStateError):
            reader.feed_data(b"x")
        assert reader._waiter is None
        assert await reader.read(1) == b"x"

    run(main())


def test_the_loop_makes_the_waiter(api, loop):
    class Loop:
        def __init__(self):
            self.made = []

        def get_debug(self):
            return False

        def create_future(self):
            self.made.append(loop.create_future())
            return self.made[-1]

    other = Loop()
    reader = api.StreamReader(loop=other)
    reading = reader.read(1)
    future = reading.send(None)
    assert [future] == other.made
    reader.feed_data(b"x")
    with pytest.raises(StopIteration) as caught:
        reading.send(None)
    assert caught.value.value == b"x"


def test_a_reader_without_a_loop(api):
    reader = api.StreamReader.__new__(api.StreamReader)
    for method in ("__repr__", "exception", "at_eof", "feed_eof"):
        try:
            getattr(reader, method)()
        except AttributeError:
            pass  # asyncio's has no attributes yet
    reading = api.StreamReader.__new__(api.StreamReader).read(1)
    with pytest.raises(AttributeError):
        reading.send(None)


def test_a_reader_may_be_initialized_again(run, api, loop, reader):
    async def main():
        reader.feed_data(b"gone")
        reader.set_transport(Transport())
        waiting = await begun(reader.readexactly(100))
        reader.__init__(limit=7, loop=loop)
        assert (reader._limit, reader._transport, reader._waiter) == (7, None, None)
        reader.feed_data(b"new")
        assert await reader.read(100) == b"new"
        waiting.cancel()
        await asyncio.wait([waiting])

    run(main())


def test_private_attributes_can_be_written(run, loop, reader):
    values = {
        "_eof": True,
        "_paused": True,
        "_waiter": loop.create_future(),
        "_exception": KeyError("x"),
        "_transport": Transport(),
        "_limit": 9,
        "_loop": loop,
        "_source_traceback": [],
        "_buffer": bytearray(b"x"),
    }
    for name, value in values.items():
        setattr(reader, name, value)
        assert getattr(reader, name) is value
    assert "9" in repr(reader)


def test_an_object_in_the_representation_may_change_the_reader(reader):
    class Odd:
        def __bool__(self):
            reader._waiter = reader._exception = reader._transport = None
            return True

        def __repr__(self):
            reader._buffer = bytearray(b"long")
            return "odd"

    reader._waiter = Odd()
    reader._exception = Odd()
    reader._transport = Odd()
    assert repr(reader) == "<StreamReader limit=4 waiter=None>"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="__buffer__ is a method from 3.12 on")
def test_a_separator_whose_buffer_reads(run, reader):
    class Odd:
        def __len__(self):
            return 1

        def __buffer__(self, flags):
            reader._buffer = bytearray(b"other;")
            return memoryview(b";")

    async def main():
        reader.feed_data(b"abc;def")
        await asyncio.gather(reader.readuntil(Odd()), return_exceptions=True)

    run(main())
