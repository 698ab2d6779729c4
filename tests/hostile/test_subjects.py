"""Every class has its objects here, and nothing is overlooked."""

import sys

import pytest
from hostile.subjects import SUBJECTS, WAYS


def test_every_class_is_a_subject():
    import aioxide
    import aioxide._aioxide as native

    classes = {name for name, thing in vars(native).items() if isinstance(thing, type)}
    public = {name: getattr(aioxide, name) for name in aioxide.__all__}
    classes |= {
        name
        for name, thing in public.items()
        if isinstance(thing, type) and thing.__module__.startswith("aioxide")
    }
    # Another name of Loop, and what has no state of its own.
    classes -= {"EventLoop", "DefaultEventLoopPolicy", "EventLoopPolicy"}
    assert sorted(classes - set(SUBJECTS)) == []


@pytest.mark.parametrize("way", sorted(WAYS))
def test_the_object_is_one_of_its_class(kind, way, made):
    name = way.partition(",")[0]
    if name == "_AsCompletedIterator" and sys.version_info < (3, 13):
        name = "generator"  # asyncio's function is one before 3.13.
    if kind == "aioxide":
        # The `__name__` of a coroutine's class is the interpreter's, "coroutine".
        bases = [base.__qualname__ for base in type(made(way)).__mro__]
        assert name in bases, bases
