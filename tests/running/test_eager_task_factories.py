"""What does a factory of eager tasks make of what it is given?"""

import contextvars
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="since Python 3.12")


async def answer():
    return 42


def test_a_factory_passes_on_what_it_was_given(api):
    calls = []

    def construct(*arguments, **keywords):
        calls.append((arguments, keywords))
        return "made"

    factory = api.create_eager_task_factory(construct)
    context = contextvars.copy_context()
    assert factory("loop", "coro", name="name", context=context) == "made"
    assert factory("loop", coro="coro") == "made"
    given = {"loop": "loop", "name": "name", "context": context, "eager_start": True}
    silent = {"loop": "loop", "eager_start": True}
    if sys.version_info < (3, 14):
        silent |= {"name": None, "context": None}
    assert calls == [(("coro",), given), (("coro",), silent)]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="since Python 3.14")
def test_a_factory_passes_on_further_keywords(api):
    def construct(*arguments, **keywords):
        return arguments, keywords

    factory = api.create_eager_task_factory(construct)
    assert factory("loop", "coro", eager_start=False, more=1) == (
        ("coro",),
        {"loop": "loop", "eager_start": False, "more": 1},
    )


def test_a_factory_wants_a_loop_and_a_coroutine(api):
    factory = api.create_eager_task_factory(api.Task)
    with pytest.raises(TypeError):
        factory()
    with pytest.raises(TypeError):
        factory("loop")
    with pytest.raises(TypeError):
        api.create_eager_task_factory()


def test_tasks_have_the_name_and_the_context_that_were_asked_for(api, run, loop):
    variable = contextvars.ContextVar("variable", default="unset")
    context = contextvars.copy_context()
    context.run(variable.set, "set")

    async def look():
        return variable.get()

    async def main():
        task = api.eager_task_factory(loop, look(), name="chosen", context=context)
        assert task.get_name() == "chosen"
        assert task.done()
        assert isinstance(task, api.Task)
        return task.result()

    assert run(main()) == "set"


def test_a_subclass_of_task_is_made_by_its_own_constructor(api, run, loop):
    class Derived(api.Task):
        pass

    async def main():
        loop.set_task_factory(api.create_eager_task_factory(Derived))
        task = loop.create_task(answer())
        loop.set_task_factory(None)
        assert type(task) is Derived
        assert task.done()
        return task.result()

    assert run(main()) == 42


def test_what_a_constructor_raises_comes_out(api):
    def construct(*arguments, **keywords):
        raise LookupError("no task today")

    with pytest.raises(LookupError, match="no task today"):
        api.create_eager_task_factory(construct)("loop", "coro")


def test_the_factory_is_a_function_that_programs_can_recognise(api):
    """anyio looks for its code among the callers of a task's first step."""
    frames = []

    async def look():
        frame = sys._getframe()
        while frame is not None:
            frames.append(frame.f_code)
            frame = frame.f_back

    async def main():
        api.get_running_loop().set_task_factory(api.eager_task_factory)
        await api.create_task(look())

    api.run(main())
    assert api.eager_task_factory.__code__ in frames
