"""What a client does with a connection, from the first word to the last."""

from __future__ import annotations

import asyncio
import random
import threading
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from links import EndError, Link, Place
from session import BLOCK
from wire import CorruptFrameError, Kind, frame


@dataclass
class Record:
    """What a client knows of one connection when it is over."""

    name: int
    place: str
    scenario: str
    begin: float
    end: float = 0.0
    #: How it ended: ``done``, ``lost``, ``refused`` or ``cancelled``.
    ended: str = ""
    #: The running checksum after each DATA frame that was sent, from none on.
    sums: list[int] = field(default_factory=lambda: [0])
    acknowledged: int = 0
    received_bytes: int = 0


@dataclass
class Wave:
    """What all connections of a wave share."""

    #: Set once, when as many are open as shall be at once.
    is_full: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False
    open: int = 0
    most_open: int = 0


class Talk:
    """One connection of one scenario."""

    def __init__(self, link: Link, record: Record, rng: random.Random, wave: Wave) -> None:
        self.link = link
        self.record = record
        self.rng = rng
        self._wave = wave

    async def open(self, place: Place) -> None:
        """Connect, and say who it is."""
        await self.link.open(place)
        await self.link.send(frame(Kind.HELLO, self.record.name))

    async def say(self, size: int) -> None:
        """Send a DATA frame of `size` bytes."""
        start = self.rng.randrange(len(BLOCK) - size)
        body = BLOCK[start : start + size]
        running = self.record.sums[-1]
        if self.rng.random() < 0.05:
            loop = asyncio.get_running_loop()
            running = await loop.run_in_executor(None, zlib.crc32, body, running)
        else:
            running = zlib.crc32(body, running)
        # Before it is sent: if that is cut short, the frame may have arrived or not.
        self.record.sums.append(running)
        await self.link.send(frame(Kind.DATA, len(self.record.sums) - 1, body))

    async def hear(self) -> None:
        """Take one acknowledgement and check it.

        Raises:
            CorruptFrameError: it acknowledges what was not sent.
        """
        it = await self.link.receive()
        count = it.number
        if it.kind is not Kind.ACK or not self.record.acknowledged < count < len(self.record.sums):
            raise CorruptFrameError(f"{it.kind.name} {count} of {len(self.record.sums) - 1}")
        if it.checksum != self.record.sums[count]:
            raise CorruptFrameError(f"acknowledgement {count} with another checksum")
        self.record.acknowledged = count

    async def hear_all(self) -> None:
        """Take acknowledgements until everything is acknowledged."""
        while self.record.acknowledged < len(self.record.sums) - 1:
            await self.hear()

    async def fetch(self, size: int, pause: float) -> None:
        """Let the server send `size` bytes, and read them with a pause after each piece."""
        await self.link.send(frame(Kind.FETCH, size))
        got = 0
        while got < size:
            it = await self.link.receive()
            got += len(it.body)
            if it.kind is not Kind.PIECE or it.number != got:
                raise CorruptFrameError(f"{it.kind.name} {it.number} after {got} bytes")
            self.record.received_bytes = got
            if pause:
                await self.idle(pause)

    async def idle(self, most: float) -> None:
        """Do nothing for up to `most` seconds; not at all when the wave is over.

        Nobody goes on before all are there.
        """
        seconds = self.rng.uniform(0, most)
        await self._wave.is_full.wait()
        if not self._wave.is_over:
            await asyncio.sleep(seconds)

    def size(self) -> int:
        """A size for a message: most are small."""
        return int(min(self.rng.lognormvariate(6, 2), 60_000))


async def converse(talk: Talk) -> None:
    """Messages with pauses, each acknowledged before the next."""
    for _ in range(talk.rng.randint(1, 8)):
        await talk.say(talk.size())
        await talk.hear_all()
        await talk.idle(6)
    await talk.link.close()


async def pipeline(talk: Talk) -> None:
    """Many messages at once, then all acknowledgements."""
    for _ in range(talk.rng.randint(1, 3)):
        for _ in range(talk.rng.randint(1, 20)):
            await talk.say(talk.size())
        await talk.hear_all()
        await talk.idle(6)
    await talk.link.close()


async def half_close(talk: Talk) -> None:
    """Everything is said, the end too, before the first acknowledgement is read."""
    for _ in range(talk.rng.randint(1, 10)):
        await talk.say(talk.size())
    talk.link.half_close()
    await talk.hear_all()
    try:
        await talk.link.receive()
    except EndError:
        pass
    else:
        raise CorruptFrameError("a frame after the last acknowledgement")
    await talk.link.close()


async def read_slowly(talk: Talk) -> None:
    """A client that reads more slowly than the server writes."""
    await talk.say(talk.size())
    await talk.hear_all()
    await talk.fetch(talk.rng.randint(1, 40) * 25_000, 0.2)
    await talk.link.close()


async def write_to_a_slow_reader(talk: Talk) -> None:
    """A server that reads more slowly than the client writes."""
    await talk.link.send(frame(Kind.PAUSE, talk.rng.randint(50, 500)))
    for _ in range(talk.rng.randint(10, 40)):
        await talk.say(60_000)
    await talk.hear_all()
    await talk.link.close()


async def reset_it(talk: Talk) -> None:
    """The client resets the connection in the middle."""
    for _ in range(talk.rng.randint(0, 5)):
        await talk.say(talk.size())
    for _ in range(talk.rng.randint(0, len(talk.record.sums) - 1)):
        if talk.record.acknowledged < len(talk.record.sums) - 1:
            await talk.hear()
    talk.link.reset()


async def be_reset(talk: Talk) -> None:
    """The server resets the connection in the middle."""
    for _ in range(talk.rng.randint(0, 5)):
        await talk.say(talk.size())
    await talk.link.send(frame(Kind.RESET, 0))
    while True:
        await talk.hear()


async def vanish(talk: Talk) -> None:
    """The client closes without a word, whatever is under way."""
    for _ in range(talk.rng.randint(0, 5)):
        await talk.say(talk.size())
    talk.link.abort()


async def lose_patience(talk: Talk) -> None:
    """The server does not answer, and the client gives up."""
    await talk.say(talk.size())
    await talk.hear_all()
    await talk.link.send(frame(Kind.SILENCE, 0))
    await talk.say(talk.size())
    seconds = talk.rng.uniform(0, 0.5)
    try:
        if talk.rng.random() < 0.5:
            await asyncio.wait_for(talk.hear(), seconds)
        else:
            async with asyncio.timeout(seconds):
                await talk.hear()
    except TimeoutError:
        await talk.link.close()
        return
    raise CorruptFrameError("an acknowledgement where none was due")


async def say_nothing(talk: Talk) -> None:
    """A connection that is closed as soon as it is there."""
    await talk.link.close()


async def be_called_from_threads(talk: Talk) -> None:
    """Messages whose time another thread decides."""
    loop = asyncio.get_running_loop()
    for _ in range(talk.rng.randint(1, 4)):
        called = asyncio.Event()
        seconds = talk.rng.uniform(0, 0.02)

        def call(called: asyncio.Event = called, seconds: float = seconds) -> None:
            threading.Event().wait(seconds)
            # The loop may be at the end of its life, the event may have lost its waiter.
            loop.call_soon_threadsafe(called.set)

        job = loop.run_in_executor(None, call)
        await called.wait()
        await job
        await talk.say(talk.size())
        await talk.hear_all()
    await talk.link.close()


Scenario = Callable[[Talk], Awaitable[None]]

#: How often each is chosen.
WEIGHTS: dict[Scenario, int] = {
    converse: 40,
    pipeline: 10,
    half_close: 8,
    read_slowly: 6,
    write_to_a_slow_reader: 4,
    reset_it: 7,
    be_reset: 7,
    vanish: 6,
    lose_patience: 6,
    say_nothing: 4,
    be_called_from_threads: 2,
}
#: Those that end without everything being acknowledged.
UNFINISHED = {it.__name__ for it in (reset_it, be_reset, vanish, lose_patience)}
#: Those whose connection the server ends because it was asked to.
CUT_ON_REQUEST = {be_reset.__name__}
