"""What does stop() still run, and what does it leave for the next run?"""


def test_stop_before_running_runs_one_turn(loop):
    seen = []

    def first():
        seen.append("first")
        loop.call_soon(seen.append, "scheduled by first")

    loop.call_soon(first)
    loop.call_soon(seen.append, "second")
    loop.stop()
    loop.run_forever()
    assert seen == ["first", "second"]


def test_stop_before_running_also_runs_due_timers(loop):
    seen = []
    loop.call_at(0, seen.append, "due")
    loop.call_later(3600, seen.append, "not due")
    loop.stop()
    loop.run_forever()
    assert seen == ["due"]


def test_stop_from_a_callback_finishes_the_turn(loop):
    seen = []
    loop.call_soon(seen.append, 1)
    loop.call_soon(loop.stop)
    loop.call_soon(seen.append, 2)
    loop.call_soon(loop.call_soon, seen.append, 3)
    loop.run_forever()
    assert seen == [1, 2]
    loop.stop()
    loop.run_forever()
    assert seen == [1, 2, 3]


def test_stop_is_forgotten_once_the_loop_has_stopped(loop):
    loop.stop()
    loop.stop()
    loop.run_forever()
    seen = []

    def second_iteration():
        seen.append("second iteration")
        loop.stop()

    loop.call_soon(loop.call_soon, second_iteration)
    loop.run_forever()
    assert seen == ["second iteration"]


def test_a_loop_can_be_run_again_and_again(loop):
    seen = []
    for number in range(20):
        loop.call_soon(seen.append, number)
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert seen == list(range(20))


def test_the_loop_says_whether_it_runs(loop):
    seen = []
    assert loop.is_running() is False
    loop.call_soon(lambda: seen.append(loop.is_running()))
    loop.stop()
    loop.run_forever()
    assert seen == [True]
    assert loop.is_running() is False


def test_run_forever_returns_nothing(loop):
    loop.stop()
    assert loop.run_forever() is None


def test_stop_returns_nothing_and_needs_no_running_loop(loop):
    assert loop.stop() is None
    loop.run_forever()


def test_stop_is_taken_back_by_its_private_attribute(loop):
    # Sanic does so, before it runs its loop again.
    ran = []
    loop.stop()
    assert loop._stopping is True
    loop._stopping = False
    loop.call_soon(ran.append, 1)
    loop.call_later(0, ran.append, 2)
    loop.call_later(0.01, loop.stop)
    loop.run_forever()
    assert ran == [1, 2]
    assert loop._stopping is False


def test_stop_is_asked_for_by_its_private_attribute(loop):
    ran = []
    loop._stopping = True
    loop.call_soon(loop.call_soon, ran.append, 1)
    loop.run_forever()
    assert ran == []
    loop.stop()
    loop.run_forever()
    assert ran == [1]


def test_debug_mode_is_switched_by_its_private_attribute(loop):
    for enabled in (True, False):
        loop._debug = enabled
        assert loop.get_debug() is enabled
