"""Leaves that go from hand to hand: polled by another coroutine, dropped anywhere."""

import asyncio
import gc
import socket
import weakref

import aioxide
import pytest


def run(function):
    return aioxide.run(function())


def test_another_coroutine_may_poll_it(probe):
    async def main():
        future = asyncio.get_running_loop().create_future()
        await probe.run((("keep", (0, "await", future)),))
        # Nothing but the leaf refers to the future of the coroutine that has ended.
        gc.collect()
        task = asyncio.create_task(probe.run((("poll kept", 0),)))
        await asyncio.sleep(0)
        assert not task.done()
        future.set_result("handed on")
        assert await task == "handed on"
        probe.drop_kept(0)

    run(main)


def test_one_after_the_other_may_poll_it(probe):
    async def main():
        await probe.run((("keep", (0, "await", asyncio.sleep(0.01, "result"))),))
        first = asyncio.create_task(probe.run((("poll kept", 0),)))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        assert await probe.run((("poll kept", 0),)) == "result"
        probe.drop_kept(0)

    run(main)


def test_what_it_refers_to_is_seen_with_the_coroutine_that_polls_it(probe):
    class Future(asyncio.Future):
        pass

    async def main():
        future = Future()
        reference = weakref.ref(future)
        await probe.run((("keep", (0, "await", future)),))
        coroutine = probe.run((("poll kept", 0),))
        coroutine.send(None)
        assert future in gc.get_referents(coroutine)
        coroutine.close()
        del future, coroutine
        probe.drop_kept(0)
        gc.collect()
        assert reference() is None

    run(main)


@pytest.mark.parametrize("in_a_turn", [False, True])
@pytest.mark.parametrize("closed", [False, True])
def test_a_descriptor_is_not_watched_any_more(probe, in_a_turn, closed):
    loop = aioxide.new_event_loop()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        keep = (("keep", (0, "ready", (ours.fileno(), 0))), ("poll kept", 0))
        task = loop.create_task(probe.run(keep))
        loop.run_until_complete(asyncio.sleep(0))
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
        if closed:
            loop.close()
        if in_a_turn:
            # In a turn, but of no loop.
            probe.run((), lambda: probe.drop_kept(0)).close()
        else:
            probe.drop_kept(0)
        if not closed:
            assert not loop.remove_reader(ours)
    loop.close()


@pytest.mark.parametrize(
    "leaf", [("sleep", 1000), ("thread", 0.0), ("await", "a future")], ids=lambda it: it[0]
)
def test_it_may_outlive_its_loop(probe, leaf):
    loop = aioxide.new_event_loop()
    name, argument = leaf
    argument = loop.create_future() if name == "await" else argument
    task = loop.create_task(probe.run((("keep", (0, name, argument)), ("poll kept", 0))))
    loop.run_until_complete(asyncio.sleep(0))
    loop.run_until_complete(loop.shutdown_default_executor())
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))
    loop.close()
    del loop, task, argument
    gc.collect()
    probe.drop_kept(0)


def test_on_another_loop_it_is_refused(probe):
    first = aioxide.new_event_loop()
    first.run_until_complete(probe.run((("keep", (0, "sleep", 1000)),)))

    async def main():
        with pytest.raises(RuntimeError, match="another loop"):
            await probe.run((("poll kept", 0),))

    run(main)
    probe.drop_kept(0)
    first.close()


def test_when_it_is_over_it_is_refused(probe):
    async def main():
        await probe.run((("keep", (0, "sleep", 0)), ("poll kept", 0)))
        with pytest.raises(RuntimeError, match="is over"):
            await probe.run((("poll kept", 0),))
        probe.drop_kept(0)

    run(main)


class Foreign:
    """A future of a class that aioxide does not know, which acts when it is asked."""

    _asyncio_future_blocking = False

    def __init__(self, act):
        self.act = act

    def done(self):
        self.act()
        return False

    def get_loop(self):
        return asyncio.get_running_loop()

    def add_done_callback(self, callback, *, context=None):
        pass

    def remove_done_callback(self, callback):
        return 0

    def cancel(self, msg=None):
        return True


def test_from_inside_its_own_poll_it_is_refused(probe):
    seen = []

    def act():
        with pytest.raises(RuntimeError, match="is being polled"):
            probe.poll_kept_here(0)
        seen.append(True)

    async def main():
        task = asyncio.create_task(
            probe.run((("keep", (0, "await", Foreign(act))), ("poll kept", 0)))
        )
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        probe.drop_kept(0)

    run(main)
    assert seen


def test_it_may_be_dropped_while_it_is_polled(probe):
    async def main():
        foreign = Foreign(lambda: probe.drop_kept(0))
        task = asyncio.create_task(probe.run((("keep", (0, "await", foreign)), ("poll kept", 0))))
        await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])

    run(main)
