"""Names are looked up by the loop; answers are kept for a time, and running lookups shared."""

import asyncio
import socket
import threading

import pytest
from aioxide.http import _resolving
from aioxide.http._resolving import Resolver


class Names:
    """Stands in for ``socket.getaddrinfo``; a lookup waits for `release` if it is held."""

    def __init__(self):
        self.asked = []
        self.error = None
        self.addresses = ["192.0.2.1", "192.0.2.2"]
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, host, port, family=0, type=0, proto=0, flags=0):
        self.asked.append(host)
        assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        return [(socket.AF_INET, type, 6, "", (each, port)) for each in self.addresses]


@pytest.fixture
def names(monkeypatch):
    stand_in = Names()
    monkeypatch.setattr(socket, "getaddrinfo", stand_in)
    yield stand_in
    stand_in.gate.set()


def hosts(found):
    return [address[0] for *_, address in found]


def test_without_a_cache_each_lookup_is_made(run, names):
    async def go():
        resolver = Resolver()
        for _ in range(2):
            assert hosts(await resolver.resolve("a.example", 80)) == ["192.0.2.1", "192.0.2.2"]

    run(go())
    assert names.asked == ["a.example", "a.example"]


def test_answer_is_used_again_until_it_expires(run, names, loop, monkeypatch):
    now = [100.0]

    async def go():
        resolver = Resolver(10)
        monkeypatch.setattr(type(loop), "time", lambda self: now[0], raising=False)
        first = hosts(await resolver.resolve("a.example", 80))
        now[0] += 9.9
        second = hosts(await resolver.resolve("a.example", 80))
        now[0] += 0.2
        third = hosts(await resolver.resolve("a.example", 80))
        monkeypatch.undo()
        return first, second, third

    try:
        first, second, third = run(go())
    finally:
        monkeypatch.undo()
    assert first == third == ["192.0.2.1", "192.0.2.2"]
    assert second == ["192.0.2.2", "192.0.2.1"]


def test_kept_answer_begins_with_the_next_address_each_time(run, names):
    async def go():
        resolver = Resolver(None)
        return [hosts(await resolver.resolve("a.example", 80))[0] for _ in range(4)]

    assert run(go()) == ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.2"]
    assert len(names.asked) == 1


def test_concurrent_lookups_share_one(run, names):
    async def go():
        resolver = Resolver(10)
        names.gate.clear()
        tasks = [asyncio.ensure_future(resolver.resolve("a.example", 80)) for _ in range(5)]
        await asyncio.sleep(0)
        names.gate.set()
        return await asyncio.gather(*tasks)

    found = run(go())
    assert len(names.asked) == 1
    assert all(hosts(each) == ["192.0.2.1", "192.0.2.2"] for each in found)


def test_cancelled_waiter_does_not_break_the_others(run, names):
    async def go():
        resolver = Resolver(10)
        names.gate.clear()
        first, second = (asyncio.ensure_future(resolver.resolve("a.example", 80)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        names.gate.set()
        return await second, first.cancelled()

    found, cancelled = run(go())
    assert cancelled
    assert hosts(found) == ["192.0.2.1", "192.0.2.2"]
    assert len(names.asked) == 1


def test_lookup_ends_with_its_last_waiter_and_a_new_one_begins(run, names):
    async def go():
        resolver = Resolver(10)
        names.gate.clear()
        first = asyncio.ensure_future(resolver.resolve("a.example", 80))
        while not names.asked:
            await asyncio.sleep(0.001)
        first.cancel()
        second = asyncio.ensure_future(resolver.resolve("a.example", 80))
        await asyncio.sleep(0)
        names.gate.set()
        return await second

    assert hosts(run(go())) == ["192.0.2.1", "192.0.2.2"]
    assert len(names.asked) == 2


def test_failure_reaches_each_waiter_and_is_not_kept(run, names):
    names.error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def go():
        resolver = Resolver(10)
        failures = await asyncio.gather(
            *(resolver.resolve("a.example", 80) for _ in range(2)), return_exceptions=True
        )
        names.error = None
        return failures, await resolver.resolve("a.example", 80)

    failures, found = run(go())
    assert [type(each) for each in failures] == [socket.gaierror] * 2
    assert failures[0] is not failures[1]
    assert {each.errno for each in failures} == {socket.EAI_NONAME}
    assert hosts(found) == ["192.0.2.1", "192.0.2.2"]


def test_names_are_forgotten_when_there_are_too_many(run, names, monkeypatch):
    monkeypatch.setattr(_resolving, "MOST_NAMES", 3)

    async def go():
        resolver = Resolver(None)
        for number in range(5):
            await resolver.resolve(f"{number}.example", 80)
        await resolver.resolve("4.example", 80)
        await resolver.resolve("0.example", 80)

    run(go())
    assert names.asked == [*(f"{number}.example" for number in range(5)), "0.example"]


def test_forget(run, names):
    async def go():
        resolver = Resolver(None)
        for host in ("a", "b", "a", "b"):
            await resolver.resolve(host, 80)
        resolver.forget("a", 80)
        for host in ("a", "b"):
            await resolver.resolve(host, 80)

    run(go())
    assert names.asked == ["a", "b", "a"]


def test_numeric_address_needs_no_thread(run, names):
    async def go():
        return await Resolver().resolve("127.0.0.1", 80)

    run(go())
    assert names.asked == ["127.0.0.1"]
