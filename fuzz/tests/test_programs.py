"""A program is decided by its seed, and what it must not do is seen."""

import os
import re
import sys

import campaign
import families
import hooks
import memory
import program
import pytest
import run
import surface
from isolation import Counter

KINDS = ("aioxide", "asyncio")
WITHOUT = ("exit", "threads")


def planted(monkeypatch, fault, kinds):
    """Every program has this fault in one of its actions, on these kinds of loop."""

    def act(self):
        if self.kind in kinds and self.nesting == 0 and self.rng.random() < 0.2:
            self.say("the fault")
            fault()

    monkeypatch.setattr(program.Program, "act", act)


def first_failing(only=("futures",)):
    for seed in range(50):
        case = campaign.Case(seed, only, WITHOUT)
        outcome = case.run()
        if outcome.failure is not None:
            return case, outcome
    pytest.fail("the planted fault was not seen")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", sorted(families.FAMILIES))
def test_a_program_without_steps_makes_its_objects_and_ends(family, kind):
    case = campaign.Case(1, (family,), WITHOUT, frozenset())
    outcome = case.run(kind, trace=True)
    assert outcome.failure is None, outcome.output
    made, begins, _ = outcome.output.partition("# begins")
    assert begins
    assert "Error" not in made, made


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_makes_the_same_calls(kind):
    case = campaign.Case(3, ("handles",), WITHOUT)
    first, second = (case.run(kind, trace=True).output for _ in range(2))
    assert first == second
    assert len(first.splitlines()) > 5


def test_calls_are_counted():
    calls = Counter()
    campaign.Case(3, ("locks",), WITHOUT).run(count=calls.add)
    assert calls.value > 5


def test_a_crash_is_found_shrunk_and_can_be_run_again(monkeypatch):
    planted(monkeypatch, os.abort, ("aioxide",))
    case, outcome = first_failing()
    finding = campaign.examine(case, outcome)
    assert "SIGABRT" in finding.failure
    assert "the fault" in finding.trace
    steps = re.search(r"--steps (\d+)$", finding.reproduce)
    assert steps, finding.reproduce
    again = campaign.Case(case.seed, case.only, case.without, frozenset([int(steps[1])]))
    assert "SIGABRT" in again.run().failure


def test_what_asyncio_fails_at_as_well_is_not_counted(monkeypatch):
    planted(monkeypatch, os.abort, KINDS)
    assert campaign.examine(*first_failing()) is None


def test_a_panic_is_never_excused(monkeypatch):
    def panic():
        os.write(2, b"thread 'main' panicked at crates/aioxide-python/src/lib.rs:1:1\n")

    planted(monkeypatch, panic, KINDS)
    assert campaign.examine(*first_failing()).failure.startswith("panic")


def test_a_broken_rule_of_the_interpreter_is_seen(monkeypatch):
    def broken(self):
        def call():
            raise SystemError("<method> returned NULL without setting an exception")

        self.attempt("broken", call)

    monkeypatch.setattr(program.Program, "act", broken)
    _, outcome = first_failing()
    assert outcome.failure.startswith("wrong: SystemError")


def test_findings_of_all_processes_come_together(capsys):
    def work(number, report):
        report(campaign.Finding(f"failure {number}", f"--reproduce {number}", "trace"))

    findings = campaign.in_processes(3, work)
    assert {finding.failure for finding in findings} == {"failure 0", "failure 1", "failure 2"}
    assert capsys.readouterr().out.count("FAILED") == 3


def test_both_sides_have_the_same_names():
    ours, standard = surface.of("aioxide"), surface.of("asyncio")
    assert ours.functions == standard.functions
    assert len(ours.classes) == len(standard.classes)
    for first, second in zip(ours.classes, standard.classes, strict=True):
        if second is not object:
            assert surface.names_of_class(first) == surface.names_of_class(second)


def test_every_special_method_of_a_hook_reacts():
    seen = []

    class Recorder:
        def react(self, hook, name, args, default=None):
            seen.append(name)
            return hooks.EXPECTED.get(name, (default,))[0]

    hooks.PROGRAM, before = Recorder(), hooks.PROGRAM
    try:
        hook = hooks.Hook()
        assert (bool(hook), len(hook), float(hook), repr(hook)) == (True, 0, 0.0, "x")
        assert hook == 1
        hash(hook)
        hook.anything  # noqa: B018
        del hook
    finally:
        hooks.PROGRAM = before
    for name in ("__bool__", "__len__", "__float__", "__repr__", "__eq__", "__hash__", "__del__"):
        assert name in seen
    assert "__getattr__" in seen


@pytest.mark.skipif(memory._testcapi is None, reason="this Python comes without its tests")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(memory.SCENARIOS))
def test_a_scenario_ends_well_while_memory_lasts(name, kind):
    outcome = memory.Case(name, 10**6, 1).run(kind)
    assert outcome.failure is None, outcome.output


def test_each_family_has_its_scenario():
    # What the first use is in every scenario; the last has tests of its own, in tests/abi.
    without = {"coroutines", "loops", "extension"}
    assert set(memory.SCENARIOS) == set(families.FAMILIES) - without


@pytest.mark.skipif(memory._testcapi is None, reason="this Python comes without its tests")
def test_a_failing_allocation_reaches_the_program(monkeypatch):
    async def scenario(api, loop):
        try:
            [object() for _ in range(1000)]
        except MemoryError:
            os.write(2, b"wrong: out of memory\n")

    monkeypatch.setitem(memory.SCENARIOS, "futures", scenario)
    failures = {memory.Case("futures", at, 1).run().failure for at in range(60)}
    assert "wrong: out of memory" in failures


def test_what_a_scenario_imports_is_there_before_memory_fails(monkeypatch, tmp_path):
    (tmp_path / "imported_late.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    async def scenario(api, loop):
        import imported_late  # noqa: F401

    monkeypatch.setitem(memory.SCENARIOS, "imports", scenario)
    memory.import_what_it_needs("imports", "aioxide")
    assert sys.modules.pop("imported_late").__file__ == str(tmp_path / "imported_late.py")


@pytest.mark.parametrize(
    ("failure", "fatal"),
    [
        ("hang", True),
        ("killed by SIGSEGV", True),
        ("panic: crates/aioxide-python/src/lib.rs:1", True),
        ("wrong: SystemError: error return without exception set", False),
        ("wrong: a panic reached the program: x", True),
        ("http, out of memory: hang", True),
        ("http, out of memory: wrong: SystemError: error return without exception set", False),
        ("http, out of memory: wrong: a panic reached the program: x", True),
    ],
)
def test_what_never_may_be_is_fatal(failure, fatal):
    assert run.is_fatal(failure) is fatal


def test_a_case_of_failing_memory_can_be_named():
    case = memory.Case("tls", 7, 50)
    assert memory.Case.parse("tls:7:50") == case


def test_what_is_promised_never_to_be_is_fatal():
    for failure in ("killed by SIGSEGV", "panic: crates/x.rs:1", "hang", "sanitizer: overflow"):
        assert run.is_fatal(failure)
    assert run.is_fatal("wrong: a panic reached the program: index out of bounds")
    assert not run.is_fatal("wrong: SystemError: <f> returned a result with an exception set")
