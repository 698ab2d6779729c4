"""A random program: what it does is decided by its seed, step by step.

Each step has its own source of randomness, so that leaving steps out (shrinking) changes the
others as little as possible. The same seed makes the same calls on both sides, as far as both
have the same names and give the same kinds of objects.
"""

from __future__ import annotations

import copy
import gc
import importlib
import logging
import operator
import os
import pickle
import random
import signal
import sys
import threading
import types
import weakref
from collections.abc import Callable, Collection
from typing import Any

import families
import hooks
import surface
import values

#: Seconds after which whatever a step waits for is interrupted.
PATIENCE = 0.25
MOST_KEPT = 48
MOST_NESTING = 3
#: How often hooks of one step may act.
MOST_REENTRIES = 25
THREADS = 8
#: What an interpreter says when native code broke its rules.
BROKEN_RULES = (
    "without setting an exception",
    "with an exception set",
    "bad argument to internal function",
    "bad call flags",
    "non-NULL error",
    "error return without exception set",
    "null argument to internal routine",
)


class Overtime(BaseException):
    """A step has waited for too long."""


class _PerThread(threading.local):
    rng: random.Random
    depth = 0
    reentries = 0


class LoggingToNowhere(logging.Handler):
    """Formats what is logged, which calls `repr`, and forgets it."""

    def emit(self, record: logging.LogRecord) -> None:
        record.getMessage()


class Program:
    """One random program on one kind of loop.

    seed: decides everything.
    kind: "aioxide" or "asyncio".
    only: the families to choose from; all of them by default.
    without: "exit": no program ends through the interpreter's finalization; "threads": none
        runs in eight threads.
    steps: the numbers of the steps that are made; all of them by default.
    trace: write each call on standard output before it is made.
    count: called with the number of calls made when the program is over.
    """

    def __init__(
        self,
        seed: int,
        kind: str,
        only: Collection[str] = (),
        without: Collection[str] = (),
        steps: Collection[int] | None = None,
        trace: bool = False,
        count: Callable[[int], None] = lambda number: None,
    ) -> None:
        self.seed = seed
        self.kind = kind
        self.api = importlib.import_module(kind)
        self.surface = surface.of(kind)
        self.trace = trace
        self.calls = 0
        self._count = count
        self._here = _PerThread()
        self._here.rng = random.Random(f"{seed}")
        names = sorted(only or families.FAMILIES)
        self.family = names[seed % len(names)]
        self.threaded = self.rng.random() < 0.1 and "threads" not in without
        self.exits = self.rng.random() < 0.1 and "exit" not in without
        self.debug = self.rng.random() < 0.15
        self.all_steps = range(self.rng.choice((8, 25, 60)))
        self.steps = self.all_steps if steps is None else sorted(steps)
        self.objects: list[tuple[str, Any]] = []
        self.foreign: list[hooks.ForeignFuture] = []
        self.loop: Any = None
        self._quiet = False

    # Randomness

    @property
    def rng(self) -> random.Random:
        try:
            return self._here.rng
        except AttributeError:
            # A thread of an executor.
            self._here.rng = random.Random(f"{self.seed}/other thread")
            return self._here.rng

    @property
    def nesting(self) -> int:
        """How many calls of this program are under way in this thread."""
        return self._here.depth

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def one_of(self, *choices: Any) -> Any:
        return self.rng.choice(choices)

    # The whole program

    def run(self) -> None:
        """All of it. Raises SystemExit if it is to end through the interpreter's finalization."""
        hooks.PROGRAM = self
        self._prepare_process()
        try:
            self._set_up()
            self._run_steps()
            self._count(self.calls)
            if not self.exits:
                self._tear_down()
        except Overtime:
            # It was on its way while the last call came back.
            pass
        finally:
            # An interrupt that is on its way raises nothing, and none comes at exit, where
            # Python's handler is gone.
            self._here.depth = 0
            signal.setitimer(signal.ITIMER_REAL, 0)
        if self.exits:
            raise SystemExit(0)

    def _run_steps(self) -> None:
        if self.threaded:
            return self._run_in_threads()
        for index in self.steps:
            self._step(index, f"{self.seed}/{index}")

    def _prepare_process(self) -> None:
        logger = logging.getLogger("asyncio")
        logger.handlers = [LoggingToNowhere()]
        logger.propagate = False
        logging.raiseExceptions = False
        sys.unraisablehook = lambda unraisable: self._look_at(unraisable.exc_value)
        threading.excepthook = lambda args: self._look_at(args.exc_value)
        signal.signal(signal.SIGALRM, self._interrupt)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE, 0.05)
        if not self.trace:
            sys.stderr = sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        if self.debug:
            os.environ["PYTHONASYNCIODEBUG"] = "1"

    def _interrupt(self, number: int, frame: Any) -> None:
        if self._here.depth:
            raise Overtime

    def _set_up(self) -> None:
        self._quiet = True
        self.say(f"# {self.kind}, {self.family}")
        # Not interrupted: on a busy machine this alone may take longer than a step may.
        self.loop = self.new_loop()
        self._here.depth = 1
        try:
            self.loop.set_debug(self.debug)
            self.loop.set_exception_handler(self._handle_report)
            self.attempt(f"families.{self.family}", families.FAMILIES[self.family], self)
        except Overtime:
            pass
        finally:
            self._quiet = False
            self.say("# begins")

    def new_loop(self) -> Any:
        """A loop of the side under test."""
        return surface.new_loop(self.kind)

    def _tear_down(self) -> None:
        """Let go of everything, hooks included."""
        self._here.rng = random.Random(f"{self.seed}/end")
        self.attempt("loop.close()", lambda: self.loop.close())
        self.objects.clear()
        self.foreign.clear()
        self.attempt("gc.collect()", gc.collect)

    def _step(self, index: int, seed: str) -> None:
        here = self._here
        here.rng = random.Random(seed)
        here.reentries = 0
        here.depth = 0
        if threading.current_thread() is threading.main_thread():
            signal.setitimer(signal.ITIMER_REAL, PATIENCE, 0.05)
        if self.trace:
            self.say(f"# step {index}")
        try:
            if self.loop.is_closed() and self.chance(0.5):
                self.exchange_loop()
            self.act()
        except Overtime:
            pass
        here.depth = 0

    def _run_in_threads(self) -> None:
        sys.setswitchinterval(1e-6)

        def work(number: int) -> None:
            for index in self.steps:
                self._step(index, f"{self.seed}/{number}/{index}")

        threads = [
            threading.Thread(target=work, args=(number,), daemon=True)
            for number in range(1, THREADS)
        ]
        for thread in threads:
            thread.start()
        work(0)
        for thread in threads:
            thread.join(PATIENCE)
        sys.setswitchinterval(0.005)
        if any(thread.is_alive() for thread in threads):
            # One may wait for a loop that nobody runs.
            os._exit(0)

    # What goes wrong without a crash

    def _look_at(self, error: Any) -> None:
        if type(error).__name__ == "PanicException":
            os.write(2, f"wrong: a panic reached the program: {error}\n".encode())
        elif type(error) is SystemError:
            text = str(error)
            if any(part in text for part in BROKEN_RULES):
                os.write(2, f"wrong: SystemError: {text}\n".encode("utf-8", "replace"))

    def _handle_report(self, loop: Any, context: Any) -> None:
        self._look_at(context.get("exception"))
        self.reenter()

    def say(self, text: str) -> None:
        if self.trace:
            line = "    " * self._here.depth + text + "\n"
            os.write(1, line.encode("utf-8", "backslashreplace"))

    # The pool of objects

    def keep(self, label: str, thing: Any) -> None:
        """Put an object where later steps find it."""
        if len(self.objects) >= MOST_KEPT:
            self.objects.pop(self.rng.randrange(len(self.objects)))
        self.objects.append((label, thing))
        if isinstance(thing, hooks.ForeignFuture):
            self.foreign.append(thing)

    def kept(self) -> Any:
        return self._kept()[1]

    def _kept(self) -> tuple[str, Any]:
        if not self.objects or self.chance(0.06):
            return "loop", self.loop
        # What came last is looked at more often.
        size = len(self.objects)
        at = max(self.rng.randrange(size), self.rng.randrange(size))
        try:
            return self.objects[at]
        except IndexError:
            return "loop", self.loop

    def any_class(self) -> type:
        return self.rng.choice(self.surface.classes)

    def any_subclass(self) -> type:
        base = self.any_class()
        make = self.one_of(hooks.hooked_subclass, hooks.slotted_subclass)
        try:
            return make(base)
        except TypeError:
            return base

    # Arguments

    def value(self) -> Any:
        """Any argument."""
        choice = self.rng.random()
        if choice < 0.35:
            return self.kept()
        if choice < 0.65 or self._here.depth > MOST_NESTING + 2:
            return values.plain(self.rng)
        made = values.fresh(self, self.rng)
        if isinstance(made, hooks.ForeignFuture) or self.chance(0.15):
            self.keep(type(made).__name__, made)
        return made

    def awaited(self) -> Any:
        """Something that can mostly be awaited."""
        choice = self.rng.random()
        if choice < 0.3:
            return self.api.sleep(0)
        if choice < 0.5:
            return self.loop.create_future()
        if choice < 0.9:
            return self.kept()
        return self.value()

    def _arguments(self, name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
        kinds = surface.SENSIBLE.get(name)
        if kinds is not None and self.chance(0.6):
            args = [surface.sensible(self, kind) for kind in kinds]
            if args and self.chance(0.25):
                args[self.rng.randrange(len(args))] = self.value()
        else:
            args = [self.value() for _ in range(self.one_of(0, 0, 1, 1, 1, 2, 2, 3, 5))]
        keywords = {}
        if self.chance(0.1):
            keywords[self.rng.choice(surface.KEYWORDS)] = self.value()
        return tuple(args), keywords

    # Acting

    def attempt(self, text: str, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """Call, and give what comes, or None if it raised."""
        here = self._here
        self.calls += 1
        if self.trace:
            self.say(f"{text}{describe_arguments(args, keywords)}")
        here.depth += 1
        try:
            return function(*args, **keywords)
        except Overtime:
            raise
        except BaseException as error:
            self._look_at(error)
            if self.trace:
                self.say(f"# {type(error).__name__}")
            return None
        finally:
            here.depth -= 1

    def reenter(self) -> None:
        """What a hook does: perhaps another step, inside the one under way."""
        here = self._here
        if self._quiet or here.depth > MOST_NESTING or here.reentries >= MOST_REENTRIES:
            return
        if self.chance(0.5):
            here.reentries += 1
            self.act()

    def react(self, hook: Any, name: str, args: tuple[Any, ...], default: Any = None) -> Any:
        """What a hook's method does: acts, then gives what is expected, anything, or raises."""
        if self._quiet:
            return hooks.EXPECTED.get(name, (default,))[0]
        if self.trace:
            self.say(f"# {type(hook).__name__}.{name} is called")
        if args and self.chance(0.2):
            self.keep(f"argument of {name}", args[0])
        self.reenter()
        choice = self.rng.random()
        if choice < 0.7:
            expected = hooks.EXPECTED.get(name)
            if expected is not None:
                return self.rng.choice(expected)
            if default is not None:
                return default
            return self.value() if self.chance(0.5) else None
        if choice < 0.85:
            return self.value()
        raise self.rng.choice(values.EXCEPTIONS)("from a hook")

    def react_list(self, hook: Any, name: str) -> list[Any]:
        self.reenter()
        return [self.value() for _ in range(self.rng.randrange(3))]

    def act(self) -> None:
        """One random action."""
        action = self.rng.choices(ACTIONS, WEIGHTS)[0]
        try:
            action(self)
        except Overtime:
            raise
        except BaseException as error:
            # Making an argument has failed: a task, say, while another loop runs.
            self._look_at(error)

    def _take(self, label: str, result: Any) -> None:
        """What becomes of a result."""
        if result is None or type(result) in (bool, int, float, str, bytes):
            return
        if hasattr(type(result), "__await__") and self.chance(0.5):
            coroutine = surface.await_it(result)
            task = self.attempt("loop.create_task", self.loop.create_task, coroutine)
            if task is not None:
                self.keep("task", task)
        elif self.chance(0.7):
            self.keep(label, result)

    def call_method(self) -> None:
        label, thing = self._kept()
        names = self.surface.names_of(thing)
        name = self.rng.choice(names)
        method = self.attempt(f"{label}.{name}", getattr, thing, name)
        if method is None or not callable(method):
            return
        self._guard(name)
        args, keywords = self._arguments(name)
        self._take(f"{label}.{name}()", self.attempt(f"{label}.{name}", method, *args, **keywords))

    def _guard(self, name: str) -> None:
        """Let what runs a loop come to its end."""
        if name in surface.RUNS_A_LOOP:
            self.attempt("loop.call_later(stop)", self.loop.call_later, 0.002, self.loop.stop)

    def call_function(self) -> None:
        name = self.rng.choice(self.surface.functions)
        function = getattr(self.api, name, None) or self.surface.private(name)
        if function is None:
            return
        self._guard(name)
        args, keywords = self._arguments(name)
        result = self.attempt(name, function, *args, **keywords)
        self._take(name, result)

    def call_in_loop(self) -> None:
        """A function called from a callback: with a running loop."""
        self.attempt("loop.call_soon(act)", self.loop.call_soon, self.act)
        self.run_loop()

    def call_in_task(self) -> None:
        """A function called from a task, and its result awaited."""
        name = self.rng.choice(self.surface.functions)
        function = getattr(self.api, name, None)

        async def body() -> Any:
            args, keywords = self._arguments(name)
            result = self.attempt(name, function, *args, **keywords)
            if hasattr(type(result), "__await__"):
                return await result
            return result

        if function is not None and name not in surface.RUNS_A_LOOP:
            task = self.attempt("loop.create_task(body)", self.loop.create_task, body())
            self.keep("task", task)
            self.run_loop()

    def construct(self) -> None:
        cls = self.any_class() if self.chance(0.8) else self.any_subclass()
        args, keywords = self._arguments(cls.__name__)
        self._take(cls.__name__, self.attempt(cls.__name__, cls, *args, **keywords))

    def initialise_again(self) -> None:
        label, thing = self._kept()
        args, keywords = self._arguments(type(thing).__name__)
        self.attempt(f"{label}.__init__", type(thing).__init__, thing, *args, **keywords)

    def get_attribute(self) -> None:
        label, thing = self._kept()
        name = self.rng.choice(self.surface.names_of(thing))
        result = self.attempt(f"{label}.{name}", getattr, thing, name)
        if self.chance(0.3):
            self._take(f"{label}.{name}", result)

    def set_attribute(self) -> None:
        label, thing = self._kept()
        name = self.rng.choice(self.surface.names_of(thing))
        if thing is self.loop and name in surface.OWN_ATTRIBUTES:
            return
        value = self.value()
        self.attempt(f"{label}.{name} = ", setattr, thing, name, value)

    def delete_attribute(self) -> None:
        label, thing = self._kept()
        name = self.rng.choice(self.surface.names_of(thing))
        self.attempt(f"del {label}.{name}", delattr, thing, name)

    def assign_class(self) -> None:
        label, thing = self._kept()
        cls = self.one_of(self.any_class, self.any_subclass)()
        if self.chance(0.5):
            try:
                cls = type("Other", (type(thing),), {"__slots__": ()})
            except TypeError:
                pass
        self.attempt(f"{label}.__class__ = ", setattr, thing, "__class__", cls)

    def call_descriptor(self) -> None:
        """A class's own descriptor, with an object that is perhaps another's."""
        cls = self.any_class()
        names = self.surface.names_in(cls)
        name = self.rng.choice(names)
        descriptor = cls.__dict__.get(name)
        if descriptor is None or isinstance(descriptor, (str, dict, tuple)):
            return
        thing = self.value()
        where = f"{cls.__name__}.__dict__[{name!r}]"
        choice = self.rng.randrange(4)
        if choice == 0:
            self.attempt(f"{where}.__set__", lambda: descriptor.__set__(thing, self.value()))
        elif choice == 1:
            self.attempt(f"{where}.__delete__", lambda: descriptor.__delete__(thing))
        elif choice == 2 and callable(descriptor):
            args, keywords = self._arguments(name)
            self._guard(name)
            result = self.attempt(where, descriptor, thing, *args, **keywords)
            self._take(where, result)
        elif hasattr(type(descriptor), "__get__"):
            bound = self.attempt(f"{where}.__get__", lambda: descriptor.__get__(thing))
            if callable(bound):
                args, keywords = self._arguments(name)
                self._guard(name)
                result = self.attempt(f"{where}.__get__()", bound, *args, **keywords)
                self._take(where, result)

    def use_operator(self) -> None:
        label, thing = self._kept()
        name, function = self.rng.choice(OPERATORS)
        args = (thing,)
        if name in TWO_OPERANDS:
            args = (thing, self.value())
            if self.chance(0.3):
                args = args[::-1]
        result = self.attempt(f"{name}({label})", function, *args)
        if self.chance(0.3):
            self._take(name, result)

    def step_by_hand(self) -> None:
        """Drive a coroutine or an iterator without a loop, or while a loop has it."""
        label, thing = self._kept()
        for _ in range(self.one_of(1, 2, 4)):
            choice = self.rng.randrange(5)
            if choice == 0:
                value = self.one_of(None, None, self.value())
                self.attempt(f"{label}.send", lambda value=value: thing.send(value))
            elif choice == 1:
                error = self.one_of(ValueError, self.api.CancelledError(), self.value())
                self.attempt(f"{label}.throw", lambda error=error: thing.throw(error))
            elif choice == 2:
                self.attempt(f"{label}.close", lambda: thing.close())
            elif choice == 3:
                self._take("iter", self.attempt(f"{label}.__await__", lambda: thing.__await__()))
            else:
                self._take("next", self.attempt(f"next({label})", next, thing))

    def run_loop(self) -> None:
        """A few iterations."""
        loop = self.loop
        for _ in range(self.one_of(1, 1, 2, 5)):
            self.attempt("loop.call_soon(loop.stop)", lambda: loop.call_soon(loop.stop))
            self.attempt("loop.run_forever()", loop.run_forever)

    def run_loop_for_a_while(self) -> None:
        loop = self.loop
        self.attempt("loop.call_later(.01, stop)", lambda: loop.call_later(0.01, loop.stop))
        self.attempt("loop.run_forever()", loop.run_forever)

    def drop(self) -> None:
        if self.objects:
            try:
                gone = self.objects.pop(self.rng.randrange(len(self.objects)))
            except IndexError:
                return
            self.say(f"del {gone[0]}")
            del gone
            if self.foreign and self.chance(0.3):
                self.foreign.pop()

    def drop_all(self) -> None:
        self.say("del everything")
        taken, self.objects = self.objects, []
        self.rng.shuffle(taken)
        del taken[len(taken) // 3 :]
        self.objects = taken + self.objects

    def collect(self) -> None:
        self.attempt("gc.collect", gc.collect, self.rng.randrange(3))

    def collect_often(self) -> None:
        """Collections, with hooks, at whatever allocates from now on; or no longer."""
        if self.chance(0.6):
            self.attempt("gc.set_threshold", gc.set_threshold, self.one_of(1, 3, 17))
            if self.chance(0.5) and not gc.callbacks:
                gc.callbacks.append(lambda phase, info: self.reenter())
        else:
            gc.callbacks.clear()
            self.attempt("gc.set_threshold", gc.set_threshold, 700)

    def fire_foreign(self) -> None:
        if self.foreign:
            future = self.rng.choice(self.foreign)
            if self.chance(0.5):
                future.fire()
            else:
                self.attempt("loop.call_soon(fire)", self.loop.call_soon, future.fire)

    def look_behind(self) -> None:
        """Take an object that another one refers to, or that refers to it."""
        label, thing = self._kept()
        found = gc.get_referents(thing)
        found = [one for one in found if not isinstance(one, (type, types.ModuleType, dict, str))]
        if found:
            self.keep(f"referent of {label}", self.rng.choice(found))

    def profile(self) -> None:
        """Act at some call or return of anything."""
        left = self.rng.randrange(1, 60)

        def watch(frame: Any, event: str, argument: Any) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                sys.setprofile(None)
                try:
                    self.reenter()
                except Overtime:
                    # An exception of a profile function confuses CPython itself.
                    pass

        sys.setprofile(watch)

    def copy_it(self) -> None:
        label, thing = self._kept()
        name, function = self.rng.choice(COPIES)
        result = self.attempt(f"{name}({label})", function, thing)
        if self.chance(0.5):
            self._take(name, result)

    def refer_weakly(self) -> None:
        label, thing = self._kept()

        def gone(reference: Any) -> None:
            self.react(reference, "weakref", ())

        reference = self.attempt(f"weakref.ref({label})", weakref.ref, thing, gone)
        if reference is not None:
            self.keep("weakref", reference)

    def in_context(self) -> None:
        """Act inside a context object."""
        import contextvars

        context = contextvars.copy_context()
        self.keep("context", context)
        self.attempt("context.run", context.run, self.act)

    def exchange_loop(self) -> None:
        """Another loop takes the place of this one, which perhaps still runs."""
        loop = self.attempt("new_event_loop", self.new_loop)
        if loop is not None:
            loop.set_exception_handler(self._handle_report)
            if self.chance(0.5):
                self.keep("other loop", loop)
            else:
                self.keep("loop before", self.loop)
                self.loop = loop

    def set_up_more(self) -> None:
        """The objects of another family, on this loop."""
        if self._here.depth > 1:
            return
        name = self.rng.choice(sorted(families.FAMILIES))
        self.say(f"# set up {name}")
        self.attempt(f"families.{name}", families.FAMILIES[name], self)


def describe(value: Any) -> str:
    """A value for the trace, without calling anything of its own."""
    if type(value) in (int, float, bool, str, bytes, type(None), tuple):
        text = repr(value) if type(value) is not tuple else f"<tuple of {len(value)}>"
        return text if len(text) < 40 else text[:37] + "..."
    if isinstance(value, type):
        return type.__getattribute__(value, "__name__")
    return f"<{type(value).__name__}>"


def describe_arguments(args: Collection[Any], keywords: dict[str, Any]) -> str:
    parts = [describe(argument) for argument in args]
    parts += [f"{name}={describe(value)}" for name, value in keywords.items()]
    return f"({', '.join(parts)})"


def iterator(thing: Any) -> Any:
    """iter(thing), without a fault of CPython's own.

    Of a released memoryview it returns an iterator with the exception still set.
    """
    if isinstance(thing, memoryview):
        len(thing)
    return iter(thing)


OPERATORS: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("repr", repr),
    ("str", str),
    ("hash", hash),
    ("bool", bool),
    ("len", len),
    ("iter", iterator),
    ("next", next),
    ("list", lambda thing: [one for one, _ in zip(iterator(thing), range(20), strict=False)]),
    ("eq", operator.eq),
    ("lt", operator.lt),
    ("dir", dir),
    ("vars", vars),
    ("isinstance", isinstance),
    ("format", format),
    ("getitem", operator.getitem),
    ("contains", operator.contains),
    ("float", float),
    ("index", operator.index),
    ("sizeof", sys.getsizeof),
    ("memoryview", memoryview),
)
TWO_OPERANDS = {"eq", "lt", "isinstance", "getitem", "contains"}
COPIES: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("copy", copy.copy),
    ("deepcopy", copy.deepcopy),
    ("pickle", lambda thing: pickle.loads(pickle.dumps(thing))),
    ("reduce", lambda thing: thing.__reduce_ex__(2)),
    ("getstate", lambda thing: thing.__getstate__()),
)

CHOICES: dict[Callable[[Program], None], int] = {
    Program.call_method: 34,
    Program.run_loop: 16,
    Program.call_function: 9,
    Program.call_in_loop: 6,
    Program.call_in_task: 6,
    Program.construct: 7,
    Program.initialise_again: 5,
    Program.get_attribute: 5,
    Program.set_attribute: 5,
    Program.delete_attribute: 1,
    Program.assign_class: 2,
    Program.call_descriptor: 7,
    Program.use_operator: 5,
    Program.step_by_hand: 6,
    Program.run_loop_for_a_while: 2,
    Program.drop: 8,
    Program.drop_all: 1,
    Program.collect: 2,
    Program.collect_often: 2,
    Program.fire_foreign: 5,
    Program.look_behind: 4,
    Program.profile: 2,
    Program.copy_it: 2,
    Program.refer_weakly: 2,
    Program.in_context: 2,
    Program.exchange_loop: 1,
    Program.set_up_more: 2,
}
ACTIONS = tuple(CHOICES)
WEIGHTS = tuple(CHOICES.values())
