"""What can be called takes the arguments that asyncio's takes: names, kinds and defaults.

The types of the package are asyncio's, so what a type checker accepts must be what is there.
"""

import asyncio
import inspect
import sys

import aioxide
import pytest
from aioxide import _aioxide

#: Made by the loop or by a function, never by a program: what they are made of is their own.
MADE_BY_OTHERS = ("Server", "EventLoop")
#: asyncio's takes other arguments in later releases of the same version, ours in all.
CHANGING = ("create_task",)
#: What ours takes on every Python, and asyncio's from a later one on.
AHEAD = ("loop_factory", "all_errors", "keep_alive", "cleanup_socket", "timeout")
#: asyncio has them in C, where a default may be one that cannot be written.
UNWRITABLE = "<unrepresentable>"

CALLABLES = [name for name in asyncio.__all__ if callable(getattr(asyncio, name))]
CLASSES = [name for name in CALLABLES if inspect.isclass(getattr(asyncio, name))]
NATIVE = [name for name in CLASSES if getattr(asyncio, name) is not getattr(aioxide, name)]


def parameters(function):
    """``[(name, kind, default)]``, or None if that cannot be known."""
    try:
        signature = inspect.signature(function)
    except ValueError:
        return None
    return [
        (each.name, each.kind.name, "…" if repr(each.default) == UNWRITABLE else repr(each.default))
        for each in signature.parameters.values()
    ]


def public_methods(standard, ours):
    """What is a method on both sides: ``[(name, standard, ours)]``."""
    found = []
    for name in dir(standard):
        theirs = inspect.getattr_static(standard, name)
        if name in CHANGING:
            continue
        if not name.startswith("_") and callable(getattr(standard, name)):
            found.append((name, getattr(standard, name), getattr(ours, name)))
            is_class_method = isinstance(theirs, classmethod)
            assert is_class_method == isinstance(inspect.getattr_static(ours, name), classmethod)
    return found


def assert_alike(place, standard, ours):
    theirs, found = parameters(standard), parameters(ours)
    if theirs is None or found is None or theirs == found:
        return
    known = {each[0] for each in theirs}
    found = [each for each in found if each[0] in known or each[0] not in AHEAD]
    # What is positional is only so on one side if the other has written it in C.
    assert [each[0] for each in found] == [each[0] for each in theirs], place
    for mine, their in zip(found, theirs, strict=True):
        kinds = {mine[1], their[1]}
        assert len(kinds) == 1 or kinds == {"POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD"}, place
        assert mine[2] == their[2] or "…" in (mine[2], their[2]), place


@pytest.mark.parametrize("name", sorted({*CALLABLES} - {*CLASSES, *CHANGING}))
def test_functions(name):
    assert_alike(name, getattr(asyncio, name), getattr(aioxide, name))


@pytest.mark.parametrize("name", CLASSES)
def test_methods(name):
    standard, ours = getattr(asyncio, name), getattr(aioxide, name)
    for method, theirs, mine in public_methods(standard, ours):
        assert_alike(f"{name}.{method}", theirs, mine)


@pytest.mark.parametrize("name", [each for each in NATIVE if each not in MADE_BY_OTHERS])
def test_constructors(name):
    standard, ours = getattr(asyncio, name), getattr(aioxide, name)
    if name == "Task" and sys.version_info < (3, 12):
        pytest.skip("tasks that start eagerly are of 3.12")
    assert_alike(name, standard, ours)


def test_the_loop():
    for method, theirs, mine in public_methods(asyncio.SelectorEventLoop, aioxide.Loop):
        assert_alike(f"Loop.{method}", theirs, mine)


def test_no_native_method_has_an_argument_with_the_name_of_an_unused_one():
    """An argument that is ignored can be given by the name that asyncio has for it, too."""
    found = []
    for kind in (each for each in vars(_aioxide).values() if inspect.isclass(each)):
        for name, method in vars(kind).items():
            if inspect.ismethoddescriptor(method) and not name.startswith("__"):
                for argument, how, _ in parameters(method) or ():
                    if argument.startswith("_") and how != "POSITIONAL_ONLY":
                        found.append(f"{kind.__name__}.{name}({argument})")
    assert not found
