"""Methods are for objects of their class, whatever ``__class__`` says."""

import pytest

CLASSES = ["Lock", "Semaphore", "BoundedSemaphore", "Condition", "TaskGroup", "Timeout"]
METHODS = ["__aenter__", "__aexit__", "acquire", "release", "locked", "create_task"]


def class_of(api, name):
    return api.timeout(None).__class__ if name == "Timeout" else getattr(api, name)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("method", METHODS)
def test_a_method_refuses_what_only_says_that_it_is_of_the_class(api, run, name, method):
    async def main():
        cls = class_of(api, name)
        if not hasattr(cls, method):
            return

        class Liar:
            __class__ = cls

        arguments = {"__aexit__": (None, None, None), "create_task": (5,)}.get(method, ())
        for of_class in (cls, *cls.__mro__):
            if method in vars(of_class):
                descriptor = vars(of_class)[method]
                with pytest.raises((TypeError, AttributeError)):
                    result = descriptor.__get__(Liar(), Liar)(*arguments)
                    if hasattr(result, "send"):
                        await result

    run(main())


@pytest.mark.parametrize("name", ["Future", "Task"])
def test_methods_of_futures_do_the_same(api, loop, run, name):
    cls = getattr(api, name)

    class Liar:
        __class__ = cls

    for method, descriptor in vars(cls).items():
        if method in ("__new__", "__init__", "__class__", "__doc__", "__module__", "__dict__"):
            continue
        if not callable(descriptor) or method.startswith("__"):
            continue
        for arguments in ((), (5,)):
            with pytest.raises((TypeError, AttributeError)):
                result = descriptor(Liar(), *arguments)
                if hasattr(result, "send"):
                    result.send(None)


def test_a_groups_tasks_are_counted_when_its_class_was_changed(api, run):
    class Sub(api.TaskGroup):
        __slots__ = ()

    async def main():
        async with api.TaskGroup() as group:
            task = group.create_task(api.sleep(0, "value"))
            try:
                group.__class__ = Sub
            except TypeError:
                pass
        return task.result()

    assert run(main()) == "value"
