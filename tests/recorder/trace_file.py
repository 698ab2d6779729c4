"""A reader of trace files, written from docs/trace-format.md and nothing else."""

import json
import struct
import zlib
from collections import namedtuple

Step = namedtuple("Step", "loop ticks task outcome wait waits_for")
Callback = namedtuple("Callback", "loop ticks location item object")
Iteration = namedtuple("Iteration", "loop ticks ready timers transports")
Created = namedtuple("Created", "loop ticks task parent")
Woken = namedtuple("Woken", "loop ticks task waker by")
Cancel = namedtuple("Cancel", "loop ticks task by")
Bytes = namedtuple("Bytes", "loop ticks transport received sent")
PollWait = namedtuple("PollWait", "loop ticks ready timers transports")
Mark = namedtuple("Mark", "loop ticks string")
ObjectCreated = namedtuple("ObjectCreated", "loop ticks object kind location")
Task = namedtuple("Task", "id parent created coroutine created_at name loop")
Place = namedtuple("Place", "file function line")
Object = namedtuple("Object", "id kind location name")
Stack = namedtuple("Stack", "task ticks frames")

OUTCOMES = "waiting", "yielded", "done", "failed", "cancelled"
WAITS = (
    "unknown sleep future task gather lock event condition semaphore barrier queue-get queue-put "
    "queue-join read write connect accept thread process name-resolution rust-future "
    "foreign-future task-group timeout"
).split()
ITEMS = (
    "other handle timer socket-event accept signal thread-result future-callback child rust-future"
).split()
WAKERS = "other task callback timer descriptor thread signal".split()
OBJECTS = (
    "other lock event condition semaphore barrier queue future task-group transport thread-job "
    "process server"
).split()


class TraceFile:
    """What a file holds, with the ids resolved."""

    def __init__(self, data):
        assert data[:8] == b"AIOTRACE", data[:8]
        assert struct.unpack_from("<I", data, 8) == (1,)
        self.meta = None
        self.events, self.strings, self.locations = [], {}, {}
        self.tasks, self.objects, self.stacks = {}, {}, []
        self.failures, self.findings, self.calibrations = [], [], []
        self.dropped = {}
        at = 12
        while at + 12 <= len(data):
            kind, length = struct.unpack_from("<II", data, at)
            end = at + 8 + length
            if end + 4 > len(data):
                break
            (checksum,) = struct.unpack_from("<I", data, end)
            if zlib.crc32(data[at:end]) != checksum:
                break
            self._chunk(kind, data[at + 8 : end])
            at = end + 4
        self.rest = len(data) - at

    def _chunk(self, kind, payload):
        if kind == 1:
            self.meta = json.loads(payload)
        elif kind == 2:
            loop, _, dropped = struct.unpack_from("<IIQ", payload)
            self.dropped[loop] = self.dropped.get(loop, 0) + dropped
            self.events += [
                _event(loop, *words) for words in struct.iter_unpack("<QQQ", payload[16:])
            ]
        elif kind == 3:
            at = 0
            while at < len(payload):
                number, length = struct.unpack_from("<II", payload, at)
                self.strings[number] = payload[at + 8 : at + 8 + length].decode()
                at += 8 + length
        elif kind == 4:
            for number, file, function, line in struct.iter_unpack("<IIII", payload):
                self.locations[number] = file, function, line
        elif kind == 5:
            for each in struct.iter_unpack("<QQQIIII", payload):
                self.tasks[each[0]] = Task(*each)
        elif kind == 6:
            for number, sort, location, name, _ in struct.iter_unpack("<QIIII", payload):
                self.objects[number] = Object(number, OBJECTS[sort], location, name)
        elif kind == 7:
            at = 0
            while at < len(payload):
                task, ticks, count = struct.unpack_from("<QQI", payload, at)
                frames = struct.unpack_from(f"<{count}I", payload, at + 20)
                self.stacks.append(Stack(task, ticks, frames))
                at += 20 + 4 * count
        elif kind == 8:
            self.failures += [json.loads(line) for line in payload.splitlines()]
        elif kind == 9:
            self.findings += [json.loads(line) for line in payload.splitlines()]
        elif kind == 10:
            self.calibrations.append(json.loads(payload))

    def place(self, location):
        """The place with this number, in texts; None for 0."""
        if location == 0:
            return None
        file, function, line = self.locations[location]
        return Place(self.strings[file], self.strings[function], line)

    def name(self, task):
        """The name of the task with this id."""
        return self.strings[self.tasks[task].name]

    def of(self, kind):
        """The events of a kind: one of the classes above."""
        return [event for event in self.events if type(event) is kind]

    def task_named(self, name):
        """The task with this name."""
        (found,) = [task for task in self.tasks.values() if self.strings[task.name] == name]
        return found

    def steps_of(self, name):
        """The steps of the task with this name."""
        task = self.task_named(name).id
        return [step for step in self.of(Step) if step.task == task]

    def items(self):
        """Each step and callback with the ticks between which it ran, for one loop's events."""
        last = {}
        for event in self.events:
            if event.ticks and isinstance(event, (Step, Callback)) and event.loop in last:
                yield event, last[event.loop], event.ticks
            if event.ticks:
                last[event.loop] = event.ticks


def read(path):
    """The trace file at ``path``."""
    with open(path, "rb") as file:
        return TraceFile(file.read())


def _event(loop, ticks, what, detail):
    kind, subject = what & 0xFF, what >> 8
    if kind == 1:
        return Iteration(loop, ticks, subject, detail >> 32, detail & 0xFFFF_FFFF)
    if kind == 2:
        outcome, wait = OUTCOMES[detail & 0xFF], WAITS[detail >> 8 & 0xFF]
        return Step(loop, ticks, subject, outcome, wait, detail >> 16)
    if kind == 3:
        return Callback(loop, ticks, subject, ITEMS[detail & 0xFF], detail >> 8)
    if kind == 4:
        return Created(loop, ticks, subject, detail)
    if kind == 5:
        return Woken(loop, ticks, subject, WAKERS[detail & 0xFF], detail >> 8)
    if kind == 6:
        return Cancel(loop, ticks, subject, detail)
    if kind == 7:
        return Bytes(loop, ticks, subject, detail & 0xFFFF_FFFF, detail >> 32)
    if kind == 8:
        return PollWait(loop, ticks, subject, detail >> 32, detail & 0xFFFF_FFFF)
    if kind == 9:
        return Mark(loop, ticks, subject)
    if kind == 10:
        return ObjectCreated(loop, ticks, subject, OBJECTS[detail & 0xFF], detail >> 8)
    raise AssertionError(f"an event of kind {kind}")
