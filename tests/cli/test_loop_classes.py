"""A program that asks for asyncio's loop classes and policies, by name, with aioxide installed."""

import sys

import pytest

# Each program prints the same under ``python`` and under aioxide, but for the line of a loop's
# origin.
ORIGIN = """
    import asyncio, selectors, warnings
    warnings.simplefilter("ignore", DeprecationWarning)

    async def where():
        classes = type(asyncio.get_running_loop()).__mro__
        ours = any(cls.__module__.partition(".")[0] == "aioxide" for cls in classes)
        return "aioxide" if ours else "asyncio"

    def origin(loop):
        try:
            return loop.run_until_complete(where())
        finally:
            loop.close()

    class Derived(asyncio.SelectorEventLoop):
        pass

    class DerivedPolicy(asyncio.DefaultEventLoopPolicy):
        pass

    def by_policy(policy):
        asyncio.set_event_loop_policy(policy)
        return origin(asyncio.new_event_loop()), asyncio.run(where())
"""

OURS = {
    "class": "origin(asyncio.SelectorEventLoop())",
    "class with None for the selector": "origin(asyncio.SelectorEventLoop(None))",
    "class with None by name": "origin(asyncio.SelectorEventLoop(selector=None))",
    "private class": "origin(asyncio.unix_events._UnixSelectorEventLoop())",
    "factory": "asyncio.Runner(loop_factory=asyncio.SelectorEventLoop).run(where())",
    "default policy": "origin(asyncio.DefaultEventLoopPolicy().new_event_loop())",
    "policy that derives from it": "origin(DerivedPolicy().new_event_loop())",
    "default policy, set": "by_policy(asyncio.DefaultEventLoopPolicy())[1]",
    "derived policy, set": "by_policy(DerivedPolicy())[0]",
    "no policy, set": "by_policy(None)[0]",
}
if sys.version_info >= (3, 13):
    OURS["EventLoop"] = "origin(asyncio.EventLoop())"
    OURS["EventLoop as factory"] = "asyncio.run(where(), loop_factory=asyncio.EventLoop)"

ASYNCIOS = {
    "selector": "origin(asyncio.SelectorEventLoop(selectors.SelectSelector()))",
    "selector by name": "origin(asyncio.SelectorEventLoop(selector=selectors.SelectSelector()))",
    "derived class with selector": "origin(Derived(selectors.SelectSelector()))",
    "class in a program's own policy": "by_policy(Own())[0]",
}


@pytest.mark.parametrize("expression", OURS.values(), ids=list(OURS))
def test_asked_for_without_a_selector_it_is_ours(aioxide, program, expression):
    program(ORIGIN + f"\n    print({expression})\n")
    finished = aioxide("app.py")
    assert (finished.stdout, finished.stderr) == ("aioxide\n", "")


@pytest.mark.parametrize("expression", ASYNCIOS.values(), ids=list(ASYNCIOS))
def test_with_a_selector_or_derived_it_is_asyncios(aioxide, program, expression):
    own = """
    class Own(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self):
            return asyncio.SelectorEventLoop(selectors.DefaultSelector())
"""
    program(ORIGIN + own + f"\n    print({expression})\n")
    finished = aioxide("app.py")
    assert (finished.stdout, finished.stderr) == ("asyncio\n", "")


def test_derived_class_is_a_class_like_any_other(same, program):
    program(
        """
        import asyncio, inspect, pickle

        class Derived(asyncio.SelectorEventLoop):
            def __init__(self, selector=None, *, extra=1):
                super().__init__(selector)
                self.extra = extra

            def call_soon(self, *args, **kwargs):
                return super(Derived, self).call_soon(*args, **kwargs)

        loop = Derived(extra=2)
        print(loop.extra, loop.run_until_complete(asyncio.sleep(0, "slept")), type(loop).__mro__)
        print(isinstance(loop, asyncio.SelectorEventLoop), isinstance(loop, Derived))
        print(issubclass(Derived, asyncio.SelectorEventLoop), issubclass(Derived, Derived))
        print(issubclass(asyncio.SelectorEventLoop, Derived), issubclass(int, Derived))
        print(inspect.signature(Derived), pickle.loads(pickle.dumps(Derived)) is Derived)
        loop.close()
        """
    )
    same("app.py")


def test_class_itself_keeps_its_names(same, program):
    program(
        """
        import asyncio, inspect, pickle, selectors, sys

        sys.unraisablehook = lambda args: None  # from a loop whose arguments were wrong
        cls = asyncio.SelectorEventLoop
        print(cls, cls.__mro__, cls is asyncio.unix_events.SelectorEventLoop, isinstance(cls, type))
        print(inspect.signature(cls), inspect.signature(asyncio.BaseEventLoop))
        print(pickle.loads(pickle.dumps(cls)) is cls, issubclass(cls, asyncio.BaseEventLoop))
        print(issubclass(int, cls), isinstance(1, cls), isinstance(cls, cls))
        for wrong in ((1, 2), (None, None)):
            try:
                cls(*wrong)
            except TypeError as error:
                print(error)
        try:
            cls(other=None)
        except TypeError as error:
            print(error)
        loop = cls(selectors.SelectSelector())
        print(isinstance(loop, cls), isinstance(loop, asyncio.BaseEventLoop))
        loop.close()
        """
    )
    same("app.py")


def test_derived_with_an_abstract_class(same, program):
    program(
        """
        import abc, asyncio

        class Named(abc.ABC):
            @abc.abstractmethod
            def name(self): ...

        class Both(asyncio.SelectorEventLoop, Named):
            pass

        class Explicit(asyncio.BaseEventLoop, metaclass=abc.ABCMeta):
            @abc.abstractmethod
            def name(self): ...

        for cls in (Both, Explicit):
            try:
                cls()
            except TypeError as error:
                print(error)
            print(type(cls))

        class Whole(Both):
            name = lambda self: "whole"

        loop = Whole()
        print(loop.name(), loop.run_until_complete(asyncio.sleep(0, "slept")))
        loop.close()
        """
    )
    same("app.py")


@pytest.mark.parametrize("make", ["asyncio.new_event_loop()", "asyncio.SelectorEventLoop()"])
def test_recognised_by_the_classes(aioxide, program, make):
    program(
        f"""
        import asyncio
        loop = {make}
        classes = [asyncio.SelectorEventLoop, asyncio.BaseEventLoop, asyncio.AbstractEventLoop]
        classes += [asyncio.selector_events.BaseSelectorEventLoop]
        classes += [getattr(asyncio, "EventLoop", object)]
        print([isinstance(loop, cls) for cls in classes])
        print([issubclass(type(loop), cls) for cls in classes])
        print(isinstance(loop, (int, asyncio.BaseEventLoop)), loop.__class__ is type(loop))
        match loop:
            case asyncio.SelectorEventLoop():
                print("matched")
        loop.close()
        """
    )
    finished = aioxide("app.py")
    assert finished.stderr == ""
    assert finished.stdout.splitlines() == [str([True] * 5)] * 2 + ["True True", "matched"]


def test_imported_by_name_before_install(run_script):
    finished = run_script(
        """
        from asyncio import BaseEventLoop, SelectorEventLoop
        import aioxide

        def seen():
            loop = SelectorEventLoop()
            loop.close()
            ours = aioxide.new_event_loop()
            ours.close()
            return type(loop).__module__.partition(".")[0], isinstance(ours, BaseEventLoop)

        # Many times at one place: what the interpreter remembers of a class must not outlive a
        # change.
        for _ in range(3):
            print({seen() for _ in range(50)})
            aioxide.install()
            print({seen() for _ in range(50)})
            aioxide.uninstall()
        """
    )
    assert finished.stderr == ""
    assert (
        finished.stdout.splitlines()
        == [
            "{('asyncio', False)}",
            "{('aioxide', True)}",
        ]
        * 3
    )


def test_class_derived_while_installed_outlives_it(run_script):
    finished = run_script(
        """
        import asyncio, gc, aioxide
        plain = type(asyncio.SelectorEventLoop)
        aioxide.install()

        class Derived(asyncio.SelectorEventLoop):
            pass

        aioxide.uninstall()

        class Later(Derived):
            pass

        for cls in (Derived, Later):
            loop = cls()
            print(loop.run_until_complete(asyncio.sleep(0, isinstance(loop, Derived))))
            loop.close()
        print(type(asyncio.SelectorEventLoop) is plain, isinstance(aioxide.Loop, Derived))
        del Derived, Later, cls, loop
        gc.collect()
        """
    )
    assert (finished.stdout, finished.stderr) == ("True\nTrue\nTrue False\n", "")


def test_unlike_metaclass_is_refused(run_script):
    finished = run_script(
        """
        from aioxide._aioxide import _set_metaclass

        class NoMetaclass:
            pass

        class Plain:
            pass

        for cls, metaclass in [(Plain, NoMetaclass), (int, type)]:
            try:
                _set_metaclass(cls, metaclass)
            except TypeError as error:
                print(error)
        """
    )
    assert finished.stderr == ""
    assert finished.stdout.splitlines() == [
        "NoMetaclass cannot become the class of Plain",
        "type cannot become the class of int",
    ]
