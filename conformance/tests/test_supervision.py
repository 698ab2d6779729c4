"""What a test module does to its process reaches the report, and no further."""

import contextlib
import threading

import psutil
import pytest
from harness import loops, supervision
from harness.outcomes import CRASHED, ERROR, FAILED, HUNG, PASSED, SKIPPED


def outcomes(module):
    return {test.rpartition(".")[2]: o.outcome for test, o in module.tests.items()}


def test_each_way_to_end_has_its_outcome(run_tests):
    module = run_tests(
        """
        class T(unittest.TestCase):
            def test_passes(self): pass
            def test_fails(self): self.assertEqual(1, 2)
            def test_errs(self): raise OSError(13, "no")
            def test_skips(self): self.skipTest("not here")
            def test_cleans_up_badly(self): self.addCleanup(lambda: 1 / 0)
            def test_has_a_failing_part(self):
                for number in (1, 2, 3):
                    with self.subTest(number=number):
                        self.assertNotEqual(number, 2)
            @unittest.expectedFailure
            def test_fails_as_expected(self): self.fail()
            @unittest.expectedFailure
            def test_passes_unexpectedly(self): pass
        """
    )
    assert outcomes(module) == {
        "test_passes": PASSED,
        "test_fails": FAILED,
        "test_errs": ERROR,
        "test_skips": SKIPPED,
        "test_cleans_up_badly": ERROR,
        "test_has_a_failing_part": FAILED,
        "test_fails_as_expected": PASSED,
        "test_passes_unexpectedly": FAILED,
    }
    assert module.trouble == []
    failed = module.tests["test_sample.T.test_fails"]
    assert failed.reason == "AssertionError: 1 != 2 (test_sample.py:5)"
    assert "Traceback" in failed.details
    assert "number=2" in module.tests["test_sample.T.test_has_a_failing_part"].reason


def test_a_test_that_hangs_is_named_and_the_others_run(run_tests):
    module = run_tests(
        """
        class T(unittest.TestCase):
            def test_1_passes(self): pass
            def test_2_hangs(self): threading.Event().wait()
            def test_3_passes(self): pass
        """,
        deadline=1.0,
    )
    assert outcomes(module) == {
        "test_1_passes": PASSED,
        "test_2_hangs": HUNG,
        "test_3_passes": PASSED,
    }
    hung = module.tests["test_sample.T.test_2_hangs"]
    assert hung.reason == "no end within 1 s"
    assert "test_2_hangs" in hung.details


def test_a_process_that_cannot_end_itself_is_killed(run_tests, monkeypatch):
    monkeypatch.setattr(supervision, "_SECONDS_AFTER_THE_DEADLINE", 0.5)
    module = run_tests(
        """
        class T(unittest.TestCase):
            def test_1_stops(self): os.kill(os.getpid(), signal.SIGSTOP)
            def test_2_passes(self): pass
        """,
        deadline=1.0,
    )
    assert outcomes(module) == {"test_1_stops": HUNG, "test_2_passes": PASSED}


def test_what_a_hung_test_has_started_is_killed_with_it(run_tests, tmp_path):
    module = run_tests(
        f"""
        class T(unittest.TestCase):
            def test_hangs(self):
                reading, writing = os.pipe()
                child = os.fork()
                if child == 0:
                    os.close(writing)
                    os.read(reading, 1)
                    threading.Event().wait()
                with open({str(tmp_path / "child")!r}, "w") as file:
                    file.write(str(child))
                threading.Event().wait()
        """,
        deadline=1.0,
    )
    assert outcomes(module) == {"test_hangs": HUNG}
    child = int((tmp_path / "child").read_text())
    # A killed orphan may wait to be reaped.
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_run_that_is_called_off_ends_at_once(run_tests):
    stop = threading.Event()
    stop.set()
    with pytest.raises(supervision.Stopped):
        run_tests("", stop=stop)


def test_a_test_that_crashes_is_named_and_the_others_run(run_tests):
    module = run_tests(
        """
        class T(unittest.TestCase):
            def test_1_crashes(self): os.kill(os.getpid(), signal.SIGKILL)
            def test_2_exits(self): os._exit(3)
            def test_3_corrupts_memory(self): os.kill(os.getpid(), signal.SIGSEGV)
            def test_4_passes(self): pass
        """
    )
    assert outcomes(module) == {
        "test_1_crashes": CRASHED,
        "test_2_exits": CRASHED,
        "test_3_corrupts_memory": CRASHED,
        "test_4_passes": PASSED,
    }
    corrupted = module.tests["test_sample.T.test_3_corrupts_memory"]
    assert corrupted.reason == "killed by SIGSEGV"
    assert "in test_3_corrupts_memory" in corrupted.details
    assert module.tests["test_sample.T.test_1_crashes"].reason == "killed by SIGKILL"
    assert module.tests["test_sample.T.test_2_exits"].reason == "exit status 3"


def test_a_module_that_cannot_be_imported_is_trouble(run_tests):
    module = run_tests("import asyncio.no_such_module\n")
    assert module.tests == {}
    [trouble] = module.trouble
    assert trouble.startswith("cannot be imported: ModuleNotFoundError")


def test_a_module_that_skips_itself_is_no_trouble(run_tests):
    module = run_tests("raise unittest.SkipTest('other systems')\n")
    assert module.tests == {}
    assert module.trouble == []


def test_tests_of_a_class_that_cannot_be_set_up_are_errors(run_tests):
    module = run_tests(
        """
        class Bad(unittest.TestCase):
            @classmethod
            def setUpClass(cls): raise OSError("no room")
            def test_never_runs(self): pass

        class Good(unittest.TestCase):
            def test_passes(self): pass
        """
    )
    assert outcomes(module) == {"test_never_runs": ERROR, "test_passes": PASSED}
    assert "no room" in module.tests["test_sample.Bad.test_never_runs"].reason


def test_a_process_that_does_not_end_after_its_tests_is_trouble(run_tests):
    module = run_tests(
        """
        class T(unittest.TestCase):
            def test_leaves_a_thread(self):
                threading.Thread(target=threading.Event().wait).start()
        """,
        deadline=1.0,
    )
    assert outcomes(module) == {"test_leaves_a_thread": PASSED}
    assert module.trouble == ["after the last test, no sign of life for 1 s"]


def test_a_process_that_dies_between_two_tests_is_trouble(run_tests):
    module = run_tests(
        """
        class A(unittest.TestCase):
            def test_passes(self): pass
            @classmethod
            def tearDownClass(cls): os._exit(3)

        class B(unittest.TestCase):
            def test_passes(self): pass
        """
    )
    assert {o.outcome for o in module.tests.values()} == {PASSED}
    assert len(module.tests) == 2
    assert module.trouble == ["outside the tests, the process ended: exit status 3"]


def test_what_a_failed_test_leaves_open_does_not_reach_the_next(run_tests):
    module = run_tests(
        """
        import gc, socket, warnings

        class T(unittest.TestCase):
            def test_1_fails(self):
                cycle = [socket.socket()]
                cycle.append(cycle)
                self.fail()

            def test_2_sees_no_warnings(self):
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    gc.collect()
                self.assertEqual(caught, [])
        """
    )
    assert outcomes(module) == {"test_1_fails": FAILED, "test_2_sees_no_warnings": PASSED}


def test_a_pattern_chooses_tests(run_tests):
    module = run_tests(
        """
        class T(unittest.TestCase):
            def test_a(self): pass
            def test_b(self): pass
        """,
        only=["*.test_b"],
    )
    assert list(module.tests) == ["test_sample.T.test_b"]


@pytest.mark.parametrize(
    "make_a_loop",
    [
        "asyncio.new_event_loop()",
        "asyncio.SelectorEventLoop()",
        "asyncio.SelectorEventLoop(object())",
        "asyncio.unix_events.SelectorEventLoop()",
    ],
)
def test_the_loop_is_in_place_wherever_tests_look_for_it(run_tests, make_a_loop):
    source = f"""
        class T(unittest.TestCase):
            def test_makes_a_loop(self):
                loop = {make_a_loop}
                self.assertIsInstance(loop, asyncio.SelectorEventLoop)
                self.assertIsInstance(loop, asyncio.BaseEventLoop)
                loop.close()
    """
    assert outcomes(run_tests(source, loop="asyncio")) == {"test_makes_a_loop": PASSED}


@pytest.mark.parametrize("make_a_loop", ["asyncio.new_event_loop()", "asyncio.SelectorEventLoop()"])
def test_no_loop_can_be_made_where_none_is_wanted(run_tests, make_a_loop):
    source = f"""
        class T(unittest.TestCase):
            def test_makes_a_loop(self):
                {make_a_loop}.close()
    """
    assert outcomes(run_tests(source, loop=loops.NO_LOOP)) == {"test_makes_a_loop": ERROR}


def test_a_subclass_of_the_standard_loop_extends_the_loop_under_test(run_tests):
    source = """
        class Own(asyncio.SelectorEventLoop):
            def answer(self):
                return 42

        class T(unittest.TestCase):
            def test_overrides(self):
                loop = Own()
                self.assertEqual(loop.answer(), 42)
                self.assertIsInstance(loop, asyncio.SelectorEventLoop)
                loop.close()
    """
    assert outcomes(run_tests(source, loop="asyncio")) == {"test_overrides": PASSED}
