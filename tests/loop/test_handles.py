"""What do the handles of call_soon and its kin tell and do?"""

import asyncio
import contextvars
import functools
import gc
import sys
import weakref

import pytest


def callback(*arguments):
    pass


LINE = callback.__code__.co_firstlineno


@pytest.fixture(
    params=[
        lambda loop, *args, **options: loop.call_soon(*args, **options),
        lambda loop, *args, **options: loop.call_soon_threadsafe(*args, **options),
        lambda loop, *args, **options: loop.call_later(3600, *args, **options),
        lambda loop, *args, **options: loop.call_at(1e9, *args, **options),
    ],
    ids=["call_soon", "call_soon_threadsafe", "call_later", "call_at"],
)
def schedule(request, loop):
    """Schedules a callback: ``schedule(callback, *args, context=None)``."""
    return functools.partial(request.param, loop)


def test_a_handle_is_of_the_public_class(loop, api):
    assert isinstance(loop.call_soon(callback), api.Handle)
    assert isinstance(loop.call_soon_threadsafe(callback), api.Handle)
    assert isinstance(loop.call_later(3600, callback), api.TimerHandle)
    assert isinstance(loop.call_at(1e9, callback), api.TimerHandle)
    assert issubclass(api.TimerHandle, api.Handle)
    assert not isinstance(loop.call_soon(callback), api.TimerHandle)


def test_a_handle_is_one_of_the_standard_library_too(loop):
    assert isinstance(loop.call_soon(callback), asyncio.Handle)
    assert isinstance(loop.call_later(3600, callback), asyncio.TimerHandle)
    assert isinstance(loop.call_later(3600, callback), asyncio.Handle)


def test_cancelling(schedule):
    handle = schedule(callback)
    assert handle.cancelled() is False
    assert handle.cancel() is None
    assert handle.cancelled() is True
    assert handle.cancel() is None
    assert handle.cancelled() is True


def test_cancelling_releases_callback_and_arguments_at_once(schedule):
    class Thing:
        def __call__(self, argument):
            pass

    called, argument = Thing(), Thing()
    released = [weakref.ref(called), weakref.ref(argument)]
    handle = schedule(called, argument)
    del called, argument
    handle.cancel()
    assert [reference() for reference in released] == [None, None]


def test_running_is_not_being_cancelled(loop, turn):
    handle = loop.call_soon(callback)
    turn()
    assert handle.cancelled() is False


def test_handles_can_be_referenced_weakly(schedule):
    handle = schedule(callback)
    assert weakref.ref(handle)() is handle


def test_a_handle_in_a_cycle_with_its_callback_is_collected(loop, turn):
    class Callback:
        def __call__(self):
            pass

    called = Callback()
    called.handle = loop.call_soon(called)
    collected = weakref.ref(called)
    turn()
    del called
    gc.collect()
    assert collected() is None


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Handle.get_context() is new in 3.12")
def test_the_context_of_a_handle(schedule):
    context = contextvars.Context()
    assert schedule(callback, context=context).get_context() is context
    variable = contextvars.ContextVar("variable")
    token = variable.set("current")
    copied = schedule(callback).get_context()
    variable.reset(token)
    assert copied[variable] == "current"


def test_repr_of_a_handle(loop):
    handle = loop.call_soon(callback)
    assert repr(handle) == f"<Handle callback() at {__file__}:{LINE}>"
    handle.cancel()
    assert repr(handle) == "<Handle cancelled>"


def test_repr_of_a_timer_handle(loop):
    handle = loop.call_at(123.5, callback)
    assert repr(handle) == f"<TimerHandle when=123.5 callback() at {__file__}:{LINE}>"
    handle.cancel()
    assert repr(handle) == "<TimerHandle cancelled when=123.5>"


def test_repr_of_a_builtin_callback(loop):
    assert repr(loop.call_soon([].clear)) == "<Handle list.clear()>"
    assert repr(loop.call_soon(int)) == "<Handle int()>"


def test_repr_of_a_partial_callback(loop):
    handle = loop.call_soon(functools.partial(functools.partial(callback)))
    # CPython merges nested partials into one.
    assert repr(handle) == f"<Handle callback()() at {__file__}:{LINE}>"


def test_repr_of_a_bound_method(loop):
    class Owner:
        def method(self):
            pass

    name = Owner.method.__qualname__
    assert repr(loop.call_soon(Owner().method)) == f"<Handle {name}()>"


def test_repr_of_a_callable_without_a_name(loop):
    class Nameless:
        def __repr__(self):
            return "<Nameless thing>"

        def __call__(self):
            pass

    assert repr(loop.call_soon(Nameless())) == "<Handle <Nameless thing>()>"


def test_repr_of_a_decorated_function_leads_to_its_source(loop):
    @functools.wraps(callback)
    def wrapper():
        pass

    assert repr(loop.call_soon(wrapper)) == f"<Handle callback() at {__file__}:{LINE}>"


def test_repr_in_debug_mode_shows_arguments_and_source(loop):
    loop.set_debug(True)
    handle = loop.call_soon(callback, 1, "text")
    created = handle._source_traceback[-1].lineno
    assert repr(handle) == (
        f"<Handle callback(1, 'text') at {__file__}:{LINE} created at {__file__}:{created}>"
    )
    timer = loop.call_at(123.5, callback, 1)
    created = timer._source_traceback[-1].lineno
    assert repr(timer) == (
        f"<TimerHandle when=123.5 callback(1) at {__file__}:{LINE} created at {__file__}:{created}>"
    )


def test_repr_in_debug_mode_keeps_the_callback_of_a_cancelled_handle(loop):
    loop.set_debug(True)
    handle = loop.call_soon(callback)
    created = handle._source_traceback[-1].lineno
    handle.cancel()
    assert repr(handle) == (
        f"<Handle cancelled callback() at {__file__}:{LINE} created at {__file__}:{created}>"
    )


def test_timer_handles_know_their_time(loop):
    assert loop.call_at(123.5, callback).when() == 123.5
    handle = loop.call_at(123.5, callback)
    handle.cancel()
    assert handle.when() == 123.5


def test_timer_handles_compare_by_their_time(loop):
    early, late = loop.call_at(1.0, callback), loop.call_at(2.0, callback)
    assert early < late and early <= late
    assert late > early and late >= early
    assert not late < early and not late <= early
    assert not early > late and not early >= late
    assert early != late and not early == late
    assert early <= early and early >= early and early == early


def test_timer_handles_are_equal_when_everything_is(loop):
    one, other = loop.call_at(1.0, callback, 5), loop.call_at(1.0, callback, 5)
    assert one == other and not one != other
    assert one <= other and one >= other
    assert not one < other and not one > other
    assert one != loop.call_at(1.0, callback, 6)
    assert one != loop.call_at(1.0, int, 5)
    assert one != loop.call_at(1.5, callback, 5)
    other.cancel()
    assert one != other
    one.cancel()
    assert one == other


def test_timer_handles_of_different_callbacks_at_one_time_have_no_order(loop):
    one, other = loop.call_at(1.0, callback), loop.call_at(1.0, int)
    assert not one < other and not one > other
    assert not one <= other and not one >= other


def test_timer_handles_hash_by_their_time(loop):
    handle = loop.call_at(123.5, callback)
    assert hash(handle) == hash(123.5)
    assert len({handle, loop.call_at(123.5, callback)}) == 1


@pytest.mark.parametrize("other", [1.0, None, "text", object()])
def test_timer_handles_compare_with_nothing_else(loop, other):
    handle = loop.call_at(1.0, callback)
    assert handle != other
    for compare in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__"):
        assert getattr(handle, compare)(other) is NotImplemented
    with pytest.raises(TypeError):
        handle < other  # noqa: B015


def test_plain_handles_compare_by_identity(loop):
    one, other = loop.call_soon(callback), loop.call_soon(callback)
    assert one != other
    assert one == one
    assert len({one, other}) == 2
    with pytest.raises(TypeError):
        one < other  # noqa: B015
