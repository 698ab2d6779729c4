import asyncio

from aioxide_learn.labs.stage import checks


class Guest:
    """A client of the chat."""

    def __init__(self, stage, port):
        self.stage, self.port = stage, port

    async def join(self, name=None, limit=2**16):
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, limit=limit
        )
        if name is not None:
            await self.say(name)
        return self

    async def say(self, line):
        self.writer.write(line.encode() + b"\n")
        await self.writer.drain()

    async def hears(self, *expected):
        for line in expected:
            try:
                async with asyncio.timeout(5):
                    got = (await self.reader.readline()).decode().rstrip("\n")
            except TimeoutError:
                self.stage.require(False, f"A client waits for the line {line!r} in vain.")
            self.stage.require(
                got == line, f"A client should get the line {line!r} and got {got!r}."
            )

    async def hears_nothing(self, why):
        try:
            async with asyncio.timeout(0.5):
                line = await self.reader.readline()
        except TimeoutError:
            return
        self.stage.require(False, f"{why} It got {line.decode()!r}.")

    async def go(self):
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass


async def opened(program, stage, *names):
    """A server and guests with these names, each of which has heard who joined."""
    server = program.ChatServer()
    stage.serving = True
    port = await stage.call(server.start("127.0.0.1", 0), name="start")
    stage.require(
        isinstance(port, int) and port > 0, f"start should return the port, not {port!r}."
    )
    guests = []
    for name in names:
        guest = await Guest(stage, port).join(name)
        guests.append(guest)
        for other in guests:
            await other.hears(f"* {name} joined")
    return server, guests, port


async def closed(stage, server, guests):
    for guest in guests:
        await guest.go()
    await asyncio.sleep(0.1)
    await stage.call(server.stop(), name="stop")
    stage.serving = False


@checks("Lines go to all others", orders=1)
async def talk(program, stage):
    server, (anna, ben, carl), _ = await opened(program, stage, "anna", "ben", "carl")
    await anna.say("hello")
    await ben.hears("anna: hello")
    await carl.hears("anna: hello")
    await anna.hears_nothing("The sender does not get its own line.")
    await ben.say("grüß dich")
    await anna.hears("ben: grüß dich")
    await closed(stage, server, [anna, ben, carl])


@checks("A line is a line, however it arrives", orders=1)
async def lines(program, stage):
    server, (anna, ben), _ = await opened(program, stage, "anna", "ben")
    anna.writer.write(b"one\ntwo\nthr")
    await asyncio.sleep(0.2)
    await ben.hears("anna: one", "anna: two")
    anna.writer.write(b"ee\n")
    await ben.hears("anna: three")
    await closed(stage, server, [anna, ben])


@checks("Who goes is gone", orders=1)
async def leaving(program, stage):
    server, (anna, ben, carl), port = await opened(program, stage, "anna", "ben", "carl")
    await ben.go()
    await anna.hears("* ben left")
    await carl.hears("* ben left")
    carl.writer.transport.abort()
    await anna.hears("* carl left")
    nameless = await Guest(stage, port).join()
    await nameless.go()
    await anna.hears_nothing("Who had no name has not joined and does not leave.")
    dora = await Guest(stage, port).join("dora")
    await anna.hears("* dora joined")
    await dora.hears("* dora joined")
    await closed(stage, server, [anna, dora, nameless])


@checks("A client that does not read holds up nobody", orders=1)
async def slow_reader(program, stage):
    server, (anna, ben), port = await opened(program, stage, "anna", "ben")
    slow = await Guest(stage, port).join("slow", limit=1024)
    await anna.hears("* slow joined")
    await ben.hears("* slow joined")
    text = "x" * 20_000
    for number in range(800):
        try:
            async with asyncio.timeout(5):
                await anna.say(f"{number} {text}")
                heard = await ben.reader.readline()
        except TimeoutError:
            heard = b""
        stage.require(
            heard.startswith(f"anna: {number} ".encode()),
            f"One client does not read, and after {number} lines the others get nothing more: "
            "awaiting drain() for each client in turn waits for the slowest. Give each client a "
            "queue and a task that writes from it.",
        )
    slow.writer.transport.abort()
    await closed(stage, server, [anna, ben])


@checks("stop ends everything", orders=1)
async def stops(program, stage):
    server, guests, port = await opened(program, stage, "anna", "ben")
    stopping = stage.start(server.stop(), name="stop")
    await asyncio.wait({stopping}, timeout=30)
    in_time = stopping.done()
    if in_time:
        await stopping
        try:
            await asyncio.open_connection("127.0.0.1", port)
            listens = True
        except OSError:
            listens = False
        stage.require(not listens, "After stop() the server still takes connections.")
        for guest in guests:
            try:
                async with asyncio.timeout(5):
                    while await guest.reader.readline():
                        pass
            except ConnectionError:
                pass
            except TimeoutError:
                stage.require(
                    False,
                    "After stop() a client's connection is still open: Server.close() only stops "
                    "listening. Close the connections too.",
                )
    for guest in guests:
        await guest.go()
    await asyncio.wait({stopping}, timeout=30)
    stage.require(in_time, "stop() waits until the clients go by themselves; it should close them.")
