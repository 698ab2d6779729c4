"""Which callbacks does the debug mode refuse?"""

import contextlib

import pytest

METHODS = [
    ("call_soon", lambda loop, callback: loop.call_soon(callback)),
    ("call_soon_threadsafe", lambda loop, callback: loop.call_soon_threadsafe(callback)),
    ("call_at", lambda loop, callback: loop.call_at(0, callback)),
    # The reference implements call_later by call_at and says so in its message.
    ("call_at", lambda loop, callback: loop.call_later(0, callback)),
    ("run_in_executor", lambda loop, callback: loop.run_in_executor(None, callback)),
]
METHOD_IDS = ["call_soon", "call_soon_threadsafe", "call_at", "call_later", "run_in_executor"]


@pytest.mark.parametrize("name, method", METHODS, ids=METHOD_IDS)
@pytest.mark.parametrize("thing", [42, None, "text"])
def test_something_not_callable_is_refused(loop, name, method, thing):
    with pytest.raises(TypeError) as raised:
        method(loop, thing)
    assert str(raised.value) == f"a callable object was expected by {name}(), got {thing!r}"


@pytest.mark.parametrize("name, method", METHODS, ids=METHOD_IDS)
def test_coroutine_functions_are_refused(loop, name, method):
    async def function():
        pass

    with pytest.raises(TypeError) as raised:
        method(loop, function)
    assert str(raised.value) == f"coroutines cannot be used with {name}()"


@pytest.mark.parametrize("name, method", METHODS, ids=METHOD_IDS)
def test_coroutines_are_refused(loop, name, method):
    async def function():
        pass

    with contextlib.closing(function()) as coroutine:
        with pytest.raises(TypeError) as raised:
            method(loop, coroutine)
    assert str(raised.value) == f"coroutines cannot be used with {name}()"
