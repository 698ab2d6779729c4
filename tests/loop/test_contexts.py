"""Which context variables does a callback see?"""

import contextvars

import pytest

VARIABLE = contextvars.ContextVar("VARIABLE", default="default")


def schedule_soon(loop, callback, **options):
    return loop.call_soon(callback, **options)


def schedule_threadsafe(loop, callback, **options):
    return loop.call_soon_threadsafe(callback, **options)


def schedule_later(loop, callback, **options):
    return loop.call_later(0, callback, **options)


def schedule_at(loop, callback, **options):
    return loop.call_at(0, callback, **options)


def schedule_done(loop, callback, **options):
    future = loop.create_future()
    future.add_done_callback(lambda _: callback(), **options)
    future.set_result(None)


def schedule_already_done(loop, callback, **options):
    future = loop.create_future()
    future.set_result(None)
    future.add_done_callback(lambda _: callback(), **options)


@pytest.fixture(
    params=[
        schedule_soon,
        schedule_threadsafe,
        schedule_later,
        schedule_at,
        schedule_done,
        schedule_already_done,
    ],
    ids=lambda function: function.__name__.removeprefix("schedule_"),
)
def schedule(request):
    return request.param


@pytest.fixture
def in_own_context():
    """Runs a function in a fresh context, so that a test cannot change the others' variables."""
    return contextvars.Context().run


def test_the_context_is_copied_when_the_callback_is_scheduled(loop, turn, schedule, in_own_context):
    seen = []

    def test():
        VARIABLE.set("when scheduled")
        schedule(loop, lambda: seen.append(VARIABLE.get()))
        VARIABLE.set("afterwards")
        turn()
        assert seen == ["when scheduled"]
        assert VARIABLE.get() == "afterwards"

    in_own_context(test)


def test_what_a_callback_sets_stays_in_its_copy(loop, turn, schedule, in_own_context):
    def test():
        VARIABLE.set("outside")
        schedule(loop, lambda: VARIABLE.set("inside"))
        turn()
        assert VARIABLE.get() == "outside"

    in_own_context(test)


def test_an_explicit_context_is_used_and_not_copied(loop, turn, schedule, in_own_context):
    context = contextvars.Context()
    context.run(VARIABLE.set, "explicit")
    seen = []

    def callback():
        seen.append(VARIABLE.get())
        VARIABLE.set("set by the callback")

    def test():
        schedule(loop, callback, context=context)
        turn()
        assert seen == ["explicit"]
        assert context[VARIABLE] == "set by the callback"
        assert VARIABLE.get() == "default"

    in_own_context(test)


def test_no_context_means_the_current_one(loop, turn, schedule, in_own_context):
    seen = []

    def test():
        VARIABLE.set("current")
        schedule(loop, lambda: seen.append(VARIABLE.get()), context=None)
        turn()
        assert seen == ["current"]

    in_own_context(test)


def test_two_callbacks_share_an_explicit_context_one_after_the_other(loop, turn, schedule):
    context = contextvars.Context()
    seen = []
    schedule(loop, lambda: VARIABLE.set("from the first"), context=context)
    schedule(loop, lambda: seen.append(VARIABLE.get()), context=context)
    turn()
    assert seen == ["from the first"]


def test_a_callback_schedules_in_its_own_context(loop, turn, in_own_context):
    seen = []

    def first():
        VARIABLE.set("first")
        loop.call_soon(lambda: seen.append(VARIABLE.get()))

    in_own_context(loop.call_soon, first)
    turn(2)
    assert seen == ["first"]


def test_a_context_that_is_entered_already_is_an_error_of_the_callback(loop, turn, logged):
    context = contextvars.Context()
    loop.call_soon(print, context=context)
    context.run(turn)
    record = logged.take_one()
    assert record.getMessage().splitlines()[0] == "Exception in callback print()"
    exception = record.exc_info[1]
    assert type(exception) is RuntimeError
    assert str(exception).endswith("is already entered")


def test_a_failing_callback_leaves_its_context(loop, turn, reported):
    context = contextvars.Context()
    loop.call_soon(lambda: 1 / 0, context=context)
    turn()
    assert isinstance(reported.take_one()["exception"], ZeroDivisionError)
    assert context.run(VARIABLE.get) == "default"


def test_the_loop_itself_runs_in_the_context_of_its_caller(loop, in_own_context):
    def test():
        VARIABLE.set("of the caller")
        loop.stop()
        loop.run_forever()
        assert VARIABLE.get() == "of the caller"

    in_own_context(test)
