"""Who hears of an exception that nobody asked for?"""

import asyncio
import gc

import pytest


class Failure(Exception):
    pass


@pytest.fixture
def failed(loop):
    """A list with a failed future in it; emptying the list drops the future."""
    future = loop.create_future()
    future.set_exception(Failure("text"))
    return [future]


def test_dropping_the_future_reports_it(failed, reported):
    exception = failed[0]._exception
    identity = id(failed[0])
    failed.clear()
    gc.collect()
    context = reported.take_one()
    assert set(context) == {"message", "exception", "future"}
    assert context["message"] == "Future exception was never retrieved"
    assert context["exception"] is exception
    assert id(context["future"]) == identity


def test_the_log_shows_future_and_traceback(failed, logged):
    text = repr(failed[0])
    failed.clear()
    gc.collect()
    record = logged.take_one()
    assert record.getMessage() == f"Future exception was never retrieved\nfuture: {text}"
    assert record.exc_info[0] is Failure


def test_nothing_is_reported_while_the_future_lives(failed, reported):
    gc.collect()
    assert reported == []
    failed[0].exception()


@pytest.mark.parametrize(
    "retrieve",
    [
        lambda future: future.exception(),
        lambda future: pytest.raises(Failure, future.result),
        lambda future: setattr(future, "_log_traceback", False),
        lambda future: future.cancel(),
    ],
    ids=["exception", "result", "_log_traceback", "cancel"],
)
def test_a_retrieved_exception_is_not_reported(failed, reported, retrieve):
    retrieve(failed[0])
    failed.clear()
    gc.collect()
    assert reported == []


def test_an_awaited_exception_is_not_reported(failed, reported, run):
    async def main():
        with pytest.raises(Failure):
            await failed[0]

    run(main())
    failed.clear()
    gc.collect()
    assert reported == []


def test_a_callback_that_does_not_look_is_not_enough(loop, turn, reported):
    future = loop.create_future()
    future.add_done_callback(lambda future: None)
    future.set_exception(Failure())
    turn()
    del future
    gc.collect()
    assert type(reported.take_one()["exception"]) is Failure


def test_a_future_in_a_cycle_is_reported_when_the_cycle_is_collected(loop, reported):
    future = loop.create_future()
    holder = [future]
    future.set_exception(Failure())
    future.holder = holder
    holder.append(holder)
    del future, holder
    gc.collect()
    assert type(reported.take_one()["exception"]) is Failure


def test_the_mark_is_true_until_the_exception_is_retrieved(failed):
    assert failed[0]._log_traceback is True
    failed[0].exception()
    assert failed[0]._log_traceback is False


def test_the_mark_of_other_futures_is_false(loop):
    future = loop.create_future()
    assert future._log_traceback is False
    future.set_result(1)
    assert future._log_traceback is False


@pytest.mark.parametrize("value", [True, 1, "text"])
def test_the_mark_cannot_be_set_to_true(loop, value):
    future = loop.create_future()
    with pytest.raises(ValueError) as raised:
        future._log_traceback = value
    assert str(raised.value) == "_log_traceback can only be set to False"


def test_the_mark_cannot_be_deleted(loop):
    future = loop.create_future()
    with pytest.raises(AttributeError):
        del future._log_traceback


def test_a_failed_task_is_reported_as_a_task(loop, turn, reported):
    async def fail():
        raise Failure("text")

    task = loop.create_task(fail())
    turn()
    del task
    gc.collect()
    context = reported.take_one()
    assert context["message"] == "Task exception was never retrieved"
    assert type(context["exception"]) is Failure


def test_a_failed_task_that_was_awaited_is_not_reported(loop, run, reported):
    async def fail():
        raise Failure

    async def main():
        with pytest.raises(Failure):
            await loop.create_task(fail())

    run(main())
    gc.collect()
    assert reported == []


def test_a_failed_task_that_was_gathered_is_not_reported(loop, run, reported):
    async def fail():
        raise Failure

    async def main():
        return await asyncio.gather(fail(), fail(), return_exceptions=True)

    assert [type(result) for result in run(main())] == [Failure, Failure]
    gc.collect()
    assert reported == []


def test_a_subclass_is_reported_under_its_name(loop, reported, Future):
    class Promise(Future):
        pass

    promise = Promise(loop=loop)
    promise.set_exception(Failure())
    del promise
    gc.collect()
    assert reported.take_one()["message"] == "Promise exception was never retrieved"


def test_the_report_tells_where_the_future_was_created_in_debug_mode(loop, reported):
    loop.set_debug(True)
    future = loop.create_future()
    created = future._source_traceback
    future.set_exception(Failure())
    del future
    gc.collect()
    assert reported.take_one()["source_traceback"] == created


def test_a_future_resurrected_by_the_handler_works_on(loop):
    kept = []
    loop.set_exception_handler(lambda loop, context: kept.append(context["future"]))
    future = loop.create_future()
    future.set_exception(Failure("text"))
    del future
    gc.collect()
    (future,) = kept
    assert future.done()
    assert type(future.exception()) is Failure
    assert repr(future) == "<Future finished exception=Failure('text')>"


def test_a_handler_that_fails_does_not_leave_the_garbage_collector(loop, logged):
    def handler(loop, context):
        raise LookupError("in the handler")

    loop.set_exception_handler(handler)
    future = loop.create_future()
    future.set_exception(Failure())
    del future
    gc.collect()
    record = logged.take_one()
    assert record.exc_info[0] is LookupError


def test_the_loop_may_be_closed_by_then(loop, logged):
    future = loop.create_future()
    future.set_exception(Failure())
    loop.close()
    del future
    gc.collect()
    assert logged.take_one().getMessage().startswith("Future exception was never retrieved")


def test_an_exception_being_handled_survives_the_report(loop, reported):
    future = loop.create_future()
    future.set_exception(Failure())
    try:
        raise ValueError("being handled")
    except ValueError as error:
        del future
        gc.collect()
        assert str(error) == "being handled"
    assert type(reported.take_one()["exception"]) is Failure
