import asyncio

from aioxide_learn.labs.stage import checks


class Service:
    """Fails so many times, then answers; notes when it was called."""

    def __init__(self, stage, failures, error=ConnectionResetError):
        self.stage, self.failures, self.error = stage, failures, error
        self.calls = []

    async def __call__(self):
        self.calls.append(self.stage.now())
        await asyncio.sleep(0)
        if len(self.calls) <= self.failures:
            raise self.error(f"failure {len(self.calls)}")
        return "received"

    def pauses(self):
        return [
            round(after - before, 6)
            for before, after in zip(self.calls, self.calls[1:], strict=False)
        ]


@checks("It is called again until it succeeds")
async def succeeds(program, stage):
    for failures in (0, 1, 3):
        service = Service(stage, failures)
        result = await stage.call(program.retry(service))
        stage.require(
            result == "received",
            f"After {failures} failures the call succeeded, and retry returned {result!r}.",
        )
        stage.require(
            len(service.calls) == failures + 1,
            f"With {failures} failures {failures + 1} calls are right, not {len(service.calls)}.",
        )


@checks("The pauses double, up to the longest")
async def pauses(program, stage):
    service = Service(stage, 7)
    await stage.call(program.retry(service, attempts=8, base=0.1, longest=2.0))
    expected = [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    got = service.pauses()
    stage.require(
        len(set(got)) > 1, f"Every pause was {got[0]:g} seconds. Each should be twice the last one."
    )
    stage.require(
        max(got) <= 2.0, f"A pause took {max(got):g} seconds; `longest` is 2: min(…, longest)."
    )
    stage.require(got == expected, f"The pauses should be {expected}, not {got}.")


@checks("It gives up with the last error, at once")
async def gives_up(program, stage):
    service = Service(stage, 100)
    before = stage.now()
    error = await stage.error_of(
        program.retry(service, attempts=3, base=1, longest=60),
        ConnectionResetError,
        "After 3 failed attempts of 3 the last error should be raised; retry returned instead.",
    )
    stage.require(len(service.calls) == 3, f"attempts=3 means 3 calls, not {len(service.calls)}.")
    stage.require(
        str(error) == "failure 3", f"The last error was 'failure 3'; retry raised {error!r}."
    )
    stage.require(
        stage.now() - before == 3,
        f"Two pauses, of 1 and 2 seconds, are 3 seconds; giving up took {stage.now() - before:g}: "
        "there is nothing to wait for after the last failure.",
    )


@checks("Other errors are raised at once")
async def other_errors(program, stage):
    service = Service(stage, 100, ValueError)
    await stage.error_of(program.retry(service), ValueError, "A ValueError should come through.")
    stage.require(
        len(service.calls) == 1,
        f"A ValueError is not in `on` and was tried {len(service.calls)} times: catch `on` alone.",
    )
    service = Service(stage, 1, KeyError)
    result = await stage.call(program.retry(service, on=(KeyError,)))
    stage.require(result == "received", "With on=(KeyError,) a KeyError should be tried again.")


@checks("Cancellation ends it")
async def cancelled(program, stage):
    calls = 0

    async def hanging():
        nonlocal calls
        calls += 1
        await asyncio.sleep(1000)

    task = stage.start(program.retry(hanging))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait({task}, timeout=5)
    stage.require(
        calls == 1 and task.done() and task.cancelled(),
        "retry was cancelled during a call and went on: it took the CancelledError for a failure. "
        "It is a BaseException; catch `on` alone.",
    )
    service = Service(stage, 100)
    task = stage.start(program.retry(service, base=10, longest=1000))
    await asyncio.sleep(5)
    task.cancel()
    await asyncio.wait({task}, timeout=1)
    stage.require(
        task.done() and task.cancelled(), "retry was cancelled during a pause and went on."
    )
