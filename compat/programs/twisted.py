"""Twisted on a loop of asyncio's kind: its AsyncioSelectorReactor, in scripts and by twist."""

from harness.given import Given
from harness.serving import ended, running

SCRIPT = """
import asyncio, sys
{install}
from twisted.internet import defer, endpoints, protocol, reactor, task, threads

class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)

class Asking(protocol.Protocol):
    def __init__(self):
        self.received = b""
        self.done = defer.Deferred()

    def connectionMade(self):
        self.transport.write(b"x" * 1_000_000)

    def dataReceived(self, data):
        self.received += data
        if len(self.received) == 1_000_000:
            self.transport.loseConnection()

    def connectionLost(self, reason):
        self.done.callback(len(self.received))

async def whole(reactor):
    factory = protocol.Factory.forProtocol(Echo)
    port = await endpoints.serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(factory)
    address = f"tcp:127.0.0.1:{{port.getHost().port}}"
    client = await endpoints.connectProtocol(endpoints.clientFromString(reactor, address), Asking())
    assert await client.done == 1_000_000
    await port.stopListening()
    assert await threads.deferToThread(pow, 2, 10) == 1024
    await task.deferLater(reactor, 0.01)
    # A future of the loop, and a coroutine of asyncio's.
    await defer.Deferred.fromFuture(asyncio.ensure_future(asyncio.sleep(0.01)))
    output = await asked_of_a_child(reactor)
    assert output == b"42\\n", output
    module = type(asyncio.get_running_loop()).__module__
    if sys.argv[1] == "aioxide":
        assert module.partition(".")[0] == "aioxide", module

async def asked_of_a_child(reactor):
    from twisted.internet import utils
    return await utils.getProcessOutput(sys.executable, ["-c", "print(42)"])

task.react(lambda reactor: defer.ensureDeferred(whole(reactor)))
"""

INSTALLS = {
    "install()": "from twisted.internet import asyncioreactor\nasyncioreactor.install()",
    "install(SelectorEventLoop())": "from twisted.internet import asyncioreactor\n"
    "asyncioreactor.install(asyncio.SelectorEventLoop())",
    "install(new_event_loop())": "from twisted.internet import asyncioreactor\n"
    "asyncioreactor.install(asyncio.new_event_loop())",
}


def main(given: Given) -> None:
    for number, (described, install) in enumerate(INSTALLS.items()):
        script = given.folder / f"script{number}.py"
        script.write_text(SCRIPT.format(install=install))
        with running(given, str(script), given.loop) as process:
            ended(process)
        given.did(f"asyncioreactor.{described}: TCP, threads, a child, futures")
