"""Are asyncio's coroutine functions coroutine functions for those who look?"""

import asyncio
import copy
import functools
import inspect
import pickle
import types
import unittest.mock

import aioxide
import pytest

FUNCTIONS = [
    name
    for name in sorted(asyncio.__all__)
    if inspect.iscoroutinefunction(getattr(asyncio, name))
    and not inspect.isclass(getattr(asyncio, name))
]
CLASSES = [
    name
    for name in sorted(asyncio.__all__)
    if inspect.isclass(getattr(asyncio, name))
    and getattr(asyncio, name) is not getattr(aioxide, name)
    and name not in ("EventLoop", "Server")  # see below
]


def methods_of(class_):
    """What are coroutine functions in a class, by their names."""
    return {
        name
        for name in dir(class_)
        if (not name.startswith("_") or name in ("__aenter__", "__aexit__", "__anext__"))
        and inspect.iscoroutinefunction(getattr(class_, name))
    }


METHODS = [
    f"{name}.{method}" for name in CLASSES for method in sorted(methods_of(getattr(asyncio, name)))
]


@pytest.fixture
def find(api):
    """Gives a function or a method of the side under test: ``find("Lock.acquire")``."""
    return lambda path: functools.reduce(getattr, path.split("."), api)


@pytest.mark.parametrize("path", [*FUNCTIONS, *METHODS])
def test_they_are_functions_that_make_coroutines(find, path):
    function = find(path)
    assert inspect.iscoroutinefunction(function)
    assert inspect.isfunction(function)
    assert inspect.isroutine(function)
    assert isinstance(function, types.FunctionType)
    assert function.__class__ is types.FunctionType
    assert inspect.unwrap(function) is function
    assert types.coroutine(function) is function


@pytest.mark.parametrize("path", [*FUNCTIONS, *METHODS])
def test_they_have_the_names_of_asyncios(find, path):
    standard = functools.reduce(getattr, path.split("."), asyncio)
    function = find(path)
    assert function.__name__ == standard.__name__
    assert function.__qualname__ == standard.__qualname__
    assert repr(function).startswith(f"<function {standard.__qualname__} at ")
    if path not in ("open_connection", "start_server", "open_unix_connection", "start_unix_server"):
        assert function.__module__ == standard.__module__
    assert inspect.signature(function).parameters == inspect.signature(standard).parameters


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_the_same_ones(api, name):
    assert methods_of(getattr(api, name)) == methods_of(getattr(asyncio, name))


def test_the_loop_has_the_same_ones(loop):
    of_asyncio = methods_of(asyncio.SelectorEventLoop)
    assert of_asyncio <= methods_of(type(loop))
    for name in of_asyncio:
        assert inspect.iscoroutinefunction(getattr(loop, name))
        theirs = getattr(asyncio.SelectorEventLoop, name)
        assert getattr(loop, name).__qualname__ == theirs.__qualname__


def test_the_server_has_the_same_ones(run, api):
    async def main():
        server = await api.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        async with server:
            return methods_of(type(server))

    assert run(main()) == methods_of(asyncio.base_events.Server)


@pytest.mark.parametrize("path", ["Lock.acquire", "Lock.__aenter__", "Queue.get"])
def test_a_bound_one_is_a_method(find, path):
    name, method = path.split(".")
    owner = find(name)()
    bound = getattr(owner, method)
    assert inspect.ismethod(bound)
    assert inspect.iscoroutinefunction(bound)
    assert bound.__func__ is find(path)
    assert bound.__self__ is owner
    assert repr(bound).startswith(f"<bound method {find(path).__qualname__} of ")


def test_a_partial_one_is_a_coroutine_function(api):
    assert inspect.iscoroutinefunction(functools.partial(api.sleep, 0))


@pytest.mark.parametrize("path", ["sleep", "wait_for", "Queue.get", "Lock.acquire"])
def test_a_copy_is_the_function_itself(find, path):
    assert copy.copy(find(path)) is find(path)
    assert copy.deepcopy(find(path)) is find(path)
    assert pickle.loads(pickle.dumps(find(path))) is find(path)


@pytest.mark.parametrize("path", [*FUNCTIONS, *METHODS])
def test_they_are_documented(find, path):
    if functools.reduce(getattr, path.split("."), asyncio).__doc__:
        assert find(path).__doc__


def test_wraps_takes_their_names(api):
    @functools.wraps(api.sleep)
    async def mine(*args):
        return await api.sleep(*args)

    assert mine.__wrapped__ is api.sleep
    assert mine.__module__ == "asyncio.tasks"
    assert str(inspect.signature(mine)) == "(delay, result=None)"


def test_patch_puts_an_asynchronous_mock_in_their_place(api, run):
    async def main():
        with unittest.mock.patch.object(api, "sleep") as mock:
            assert isinstance(mock, unittest.mock.AsyncMock)
            mock.return_value = "mocked"
            assert await api.sleep(3600) == "mocked"
        with unittest.mock.patch.object(api.Queue, "get", autospec=True) as mock:
            mock.return_value = "mocked"
            assert await api.Queue().get() == "mocked"

    run(main())


def test_a_mock_of_a_reader_has_asynchronous_methods(api, run):
    async def main():
        reader = unittest.mock.create_autospec(api.StreamReader, instance=True)
        reader.read.return_value = b"x"
        assert await reader.read(1) == b"x"
        with pytest.raises(TypeError, match="too many positional arguments"):
            reader.read(1, 2)
        reader.at_eof.return_value = True
        assert reader.at_eof() is True
        lock = unittest.mock.create_autospec(api.Lock, instance=True)
        async with lock:
            pass
        assert lock.__aenter__.await_count == 1

    run(main())


def test_a_mock_with_a_spec_knows_them(api):
    queue = unittest.mock.MagicMock(spec=api.Queue)
    assert isinstance(queue.get, unittest.mock.AsyncMock)
    assert not isinstance(queue.get_nowait, unittest.mock.AsyncMock)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda api: api.Lock().acquire(1), "Lock.acquire() takes 1 positional argument but 2"),
        (lambda api: api.Lock().acquire(by=1), "Lock.acquire() got an unexpected keyword arg"),
        (lambda api: api.Lock.acquire(api.Lock(), 1), "Lock.acquire() takes 1 positional argument"),
        (lambda api: api.Lock.acquire(), "Lock.acquire() missing 1 required positional argument"),
        (lambda api: api.Lock().__aenter__(1), "__aenter__() takes 1 positional argument but 2"),
        (lambda api: api.sleep(), "sleep() missing 1 required positional argument: 'delay'"),
    ],
)
def test_wrong_arguments_are_refused(api, call, message):
    with pytest.raises(TypeError) as caught:
        call(api)
    assert message in str(caught.value)


def test_an_iteration_over_a_reader_can_be_replaced(api, run):
    class Two(api.StreamReader):
        async def __anext__(self):
            return (await super().__anext__()) * 2

    async def main():
        for class_ in (api.StreamReader, Two):
            reader = class_()
            reader.feed_data(b"a\nb\n")
            reader.feed_eof()
            yield [line async for line in reader]

    async def collect():
        return [lines async for lines in main()]

    assert run(collect()) == [[b"a\n", b"b\n"], [b"a\na\n", b"b\nb\n"]]


def test_a_callback_must_not_be_one(loop, api):
    loop.set_debug(True)
    with pytest.raises(TypeError, match=r"coroutines cannot be used with call_soon\(\)"):
        loop.call_soon(api.sleep, 0)
