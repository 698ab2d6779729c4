"""Where does an exception go that nobody caught?"""

import asyncio
import contextvars
import functools
import logging
import sys

import pytest


def fail():
    raise ValueError("from the callback")


class Custom(BaseException):
    """An exception that ``except Exception`` does not catch."""


def test_a_failing_callback_is_reported_with_its_handle(loop, turn, reported):
    handle = loop.call_soon(fail)
    turn()
    context = reported.take_one()
    assert set(context) == {"message", "exception", "handle"}
    line = fail.__code__.co_firstlineno
    assert context["message"] == f"Exception in callback fail() at {__file__}:{line}"
    assert type(context["exception"]) is ValueError
    assert context["handle"] is handle


def test_the_traceback_leads_to_the_callback(loop, turn, reported):
    loop.call_soon(fail)
    turn()
    traceback = reported.take_one()["exception"].__traceback__
    while traceback.tb_next:
        traceback = traceback.tb_next
    assert traceback.tb_frame.f_code is fail.__code__


@pytest.mark.parametrize("exception", [Custom, asyncio.CancelledError, GeneratorExit])
def test_exceptions_beyond_exception_are_reported_as_well(loop, turn, reported, exception):
    def callback():
        raise exception("text")

    seen = []
    loop.call_soon(callback)
    loop.call_soon(seen.append, "still running")
    turn()
    assert type(reported.take_one()["exception"]) is exception
    assert seen == ["still running"]


def test_a_failing_timer_is_reported_with_its_handle(loop, turn, reported):
    handle = loop.call_later(0, fail)
    turn()
    assert reported.take_one()["handle"] is handle


def test_the_handler_is_given_the_loop(loop, turn):
    seen = []
    loop.set_exception_handler(lambda *arguments: seen.append(arguments))
    context = {"message": "text"}
    loop.call_exception_handler(context)
    assert len(seen) == 1
    assert seen[0][0] is loop
    assert seen[0][1] is context


def test_the_handler_can_be_read_and_removed(loop, logged):
    def handler(loop, context):
        raise AssertionError("removed, but called")

    assert loop.get_exception_handler() is None
    loop.set_exception_handler(handler)
    assert loop.get_exception_handler() is handler
    loop.set_exception_handler(None)
    assert loop.get_exception_handler() is None
    loop.call_exception_handler({"message": "text"})
    assert logged.take_one().getMessage() == "text"


@pytest.mark.parametrize("handler", [42, "handler", object(), []])
def test_a_handler_must_be_callable(loop, handler):
    with pytest.raises(TypeError) as raised:
        loop.set_exception_handler(handler)
    assert str(raised.value) == f"A callable object or None is expected, got {handler!r}"
    assert loop.get_exception_handler() is None


def test_the_default_handler_logs_an_error_with_the_traceback(loop, turn, logged):
    handle = loop.call_soon(fail)
    turn()
    record = logged.take_one()
    assert record.name == "asyncio"
    assert record.levelno == logging.ERROR
    line = fail.__code__.co_firstlineno
    assert record.getMessage() == (
        f"Exception in callback fail() at {__file__}:{line}\nhandle: {handle!r}"
    )
    kind, exception, traceback = record.exc_info
    assert kind is ValueError
    assert str(exception) == "from the callback"
    assert traceback is exception.__traceback__


def test_the_default_handler_lists_what_it_was_told_in_order(loop, logged):
    loop.default_exception_handler({"zebra": 1, "message": "text", "apple": "red", "m": None})
    record = logged.take_one()
    assert record.getMessage() == "text\napple: 'red'\nm: None\nzebra: 1"
    assert not record.exc_info


@pytest.mark.parametrize("context", [{}, {"message": ""}, {"message": None}])
def test_the_default_handler_has_a_message_when_there_is_none(loop, logged, context):
    loop.call_exception_handler(context)
    assert logged.take_one().getMessage() == "Unhandled exception in event loop"


def test_a_custom_handler_may_defer_to_the_default_one(loop, turn, logged):
    seen = []

    def handler(loop, context):
        seen.append(context["message"])
        loop.default_exception_handler(context)

    loop.set_exception_handler(handler)
    loop.call_exception_handler({"message": "text", "detail": 1})
    assert seen == ["text"]
    assert logged.take_one().getMessage() == "text\ndetail: 1"


def test_a_custom_handler_silences_the_log(loop, reported, logged):
    loop.call_exception_handler({"message": "text"})
    assert reported.take_one() == {"message": "text"}
    assert logged.take() == []


def test_a_handler_that_fails_is_logged_with_what_it_was_told(loop, logged):
    def handler(loop, context):
        raise LookupError("in the handler")

    loop.set_exception_handler(handler)
    loop.call_exception_handler({"message": "text"})
    record = logged.take_one()
    assert record.getMessage() == (
        "Unhandled error in exception handler\ncontext: {'message': 'text'}"
    )
    assert record.exc_info[0] is LookupError


def test_after_a_handler_failed_the_callbacks_go_on(loop, turn, logged):
    def handler(loop, context):
        raise LookupError("in the handler")

    seen = []
    loop.set_exception_handler(handler)
    loop.call_soon(fail)
    loop.call_soon(seen.append, 1)
    turn()
    assert seen == [1]
    assert logged.take_one().exc_info[0] is LookupError


@pytest.mark.parametrize("exception", [SystemExit, KeyboardInterrupt])
def test_a_handler_may_end_the_loop(loop, exception):
    def handler(loop, context):
        raise exception

    loop.set_exception_handler(handler)
    loop.call_soon(fail)
    with pytest.raises(exception):
        loop.run_forever()
    assert not loop.is_running()


def test_a_default_handler_overridden_in_a_subclass_is_used(new_loop, loop_factory):
    probe = new_loop()
    seen = []

    class Loop(type(probe)):
        def default_exception_handler(self, context):
            seen.append((self, context))

    loop = Loop()
    loop.call_soon(fail)
    loop.stop()
    loop.run_forever()
    loop.close()
    assert len(seen) == 1
    assert seen[0][0] is loop
    assert type(seen[0][1]["exception"]) is ValueError


def test_a_failing_default_handler_is_logged(new_loop, logged):
    probe = new_loop()

    class Loop(type(probe)):
        def default_exception_handler(self, context):
            raise LookupError("in the default handler")

    loop = Loop()
    loop.call_exception_handler({"message": "text"})
    record = logged.take_one()
    assert record.getMessage() == "Exception in default exception handler"
    assert record.exc_info[0] is LookupError

    def handler(loop, context):
        raise ValueError("in the custom handler")

    loop.set_exception_handler(handler)
    loop.call_exception_handler({"message": "text"})
    record = logged.take_one()
    assert record.getMessage() == (
        "Exception in default exception handler while handling an unexpected error "
        "in custom exception handler"
    )
    loop.close()


@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="handlers run in the context of their subject since 3.12"
)
def test_the_handler_runs_in_the_context_of_the_failed_callback(loop, turn):
    variable = contextvars.ContextVar("variable", default="outside")
    seen = []
    context = contextvars.Context()
    context.run(variable.set, "of the callback")
    loop.set_exception_handler(lambda loop, context: seen.append(variable.get()))
    loop.call_soon(fail, context=context)
    turn()
    assert seen == ["of the callback"]


@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="handlers run in the context of their subject since 3.12"
)
@pytest.mark.parametrize("key", ["task", "future"])
def test_the_handler_runs_in_the_context_of_the_task(loop, run, key):
    variable = contextvars.ContextVar("variable", default="outside")
    seen = []
    loop.set_exception_handler(lambda loop, context: seen.append(variable.get()))

    async def main():
        variable.set("of the task")

    context = contextvars.Context()
    task = loop.create_task(main(), context=context)
    loop.run_until_complete(task)
    loop.call_exception_handler({"message": "text", key: task})
    assert seen == ["of the task"]


def test_the_message_shows_partials_and_methods(loop, turn, reported):
    class Owner:
        def method(self):
            raise ValueError

    loop.call_soon(functools.partial(fail))
    loop.call_soon(Owner().method)
    loop.call_soon([].pop)
    turn()
    messages = [reported.pop(0)["message"] for _ in range(3)]
    line = fail.__code__.co_firstlineno
    # Only plain functions and partials of them are shown with their source.
    assert messages == [
        f"Exception in callback fail()() at {__file__}:{line}",
        f"Exception in callback {Owner.method.__qualname__}()",
        "Exception in callback list.pop()",
    ]


def test_the_message_shows_the_arguments_in_debug_mode(loop, turn, reported):
    loop.set_debug(True)
    loop.call_soon(int, "not a number")
    turn()
    assert reported.take_one()["message"] == "Exception in callback int('not a number')"


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="arguments are kept out of messages since 3.13"
)
def test_the_message_hides_the_arguments_otherwise(loop, turn, reported):
    loop.call_soon(int, "not a number")
    turn()
    assert reported.take_one()["message"] == "Exception in callback int()"
