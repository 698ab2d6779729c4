"""The pytest plugin: tests on virtual time, and in many orders.

=========================================  =========================================
fixture ``virtual_loop``                   a ``VirtualLoop`` for this test; closed
                                           after it
``@pytest.mark.virtual_loop(start=0.0,     runs the test on a ``VirtualLoop`` with
patience=None)``                           these arguments
``@pytest.mark.interleavings(n=100,        runs the test ``n`` times, with the seeds
seed=0)``                                  ``seed``, ``seed + 1``, …
``--interleavings=N``                      overrides ``n`` of every marker
``--interleaving-seed=S``                  runs only this seed: to repeat a failure
=========================================  =========================================

An ``async def`` test that has one of the markers or uses the fixture runs on
its virtual loop. Other ``async def`` tests are left to other plugins; those
that run here are hidden from them.
"""

from __future__ import annotations

import functools
import inspect

import pytest

# Defined here, so that pytest does not import the package at start.
MARKERS = ("virtual_loop", "interleavings")
#: The test parameter that holds the seed.
SEED = "_interleaving_seed"


def pytest_addoption(parser) -> None:
    group = parser.getgroup("aioxide", "interleavings of tests on a virtual loop")
    group.addoption(
        "--interleavings",
        type=int,
        metavar="N",
        help="run each test that is marked with interleavings N times, whatever its marker says",
    )
    group.addoption(
        "--interleaving-seed",
        type=int,
        metavar="SEED",
        help="run each test that is marked with interleavings with this seed alone",
    )


def pytest_configure(config) -> None:
    config.addinivalue_line(
        "markers",
        "virtual_loop(start=0.0, patience=None): run the test on an aioxide.testing.VirtualLoop",
    )
    config.addinivalue_line(
        "markers",
        "interleavings(n=100, seed=0): run the test on a virtual loop in n orders, "
        "drawn from the seeds from `seed` on",
    )
    for option in ("--interleavings", "--interleaving-seed"):
        value = config.getoption(option)
        least = 1 if option == "--interleavings" else 0
        if value is not None and value < least:
            raise pytest.UsageError(f"{option} is {least} or more, not {value}")


def _options(marker, allowed: tuple[str, ...]) -> dict:
    """Return the keywords of a marker; ``UsageError`` if it has any other argument."""
    if marker.args or not set(marker.kwargs) <= set(allowed):
        given = ", ".join(
            [*map(repr, marker.args), *(f"{k}={v!r}" for k, v in marker.kwargs.items())]
        )
        raise pytest.UsageError(f"{marker.name} takes {' and '.join(allowed)}, not ({given})")
    return marker.kwargs


def _seeds(config, marker) -> range:
    options = _options(marker, ("n", "seed"))
    replayed = config.getoption("--interleaving-seed")
    if replayed is not None:
        return range(replayed, replayed + 1)
    count = config.getoption("--interleavings") or options.get("n", 100)
    first = options.get("seed", 0)
    if not (isinstance(count, int) and isinstance(first, int) and count >= 1 and first >= 0):
        raise pytest.UsageError(
            f"interleavings takes n from 1 and seed from 0 on, not n={count!r}, seed={first!r}"
        )
    return range(first, first + count)


def pytest_generate_tests(metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("interleavings")
    if marker is None:
        return
    # Also for a test that does not name the fixture: being async is enough.
    for name in ("virtual_loop", SEED):
        if name not in metafunc.fixturenames:
            metafunc.fixturenames.append(name)
    seeds = _seeds(metafunc.config, marker)
    metafunc.parametrize(SEED, seeds, ids=[f"seed={seed}" for seed in seeds], indirect=True)


@pytest.fixture
def _interleaving_seed(request):
    """The seed of this run, None for a test that is not interleaved."""
    return getattr(request, "param", None)


@pytest.fixture
def virtual_loop(request, _interleaving_seed):
    """An ``aioxide.testing.VirtualLoop`` of this test's own.

    After the test what is left is cancelled and the loop closed.
    """
    from .._asyncio.runners import Runner
    from .virtual_loop import VirtualLoop

    marker = request.node.get_closest_marker("virtual_loop")
    options = _options(marker, ("start", "patience")) if marker else {}
    # The runner ends a loop as asyncio.run() does.
    with Runner(loop_factory=lambda: VirtualLoop(seed=_interleaving_seed, **options)) as runner:
        yield runner.get_loop()


def _is_ours(item) -> bool:
    return "virtual_loop" in item.fixturenames or any(map(item.get_closest_marker, MARKERS))


@pytest.hookimpl(hookwrapper=True, trylast=True)
def pytest_pycollect_makeitem(collector, name, obj):
    outcome = yield
    items = outcome.get_result()
    for item in items if isinstance(items, list) else [items]:
        if (
            isinstance(item, pytest.Function)
            and inspect.iscoroutinefunction(item.obj)
            and _is_ours(item)
        ):
            if "virtual_loop" not in item.fixturenames:
                item.fixturenames.append("virtual_loop")
            # A plain function, so that other plugins do not run it as a coroutine.
            item.obj = _synchronous(item, item.obj)


def _synchronous(item, function):
    @functools.wraps(function)
    def run_on_virtual_loop(**arguments):
        __tracebackhide__ = True
        loop = item.funcargs["virtual_loop"]
        return loop.run_until_complete(function(**arguments))

    return run_on_virtual_loop


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    seed = getattr(item, "callspec", None) and item.callspec.params.get(SEED)
    if report.failed and seed is not None:
        report.sections.append(
            (
                "interleaving",
                f"seed {seed}; again: pytest --interleaving-seed={seed} "
                f"'{item.nodeid.partition('[')[0]}'",
            )
        )
