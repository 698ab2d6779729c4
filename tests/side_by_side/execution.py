"""Running a program with the classes of one module on one loop, and writing down what is seen."""

import asyncio
import contextlib
import gc
import re

ADDRESS = re.compile(r"0x[0-9a-f]+")
#: Rounds of cancelling after which a program is over; each of its steps resists once at most.
MOST_ROUNDS = 200
PATIENT_ROUNDS = 20
CONDITIONS = {"ALL": "ALL_COMPLETED", "FIRST": "FIRST_COMPLETED", "EXCEPTION": "FIRST_EXCEPTION"}


def shown(value):
    """The repr, of exceptions with their parts, without what differs from run to run."""
    if isinstance(value, BaseExceptionGroup):
        return f"{value!s}: {[shown(each) for each in value.exceptions]}"
    if isinstance(value, asyncio.IncompleteReadError):
        return f"{value!r} {value.partial!r} {value.expected!r}"
    if isinstance(value, asyncio.LimitOverrunError):
        return f"{value!r} {value.consumed!r}"
    return ADDRESS.sub("0x…", repr(value))


class Run:
    """A program, driven on ``loop`` over the classes of ``api``; ``trace`` is what was seen."""

    def __init__(self, api, loop, most_children=3):
        self.api = api
        self.loop = loop
        self.most_children = most_children
        self.trace = []
        self.reported = []
        self.tasks = []
        self.timeouts = []
        self.delays = 0
        self.level = 0
        self.queues = [api.Queue(2), api.PriorityQueue(), api.LifoQueue(1)]
        self.locks = [
            api.Lock(),
            api.Semaphore(2),
            api.BoundedSemaphore(1),
            api.Semaphore(0),
            api.Lock(),
        ]
        self.events = [api.Event(), api.Event()]
        self.conditions = [api.Condition(), api.Condition(api.Lock())]
        self.barriers = [api.Barrier(2), api.Barrier(3)]
        self.reader = api.StreamReader(limit=8, loop=loop)
        loop.set_exception_handler(self.report)

    def report(self, loop, context):
        self.reported.append((context["message"], shown(context.get("exception"))))

    def see(self, name, *what):
        self.trace.append((name, *what))

    def look(self):
        """Write down the state of everything that can be asked."""
        things = [*self.queues, *self.locks, *self.events, *self.conditions, *self.barriers]
        self.trace.append(
            (
                [shown(thing) for thing in things],
                [(queue.qsize(), queue.empty(), queue.full()) for queue in self.queues],
                [lock.locked() for lock in [*self.locks, *self.conditions]],
                [event.is_set() for event in self.events],
                [(each.n_waiting, each.broken, each.parties) for each in self.barriers],
                [shown(timeout) for timeout in self.timeouts],
                [(task.done(), task.cancelling()) for task in self.tasks],
                self.reader.at_eof(),
                bytes(self.reader._buffer),
                self.loop.time(),
            )
        )

    def drive(self, workers, schedule):
        # What the run leaves behind is to be young at its end, when it is looked for.
        gc.disable()
        try:
            for number, body in enumerate(workers):
                self.start(f"w{number}", body)
            for name, *arguments in schedule:
                getattr(self, f"drive_{name}")(*arguments)
                self.look()
            self.drive_pass_time(50.0)
            self.look()
            self.end()
        finally:
            gc.enable()
            self.loop.close()
        return self.trace

    def start(self, name, body):
        task = self.loop.create_task(self.do(name, body), name=name)
        self.tasks.append(task)
        return task

    def drive_iteration(self):
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    def drive_pass_time(self, seconds):
        self.loop.call_later(seconds, self.loop.stop)
        self.loop.run_forever()

    def drive_outside(self, step):
        self.start(f"outside {len(self.tasks)}", [step])

    def drive_cancel_worker(self, number):
        task = self.tasks[number % len(self.tasks)]
        self.see("cancel", task.get_name(), task.cancel(msg=f"cancelled {number}"))

    def end(self):
        """Cancel what is left, again and again, and see in which order it ends."""
        for number in range(MOST_ROUNDS):
            left = [task for task in asyncio.all_tasks(self.loop) if not task.done()]
            if not left:
                break
            # The order of all_tasks() is not certain; names are given out in order.
            for task in sorted(left, key=lambda task: (len(task.get_name()), task.get_name())):
                task.cancel()
            if number > PATIENT_ROUNDS:
                self.free_conditions()
            self.drive_pass_time(50.0)
        else:
            raise AssertionError(f"still running: {left}")
        self.look()
        for task in self.tasks:
            self.see(task.get_name(), task.cancelled() or shown(task.exception()))
        self.tasks.clear()
        self.timeouts.clear()
        del left, task
        gc.collect(0)
        self.drive_iteration()
        self.see("reported", sorted(self.reported))

    def free_conditions(self):
        """Who waits at a condition gets its lock back at any price, or never ends.

        Programs release each other's locks, and may leave one that nobody holds.
        """
        for condition in self.conditions:
            if condition.locked():
                condition.release()

    async def do(self, name, body):
        """Run a body; the outcome of each step is written down, and a failure ends the body."""
        for position, (kind, *arguments) in enumerate(body):
            place = f"{name}.{position}"
            self.see(place, kind)
            try:
                outcome = await getattr(self, kind)(place, *arguments)
            except BaseException as error:
                self.see(place, kind, "raised", shown(error))
                # What a primitive refuses is seen and no more; the rest takes its course.
                if isinstance(error, (RuntimeError, ValueError, asyncio.QueueEmpty)):
                    continue
                if isinstance(error, (asyncio.QueueFull, EOFError, asyncio.LimitOverrunError)):
                    continue
                raise
            self.see(place, kind, shown(outcome))
        return name

    def delay(self, seconds):
        """No two deadlines are equal: which comes first would be up to the loop."""
        if seconds is None or seconds <= 0:
            return seconds
        self.delays += 1
        return seconds + self.delays / 4096

    @staticmethod
    def pick(things, number):
        return things[number % len(things)]

    # Queues.

    async def put(self, place, queue, item):
        return await self.pick(self.queues, queue).put(item)

    async def get(self, place, queue):
        return await self.pick(self.queues, queue).get()

    async def put_nowait(self, place, queue, item):
        return self.pick(self.queues, queue).put_nowait(item)

    async def get_nowait(self, place, queue):
        return self.pick(self.queues, queue).get_nowait()

    async def task_done(self, place, queue):
        return self.pick(self.queues, queue).task_done()

    async def join(self, place, queue):
        return await self.pick(self.queues, queue).join()

    async def shutdown(self, place, queue, immediate):
        return self.pick(self.queues, queue).shutdown(immediate=immediate)

    # Locks, events, conditions and barriers.

    async def acquire(self, place, lock):
        return await self.pick(self.locks, lock).acquire()

    async def release(self, place, lock):
        return self.pick(self.locks, lock).release()

    async def hold(self, place, lock, body):
        lock = self.pick(self.locks, lock)
        async with lock as entered:
            self.see(place, "entered", entered)
            return await self.do(place, body)

    async def wait_event(self, place, event):
        return await self.pick(self.events, event).wait()

    async def set_event(self, place, event):
        return self.pick(self.events, event).set()

    async def clear_event(self, place, event):
        return self.pick(self.events, event).clear()

    async def within_condition(self, place, condition, body):
        async with self.pick(self.conditions, condition):
            return await self.do(place, body)

    async def condition_wait(self, place, condition):
        return await self.pick(self.conditions, condition).wait()

    async def condition_wait_for(self, place, condition, level):
        return await self.pick(self.conditions, condition).wait_for(lambda: self.level > level)

    async def notify(self, place, condition, count):
        self.level = (self.level + 1) % 5
        condition = self.pick(self.conditions, condition)
        return condition.notify(count) if count else condition.notify_all()

    async def barrier_wait(self, place, barrier):
        return await self.pick(self.barriers, barrier).wait()

    async def barrier_reset(self, place, barrier):
        return await self.pick(self.barriers, barrier).reset()

    async def barrier_abort(self, place, barrier):
        return await self.pick(self.barriers, barrier).abort()

    async def within_barrier(self, place, barrier, body):
        async with self.pick(self.barriers, barrier) as position:
            self.see(place, "entered", position)
            return await self.do(place, body)

    # A stream.

    async def feed(self, place, data):
        if not self.reader._eof:
            return self.reader.feed_data(data)

    async def feed_eof(self, place):
        return self.reader.feed_eof()

    async def break_stream(self, place):
        return self.reader.set_exception(ValueError("broken"))

    async def read(self, place, count):
        return await self.reader.read(count)

    async def readline(self, place):
        return await self.reader.readline()

    async def readexactly(self, place, count):
        return await self.reader.readexactly(count * 2)

    async def readuntil(self, place, separator):
        return await self.reader.readuntil(separator)

    # Tasks and waiting for them.

    async def sleep(self, place, seconds):
        return await self.api.sleep(self.delay(seconds), place)

    async def cancel(self, place, number):
        return self.pick(self.tasks, number).cancel(place)

    async def fail(self, place):
        raise LookupError(place)

    async def spawn(self, place, body):
        self.tasks.append(self.api.create_task(self.do(place, body), name=place))

    async def defy_cancellation(self, place, body):
        try:
            return await self.do(place, body)
        except asyncio.CancelledError as error:
            return error.args, asyncio.current_task().uncancel()

    async def timeout(self, place, seconds, body):
        async with self.api.timeout(self.delay(seconds)) as scope:
            self.timeouts.append(scope)
            return await self.do(place, body)

    async def reschedule(self, place, seconds):
        if self.timeouts:
            seconds = self.delay(seconds)
            when = None if seconds is None else self.loop.time() + seconds
            return self.timeouts[-1].reschedule(when)

    async def wait_for(self, place, seconds, body):
        return await self.api.wait_for(self.do(place, body), self.delay(seconds))

    async def shield(self, place, body):
        return await self.api.shield(self.do(place, body))

    def bodies(self, place, bodies):
        bodies = bodies[: self.most_children]
        return [self.do(f"{place}/{number}", body) for number, body in enumerate(bodies)]

    def children(self, place, bodies):
        tasks = [
            self.api.create_task(each, name=f"{place}/{number}")
            for number, each in enumerate(self.bodies(place, bodies))
        ]
        self.tasks += tasks
        return tasks

    async def group(self, place, bodies):
        async with self.api.TaskGroup() as group:
            tasks = [group.create_task(each) for each in self.bodies(place, bodies)]
            self.see(place, shown(group).count("tasks="))
        return [task.result() for task in tasks]

    async def gather(self, place, bodies, return_exceptions):
        return await self.api.gather(
            *self.bodies(place, bodies), return_exceptions=return_exceptions
        )

    async def wait(self, place, bodies, seconds, condition):
        tasks = self.children(place, bodies)
        done, pending = await self.api.wait(
            tasks,
            timeout=self.delay(seconds),
            return_when=getattr(self.api, CONDITIONS[condition]),
        )
        return [tasks.index(task) for task in tasks if task in done], len(pending)

    async def as_completed(self, place, bodies, seconds):
        seen = []
        tasks = self.children(place, bodies)
        for each in self.api.as_completed(tasks, timeout=self.delay(seconds)):
            with contextlib.suppress(LookupError):
                seen.append(await each)
                self.see(place, "next", seen[-1])
        return seen
