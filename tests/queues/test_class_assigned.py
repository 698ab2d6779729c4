"""Methods of a queue that are replaced later: by another class, in the class, in the object."""

import asyncio
import collections

import pytest

NAMES = ("Queue", "PriorityQueue", "LifoQueue")


def noting(base, noted):
    """A class over `base` that notes what goes through its methods; layout as the base's."""

    class Noting(base):
        __slots__ = ()

        def _put(self, item):
            noted.append(("_put", item))
            super()._put(item)

        def _get(self):
            item = super()._get()
            noted.append(("_get", item))
            return item

    return Noting


@pytest.mark.parametrize("name", NAMES)
def test_the_class_is_changed_while_there_are_items(run, api, name):
    async def main():
        noted = []
        queue = getattr(api, name)()
        await queue.put(1)
        queue.put_nowait(2)
        queue.__class__ = noting(getattr(api, name), noted)
        await queue.put(3)
        queue.put_nowait(4)
        got = [await queue.get(), queue.get_nowait()]
        queue.__class__ = getattr(api, name)
        await queue.put(5)
        got += [await queue.get() for _ in range(3)]
        return got, noted

    got, noted = run(main())
    assert sorted(got) == [1, 2, 3, 4, 5]
    assert noted[:2] == [("_put", 3), ("_put", 4)]
    assert [what for what, _ in noted[2:]] == ["_get", "_get"]


@pytest.mark.parametrize("name", NAMES)
def test_the_class_is_changed_while_others_wait(run, api, name):
    async def main():
        noted = []
        queue = getattr(api, name)(1)
        getter = asyncio.ensure_future(queue.get())
        await asyncio.sleep(0)
        queue.__class__ = noting(getattr(api, name), noted)
        await queue.put(1)
        putters = [asyncio.ensure_future(queue.put(n)) for n in (2, 3)]
        assert await getter == 1
        queue.__class__ = getattr(api, name)
        got = [await queue.get(), await queue.get()]
        await asyncio.gather(*putters)
        return got, noted

    got, noted = run(main())
    assert got == [2, 3]
    assert ("_put", 1) in noted


@pytest.mark.parametrize("name", NAMES)
def test_a_method_is_replaced_in_the_class_later(run, api, name):
    class Mine(getattr(api, name)):
        pass

    async def main():
        noted = []
        queue = Mine()
        await queue.put(1)
        put = Mine._put
        Mine._put = lambda self, item: (noted.append(item), put(self, item))
        await queue.put(2)
        queue.put_nowait(3)
        del Mine._put
        await queue.put(4)
        return noted, queue.qsize()

    assert run(main()) == ([2, 3], 4)


@pytest.mark.parametrize("name", NAMES)
def test_a_method_is_replaced_in_the_object(run, api, name):
    async def main():
        noted = []
        queue = getattr(api, name)()
        await queue.put(1)
        put_nowait = queue.put_nowait
        queue.put_nowait = lambda item: (noted.append(item), put_nowait(item))[1]
        await queue.put(2)
        del queue.put_nowait
        await queue.put(3)
        queue.qsize = lambda: 7
        queue.empty = lambda: True
        with pytest.raises(asyncio.QueueEmpty):
            queue.get_nowait()
        del queue.empty
        return noted, queue.qsize(), await queue.get() is not None

    assert run(main()) == ([2], 7, True)


def test_a_subclass_with_attributes_of_its_own(run, api):
    class Mine(api.Queue):
        def __init__(self):
            super().__init__(2)
            self.seen = 0

        def _put(self, item):
            self.seen += 1
            super()._put(item)

    class Plain(api.Queue):
        def __init__(self):
            super().__init__(2)
            self.name = "plain"

    async def main():
        mine, plain = Mine(), Plain()
        for queue in (mine, plain):
            await queue.put(1)
            await queue.put(2)
            with pytest.raises(asyncio.QueueFull):
                queue.put_nowait(3)
            assert [await queue.get(), queue.get_nowait()] == [1, 2]
        return mine.seen

    assert run(main()) == 2


def test_what_init_makes_is_what_counts(run, api):
    class Ring(api.Queue):
        def _init(self, maxsize):
            self._queue = collections.deque(maxlen=2)

    async def main():
        ring = Ring()
        for item in range(5):
            await ring.put(item)
        return ring.qsize(), [await ring.get(), await ring.get()]

    assert run(main()) == (2, [3, 4])
