"""A class's own descriptors with objects that are another's, or only say that they are its own."""

import sys

import pytest
from hostile.subjects import WAYS

#: They come back only when the loop stops.
BLOCKING = ("run_forever", "run_until_complete", "serve_forever", "run")

#: CPython 3.15 has one `__dict__` descriptor for all classes. It crashes if it is to delete the
#: dictionary of an object of a native class, such as functools.partial.
DICTIONARY = vars(type("Any", (), {}))["__dict__"]
CRASHES_ON_DELETION = sys.version_info >= (3, 15)


def natives_of(thing):
    """The classes of an object with their own descriptors, ``object`` left out."""
    for base in type(thing).__mro__[:-1]:
        for name, descriptor in list(vars(base).items()):
            if hasattr(type(descriptor), "__get__") and name not in BLOCKING:
                yield base, name, descriptor


def use(attempt, descriptor, other):
    """All that a descriptor can do with an object."""
    attempt(lambda: descriptor.__get__(other))
    attempt(lambda: descriptor.__get__(other, type(other)))
    attempt(lambda: descriptor.__get__(other)())
    attempt(lambda: descriptor.__get__(other)(None))
    attempt(lambda: descriptor.__get__(other)(other, other))
    attempt(lambda: descriptor.__set__(other, 1))
    if not (CRASHES_ON_DELETION and descriptor is DICTIONARY):
        attempt(lambda: descriptor.__delete__(other))
    if callable(descriptor):
        attempt(descriptor, other)
        attempt(descriptor, other, None)
        attempt(descriptor)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_descriptors_refuse_objects_that_are_not_theirs(way, made, attempt):
    thing = made(way)
    others = [object(), None, 5, type(thing), made.loop.create_future(), made.api.Queue()]
    for _, name, descriptor in natives_of(thing):
        if name in ("__new__", "__init_subclass__", "__class_getitem__"):
            continue
        for other in others:
            use(attempt, descriptor, other)
    made.settle()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_descriptors_do_not_believe_the_class_attribute(way, made, attempt):
    thing = made(way)

    class Liar:
        __class__ = type(thing)

    for base, name, descriptor in natives_of(thing):
        if name == "__new__":
            continue
        use(attempt, descriptor, Liar())

        class NamesThisBase:
            __class__ = base

        use(attempt, descriptor, NamesThisBase())
    made.settle()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_objects_of_every_class_are_refused_by_every_other(way, made, attempt):
    thing = made(way)
    for other_way in sorted(WAYS):
        cls = type(attempt(made, other_way))
        for base in cls.__mro__[:-1]:
            for name in ("__init__", "__repr__", "__await__", "__iter__", "__next__", "__aenter__"):
                descriptor = vars(base).get(name)
                if descriptor is not None:
                    use(attempt, descriptor, thing)
    made.settle()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_liar_handed_in_as_an_argument_is_survived(way, made, attempt):
    thing = made(way)

    class Liar:
        __class__ = type(thing)

    api, loop = made.api, made.loop
    liar = Liar()

    async def await_it():
        await liar

    for function in (
        api.ensure_future,
        api.shield,
        api.gather,
        api.isfuture,
        api.iscoroutine,
        api.wrap_future,
        api.Task,
        loop.create_task,
        loop.run_until_complete,
        api.Condition,
        api.StreamReaderProtocol,
        lambda it: api.run_coroutine_threadsafe(it, loop),
        lambda it: loop.create_task(api.wait([it])),
        lambda it: loop.create_task(api.wait_for(it, 1)),
        lambda it: api.Future(loop=it),
        lambda it: api.StreamReader(loop=it),
        lambda it: api.StreamWriter(it, it, it, it),
        lambda it: api.Handle(int, (), it),
        lambda it: loop.call_soon(int, context=it),
        lambda it: list(api.as_completed([it])),
        lambda it: loop.create_task(loop.start_tls(it, it, it)),
        lambda it: loop.create_task(loop.sendfile(it, it)),
        lambda it: loop.create_task(loop.sock_recv(it, 5)),
        lambda it: api.all_tasks(it),
        lambda it: api.current_task(it),
    ):
        attempt(function, liar)
        made.run_loop(1)
    loop.create_task(await_it())
    made.settle()


@pytest.mark.parametrize("way", sorted(WAYS))
def test_an_assigned_class_is_refused_or_survived(way, made, attempt):
    thing = made(way)
    cls = type(thing)
    classes = [type(made.loop.create_future()), made.api.Lock, made.api.TaskGroup, object]
    for namespace in ({"__slots__": ()}, {"__slots__": ("x",)}, {}):
        derived = attempt(type, "Derived", (cls,), namespace)
        if derived is not None:
            classes.append(derived)
    for other in classes:
        attempt(setattr, thing, "__class__", other)
        attempt(repr, thing)
        for name in ("cancel", "close", "release", "done", "__aenter__", "wait", "_abort"):
            method = attempt(getattr, thing, name, None)
            if callable(method):
                attempt(method)
        made.run_loop(1)
    made.settle()
    del thing
    made.settle()


def test_the_class_of_a_task_group_is_changed_while_a_child_runs(kind, api, made):
    class Derived(api.TaskGroup):
        __slots__ = ()

    refused = []

    async def main():
        async with api.TaskGroup() as group:
            group.create_task(api.sleep(0.001))
            try:
                group.__class__ = Derived
            except TypeError:
                refused.append(True)

    made.loop.run_until_complete(main())
    # asyncio's group has an instance dictionary, which the derived class shares.
    assert refused or type(Derived()).__slots__ == ()


def test_a_task_group_is_not_entered_for_an_object_that_names_its_class(api, made):
    class Liar:
        __class__ = api.TaskGroup

    async def main():
        with pytest.raises((TypeError, AttributeError)):
            await api.TaskGroup.__dict__["__aenter__"].__get__(Liar())()

    made.loop.run_until_complete(main())
