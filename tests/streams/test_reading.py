"""What does a StreamReader give back of what it is fed, and when?"""

import asyncio
import random

import pytest

ENDS = {"at once": 10_000, "in pieces": 3}


@pytest.fixture
def reader(api, loop):
    return api.StreamReader(limit=16, loop=loop)


def fed(reader, *pieces, end=False):
    for piece in pieces:
        reader.feed_data(piece)
    if end:
        reader.feed_eof()
    return reader


async def begun(coroutine):
    """A task that has run as far as it can."""
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)
    return task


def test_read_gives_at_most_what_was_asked_for(run, reader):
    async def main():
        fed(reader, b"abcdef")
        assert await reader.read(4) == b"abcd"
        assert await reader.read(n=4) == b"ef"
        assert await reader.read(0) == b""

    run(main())


def test_read_waits_for_something(run, reader):
    async def main():
        reading = await begun(reader.read(100))
        assert not reading.done()
        reader.feed_data(b"")
        await asyncio.sleep(0)
        assert not reading.done()
        reader.feed_data(b"x")
        reader.feed_data(b"y")
        assert await reading == b"xy"

    run(main())


def test_read_everything(run, reader):
    async def main():
        reading = await begun(reader.read())
        for piece in (b"a" * 20, b"b" * 20):
            reader.feed_data(piece)
            await asyncio.sleep(0)
        reader.feed_eof()
        assert await reading == b"a" * 20 + b"b" * 20
        assert await reader.read(-7) == b""

    run(main())


@pytest.mark.parametrize("kind_of_bytes", [bytes, bytearray, memoryview])
def test_any_bytes_can_be_fed(run, reader, kind_of_bytes):
    async def main():
        fed(reader, kind_of_bytes(b"one\n"), kind_of_bytes(b""), end=True)
        result = await reader.read()
        assert result == b"one\n"
        assert type(result) is bytes

    run(main())


def test_what_is_fed_is_copied(run, reader):
    async def main():
        data = bytearray(b"before")
        reader.feed_data(data)
        data[:] = b"after!"
        assert await reader.read(6) == b"before"

    run(main())


def test_feeding_after_the_end(reader):
    fed(reader, end=True)
    with pytest.raises(AssertionError, match="feed_data after feed_eof"):
        reader.feed_data(b"x")


def test_feeding_what_is_no_bytes(reader):
    with pytest.raises(TypeError):
        reader.feed_data("text")


def test_readexactly(run, api, reader):
    async def main():
        reading = await begun(reader.readexactly(6))
        fed(reader, b"abc")
        await asyncio.sleep(0)
        assert not reading.done()
        fed(reader, b"defgh", end=True)
        assert await reading == b"abcdef"
        assert await reader.readexactly(0) == b""
        with pytest.raises(api.IncompleteReadError) as info:
            await reader.readexactly(n=3)
        assert (info.value.partial, info.value.expected) == (b"gh", 3)
        assert str(info.value) == "2 bytes read on a total of 3 expected bytes"
        assert reader.at_eof()

    run(main())


def test_readexactly_of_less_than_nothing(run, reader):
    async def main():
        reader.set_exception(ArithmeticError())
        with pytest.raises(ValueError, match="readexactly size can not be less than zero"):
            await reader.readexactly(-1)

    run(main())


@pytest.mark.parametrize("number", [None, "4", 1.5])
@pytest.mark.parametrize("method", ["read", "readexactly"])
def test_reading_what_is_no_number_of_bytes(run, reader, method, number):
    async def main():
        fed(reader, b"abcd")
        with pytest.raises(TypeError):
            await getattr(reader, method)(number)

    run(main())


def test_read_as_much_as_there_can_ever_be(run, reader):
    async def main():
        fed(reader, b"abcd")
        assert await reader.read(10**30) == b"abcd"

    run(main())


def test_readline(run, reader):
    async def main():
        fed(reader, b"one\ntwo\nth")
        assert await reader.readline() == b"one\n"
        assert await reader.readline() == b"two\n"
        reading = await begun(reader.readline())
        fed(reader, b"ree", end=True)
        assert await reading == b"three"
        assert await reader.readline() == b""

    run(main())


def test_a_line_that_has_arrived_and_is_too_long_is_dropped(run, reader):
    async def main():
        fed(reader, b"x" * 17 + b"\nnext\n")
        with pytest.raises(ValueError) as info:
            await reader.readline()
        assert info.value.args == ("Separator is found, but chunk is longer than limit",)
        assert info.value.__context__.consumed == 17
        assert await reader.readline() == b"next\n"

    run(main())


def test_a_line_that_has_not_ended_and_is_too_long_is_dropped(run, reader):
    async def main():
        reading = await begun(reader.readline())
        fed(reader, b"x" * 17)
        with pytest.raises(ValueError) as info:
            await reading
        assert info.value.args == ("Separator is not found, and chunk exceed the limit",)
        fed(reader, b"yz\nnext\n")
        assert await reader.readline() == b"yz\n"

    run(main())


def test_a_line_of_just_the_limit(run, reader):
    async def main():
        fed(reader, b"x" * 16 + b"\n")
        assert await reader.readline() == b"x" * 16 + b"\n"

    run(main())


def test_iterating(run, reader):
    async def main():
        fed(reader, b"a\n\nb", end=True)
        assert [line async for line in reader] == [b"a\n", b"\n", b"b"]

    run(main())


@pytest.mark.parametrize("separator", [b"AB", bytearray(b"AB"), memoryview(b"AB")])
def test_readuntil(run, reader, separator):
    async def main():
        reading = await begun(reader.readuntil(separator))
        for piece in (b"xA", b"A", b"By"):
            assert not reading.done()
            reader.feed_data(piece)
            await asyncio.sleep(0)
        assert await reading == b"xAAB"
        assert await reader.read(9) == b"y"

    run(main())


def test_readuntil_over_the_limit_leaves_everything(run, api, reader):
    async def main():
        fed(reader, b"x" * 17 + b"AB")
        for _ in range(2):
            with pytest.raises(api.LimitOverrunError, match="Separator is found") as info:
                await reader.readuntil(b"AB")
            assert info.value.consumed == 17
        with pytest.raises(api.LimitOverrunError, match="is not found") as info:
            await reader.readuntil(separator=b"BC")
        assert info.value.consumed == 18
        assert await reader.readexactly(info.value.consumed) == b"x" * 17 + b"A"

    run(main())


def test_readuntil_the_end(run, api, reader):
    async def main():
        fed(reader, b"restA", end=True)
        with pytest.raises(api.IncompleteReadError) as info:
            await reader.readuntil(b"AB")
        assert (info.value.partial, info.value.expected) == (b"restA", None)
        assert reader.at_eof()

    run(main())


def test_separators_that_are_none(run, reader):
    async def main():
        fed(reader, b"abcdef")
        with pytest.raises(ValueError, match="Separator should be at least one-byte string"):
            await reader.readuntil(b"")
        for separator in ("text", 7, None):
            with pytest.raises(TypeError):
                await reader.readuntil(separator)

    run(main())


def test_the_separator_that_ends_first_counts(run, api, reader, several_separators):
    async def main():
        fed(reader, b"xABCyDz")
        assert await reader.readuntil((b"D", b"ABC", b"AB")) == b"xAB"
        assert await reader.readuntil((b"D", b"zz")) == b"CyD"
        with pytest.raises(ValueError, match="Separator should contain at least one element"):
            await reader.readuntil(())
        with pytest.raises(ValueError, match="Separator should be at least one-byte string"):
            await reader.readuntil((b"x", b""))

    run(main())


def test_only_one_may_wait(run, reader):
    async def main():
        first = await begun(reader.readline())
        for name, reading in (
            ("read", reader.read(1)),
            ("readexactly", reader.readexactly(1)),
            ("readuntil", reader.readline()),
        ):
            with pytest.raises(RuntimeError) as info:
                await reading
            assert str(info.value) == (
                f"{name}() called while another coroutine is already waiting for incoming data"
            )
        reader.feed_data(b"\n")
        assert await first == b"\n"

    run(main())


def test_exception_ends_waiting_and_every_read_after(run, reader):
    async def main():
        reading = await begun(reader.read(1))
        error = ArithmeticError("lost")
        reader.set_exception(error)
        with pytest.raises(ArithmeticError) as info:
            await reading
        assert info.value is error
        assert reader.exception() is error
        reader.feed_data(b"line\n")
        for read in (reader.read, reader.readline, lambda: reader.readexactly(1)):
            with pytest.raises(ArithmeticError):
                await read()

    run(main())


def test_reading_everything_takes_a_limit_at_a_time_until_the_exception(run, reader):
    async def main():
        reading = await begun(reader.read())
        reader.feed_data(b"0123456789abcdefghijkl")
        reader.set_exception(ValueError("broken"))
        with pytest.raises(ValueError, match="broken"):
            await reading
        assert reader._buffer == b"ghijkl"

    run(main())


def test_cancelled_wait_makes_room_for_another(run, reader):
    async def main():
        for read in (lambda: reader.read(5), lambda: reader.readexactly(5), reader.readline):
            reading = await begun(read())
            reading.cancel()
            # Between the cancellation and its arrival.
            reader.feed_data(b"1234")
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert await reader.readexactly(4) == b"1234"

    run(main())


def test_nothing_happens_before_the_first_step(reader):
    fed(reader, b"abc")
    coroutine = reader.read(2)
    assert not reader.at_eof()
    coroutine.close()
    with pytest.raises(StopIteration) as info:
        reader.readexactly(3).send(None)
    assert info.value.value == b"abc"


@pytest.mark.parametrize("size", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("seed", range(20))
def test_any_sequence_of_reads(run, loop, api, seed, size):
    """Whatever is read in whatever way, it is what the standard reader gives."""
    dice = random.Random(seed)
    data = bytes(dice.choices(b"ab\n", weights=(20, 5, 3), k=300))
    reads = [
        dice.choice(
            [
                ("read", dice.randrange(9)),
                ("readexactly", dice.randrange(9)),
                ("readline",),
                ("readuntil", dice.choice([b"ab", b"b", b"a\n"])),
            ]
        )
        for _ in range(80)
    ]

    async def outcomes(reader):
        async def feed():
            for at in range(0, len(data), size):
                reader.feed_data(data[at : at + size])
                await asyncio.sleep(0)
            reader.feed_eof()

        feeding = asyncio.ensure_future(feed())
        seen = []
        for name, *arguments in reads:
            try:
                seen.append(await getattr(reader, name)(*arguments))
            except (ValueError, EOFError, asyncio.LimitOverrunError) as error:
                seen.append((type(error).__name__, error.args, getattr(error, "consumed", None)))
        seen.append(await reader.read())
        await feeding
        return seen

    async def main():
        expected = await outcomes(asyncio.StreamReader(limit=10, loop=loop))
        assert await outcomes(api.StreamReader(limit=10, loop=loop)) == expected

    run(main())
