"""What an extension may do wrong: each is an exception, and nothing is left behind."""

import asyncio
import sys
import threading

import aioxide
import pytest


def run(function):
    return aioxide.run(function())


ENTRIES = (
    "time",
    "sleep_until",
    "ready",
    "await_python",
    "in_thread",
    "poll_leaf",
    "poll_leaf with a waker",
    "hold",
    "spawn",
)


@pytest.mark.parametrize("entry", ENTRIES)
def test_outside_of_a_turn_it_raises(probe, entry):
    name = entry.partition(" ")[0]
    with pytest.raises(RuntimeError, match=f"{name} is called outside of a turn"):
        probe.outside(entry, 0.0)


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_callback_of_the_loop_is_no_turn(probe, entry):
    async def main():
        with pytest.raises(RuntimeError, match="outside of a turn"):
            probe.outside(entry, 0.0)

    run(main)


@pytest.mark.parametrize("entry", ENTRIES)
def test_another_thread_is_not_in_the_turn(probe, entry):
    def elsewhere():
        try:
            probe.outside(entry, 0.0)
        except RuntimeError as error:
            seen.append(str(error))

    def call():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    seen = []
    run(lambda: probe.run((("call", call),)))
    assert len(seen) == 1
    assert "outside of a turn" in seen[0]


@pytest.mark.parametrize("entry", ["time", "sleep_until", "ready", "in_thread", "spawn"])
def test_a_turn_without_a_loop_has_no_loop(probe, entry):
    seen = []

    def dropped():
        try:
            probe.outside(entry, 0.0)
        except RuntimeError as error:
            seen.append(str(error))

    probe.run((), dropped).close()
    assert len(seen) == 1
    assert "needs a loop of aioxide" in seen[0]


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("time into nothing", "time"),
        ("await nothing", "await_python"),
        ("poll_leaf", "poll_leaf"),
        ("poll_leaf with a waker", "poll_leaf"),
        ("hold nothing", "hold"),
        ("held", "held"),
        ("spawn nothing", "spawn"),
    ],
)
def test_null_pointers_are_refused(probe, entry, name):
    async def main():
        with pytest.raises(SystemError, match=f"{name} is given a null pointer"):
            await probe.run((("call", lambda: probe.outside(entry)),))

    run(main)


def test_nothing_can_be_dropped_anywhere(probe):
    probe.outside("drop nothing")


@pytest.mark.parametrize("how", ["short table", "no poll", "no poll elsewhere", "no traverse"])
def test_a_table_that_is_not_whole_is_refused(probe, how):
    dropped = []
    with pytest.raises(SystemError, match="the table of an extension's future"):
        probe.misuse(how, (), lambda: dropped.append(True))
    assert dropped == [True]


def test_a_body_without_a_table_is_refused(probe):
    with pytest.raises(SystemError, match="has 0 bytes"):
        probe.misuse("no table")


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("no definition", SystemError),
        ("no text", SystemError),
        ("too long", SystemError),
        ("zero byte", ValueError),
        ("not UTF-8", ValueError),
    ],
)
def test_a_definition_that_is_none_is_refused(probe, how, kind):
    dropped = []
    with pytest.raises(kind):
        probe.misuse(how, (), lambda: dropped.append(True))
    assert dropped == [True]


def test_an_odd_place_is_shown_as_it_can_be(probe):
    coroutine = probe.misuse("odd place", ())
    code = coroutine.cr_code
    assert (code.co_name, code.co_filename) == ("\N{REPLACEMENT CHARACTER}", "a\0b")
    assert code.co_firstlineno == 2**31 - 1
    coroutine.close()


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (("answer", 1), "is ready without a result"),
        (("answer", 7), "has answered 7"),
        (("answer", -1), "error return without exception set"),
        (("answer with an exception", 1), "with an exception set"),
        (("answer with an exception", 0), "with an exception set"),
        (("answer with an exception", 7), "with an exception set"),
    ],
)
def test_an_answer_that_means_nothing_is_an_error(probe, operation, text):
    dropped = []

    async def main():
        with pytest.raises(SystemError, match=text) as raised:
            await probe.run((("suspend", 1), operation), lambda: dropped.append(True))
        if "exception" in operation[0]:
            assert isinstance(raised.value.__cause__, KeyError)

    run(main)
    assert dropped == [True]


@pytest.mark.parametrize("direction", [-1, 2, 77])
def test_a_direction_that_is_none_is_refused(probe, direction):
    async def main():
        with pytest.raises(ValueError, match="direction"):
            await probe.run((("ready", (0, direction)),))

    run(main)


def test_a_deadline_that_is_no_number_is_refused(probe):
    async def main():
        with pytest.raises(ValueError, match="no number"):
            await probe.run((("sleep", float("nan")),))

    run(main)


def test_a_deadline_may_be_infinite(probe):
    async def main():
        task = asyncio.create_task(probe.run((("sleep", float("inf")),)))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await probe.run((("sleep", float("-inf")),))

    run(main)


@pytest.mark.parametrize("descriptor", [-1, -(2**31), 2**31 - 1, 999_999])
def test_a_descriptor_that_is_not_open_is_refused(probe, descriptor):
    async def main():
        with pytest.raises((OSError, ValueError)):
            await probe.run((("ready", (descriptor, 0)),))

    run(main)


def test_a_descriptor_of_a_transport_is_refused(probe):
    async def main():
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        async with server:
            with pytest.raises(OSError):
                await probe.run((("ready", (server.sockets[0].fileno(), 0)),))

    run(main)


def test_a_thread_that_does_not_run_the_loop_may_not_step_it(probe):
    seen = []

    def step(coroutine):
        try:
            coroutine.send(None)
        except RuntimeError as error:
            seen.append(str(error))

    async def main():
        coroutine = probe.run((("suspend", 5),))
        coroutine.send(None)
        thread = threading.Thread(target=step, args=(coroutine,))
        thread.start()
        thread.join()

    run(main)
    assert len(seen) == 1
    assert "Non-thread-safe operation" in seen[0]


def test_words_may_come_from_anywhere(probe):
    async def main():
        for word in (0, 1, 2**32, 2**63, 2**64 - 1, *range(7, 2**20, 65_537)):
            probe.wake(word)
        await asyncio.sleep(0)

    run(main)
    probe.wake(2**44)


def test_a_step_into_itself_is_refused(probe):
    async def main():
        def again():
            with pytest.raises(ValueError, match="already executing"):
                coroutine.send(None)

        coroutine = probe.run((("call", again), ("return", 3)))
        assert await coroutine == 3

    run(main)


def test_what_a_body_raises_when_it_is_dropped_is_reported(probe, monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda info: reported.append(info.exc_value))

    def dropped():
        raise KeyError("in a drop")

    probe.run((), dropped).close()
    assert [str(error) for error in reported] == ["'in a drop'"]


def test_a_body_may_end_its_own_coroutine(probe):
    async def main():
        tasks = []

        def cancel():
            tasks[0].cancel()

        tasks.append(asyncio.create_task(probe.run((("call", cancel), ("forever",)))))
        await asyncio.wait(tasks)
        assert tasks[0].cancelled()

    run(main)
