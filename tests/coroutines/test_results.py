"""What does an await hand out, and when is it let go of?"""

import weakref

import pytest


class Item:
    pass


@pytest.mark.parametrize("value", [7, (), (1, 2), ValueError("as a value"), StopIteration(3)])
def test_any_object_is_a_result(api, run, value):
    async def main():
        future = api.get_running_loop().create_future()
        future.set_result(value)
        queue = api.Queue()
        queue.put_nowait(value)
        return await future, await queue.get(), await api.sleep(0, value)

    assert all(result is value for result in run(main()))


def test_nothing_keeps_a_result_that_was_handed_out(api, run):
    async def main():
        queue = api.Queue()
        await queue.put(Item())
        item = await queue.get()
        here = weakref.ref(item)
        del item
        return here()

    assert run(main()) is None


def test_stepped_by_hand_the_result_is_in_the_exception(api, new_loop):
    loop = new_loop()
    future = loop.create_future()
    future.set_result("there")
    with pytest.raises(StopIteration) as stopped:
        next(future.__await__())
    assert stopped.value.value == "there"
    assert stopped.value.args == ("there",)
    with pytest.raises(StopIteration) as sent:
        future.__await__().send(None)
    assert type(sent.value) is StopIteration
    assert sent.value.args == ("there",)


def test_an_exception_that_was_kept_keeps_its_value(api, new_loop):
    loop = new_loop()
    kept = []
    for number in range(40):
        future = loop.create_future()
        future.set_result(number)
        try:
            next(future.__await__())
        except StopIteration as stopped:
            stopped.note = "mine"
            kept.append(stopped)
    assert [stopped.value for stopped in kept] == list(range(40))
    del kept[10:30]
    again = loop.create_future()
    again.set_result("again")
    with pytest.raises(StopIteration) as stopped:
        next(again.__await__())
    assert stopped.value.value == "again"
    assert not hasattr(stopped.value, "note")
    assert [stopped.value for stopped in kept] == [*range(10), *range(30, 40)]
