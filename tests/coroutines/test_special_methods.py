"""What are ``__aenter__`` and ``__aexit__`` when one asks for them?"""

import contextlib
import gc
import weakref

import pytest


@pytest.fixture(params=["Lock", "Semaphore", "BoundedSemaphore"])
def make(api, request):
    return getattr(api, request.param)


def test_bound_they_name_their_object(make):
    lock = make()
    enter = lock.__aenter__
    assert callable(enter)
    assert enter.__self__ is lock
    assert enter.__name__ == "__aenter__"
    assert enter.__qualname__.endswith(".__aenter__")
    assert repr(enter).startswith("<bound method ")
    assert repr(lock) in repr(enter)


def test_bound_twice_they_are_equal(make):
    lock = make()
    assert lock.__aenter__ == lock.__aenter__
    assert hash(lock.__aenter__) == hash(lock.__aenter__)
    assert lock.__aenter__ != lock.__aexit__
    assert lock.__aenter__ != make().__aenter__
    assert lock.__aenter__ != 1


def test_they_are_called_by_hand(make, run):
    async def main():
        lock = make()
        enter, leave = lock.__aenter__, lock.__aexit__
        assert await enter() is None
        assert lock.locked()
        assert await leave(None, None, None) is None
        await make.__aenter__(lock)
        assert lock.locked()
        await make.__aexit__(lock, None, None, None)
        return lock.locked()

    assert run(main()) is False


def test_an_exit_stack_finds_them(make, run):
    async def main():
        lock = make()
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(lock)
            assert lock.locked()
        return lock.locked()

    assert run(main()) is False


def test_a_subclass_reaches_them_by_super(make, run):
    class Counting(make):
        entered = 0

        async def __aenter__(self):
            self.entered += 1
            return await super().__aenter__()

    async def main():
        lock = Counting()
        async with lock:
            assert lock.locked()
        return lock.entered, lock.locked()

    assert run(main()) == (1, False)


def test_too_many_arguments_are_refused(make):
    with pytest.raises(TypeError, match="__aenter__"):
        make().__aenter__(1)
    with pytest.raises(TypeError):
        make().__aenter__(key=1)


def test_a_stranger_is_refused(api):
    if api.__name__ == "asyncio":
        pytest.skip("a function takes any object")

    class Stranger:
        __aenter__ = api.Lock.__dict__["__aenter__"]

    with pytest.raises(TypeError):
        Stranger().__aenter__()


def test_a_cycle_through_one_is_collected(make):
    lock = make()
    lock.mine = lock.__aenter__
    gone = weakref.ref(lock)
    del lock
    gc.collect()
    assert gone() is None
