"""The handle of a timeout's alarm, which libraries read."""

import pytest


def test_a_timeout_has_a_handler_while_it_waits(api, run):
    async def main():
        timeout = api.timeout(100)
        assert timeout._timeout_handler is None
        async with timeout:
            handler = timeout._timeout_handler
            assert handler.when() == timeout.when()
            assert timeout._timeout_handler is handler
            assert not handler.cancelled()
        assert handler.cancelled()

    run(main())


def test_without_a_deadline_there_is_none(api, run):
    async def main():
        async with api.timeout(None) as timeout:
            assert timeout._timeout_handler is None

    run(main())


@pytest.mark.parametrize("delay", [0, 0.01])
def test_whoever_has_looked_is_timed_out_as_well(api, run, delay):
    async def main():
        with pytest.raises(TimeoutError):
            async with api.timeout(delay) as timeout:
                assert timeout._timeout_handler is not None
                await api.sleep(100)
        assert timeout.expired()
        assert timeout._timeout_handler is None

    run(main())


def test_a_handler_that_is_cancelled_does_not_come(api, run):
    async def main():
        async with api.timeout(0.001) as timeout:
            timeout._timeout_handler.cancel()
            await api.sleep(0.005)
        assert not timeout.expired()

    run(main())
