"""What is left of a connection when it is over, and what happens to one that is forgotten."""

import asyncio
import gc
import re
import warnings
import weakref

import pytest
from network.peers import Recorder, tcp_pair

from .peers import BarePeer, finish, opposite, secure, turns


@pytest.mark.parametrize("how", ["close", "abort", "goodbye", "reset"])
def test_nothing_holds_on_to_a_connection_that_is_over(run, loop, certificates, side, how):
    async def life(contexts):
        near, far = tcp_pair()
        with far:
            peer = opposite(loop, far, contexts, side)
            shaking = asyncio.ensure_future(peer.handshake())
            transport, protocol = await secure(loop, near, Recorder, contexts, side)
            await shaking
            transport.write(b"hello")
            assert await peer.receive(5) == b"hello"
            if how == "close":
                transport.close()
                await peer.unwrap()
            elif how == "abort":
                transport.abort()
            elif how == "goodbye":
                await peer.say_goodbye()
            else:
                far.close()
            await protocol.lost
        tls = transport.get_extra_info("ssl_object")
        assert tls is not None
        return [weakref.ref(thing) for thing in (transport, protocol, tls)]

    async def main():
        contexts = [certificates.server_context(), certificates.client_context()]
        weak = await life(contexts) + [weakref.ref(context) for context in contexts]
        contexts.clear()
        await turns(2)
        gc.collect()
        assert [reference() for reference in weak] == [None] * len(weak)

    run(main())


@pytest.mark.parametrize("certificate", ["unknown", "expired"])
def test_nothing_holds_on_to_a_handshake_that_failed(run, loop, certificates, certificate):
    async def attempt(contexts):
        near, far = tcp_pair()
        await asyncio.gather(
            secure(loop, near, Recorder, contexts, "client"),
            secure(loop, far, Recorder, contexts, "server"),
            return_exceptions=True,
        )
        await turns(2)

    async def main():
        contexts = [certificates.server_context(certificate), certificates.client_context()]
        weak = [weakref.ref(context) for context in contexts]
        await attempt(contexts)
        contexts.clear()
        gc.collect()
        assert [reference() for reference in weak] == [None, None]

    run(main())


def test_nothing_holds_on_to_an_upgrade_that_is_over(run, loop, certificates):
    async def life(contexts):
        near, far = tcp_pair()
        with far:
            transport, protocol = await loop.create_connection(Recorder, sock=near)
            peer = opposite(loop, far, contexts, "client")
            shaking = asyncio.ensure_future(peer.handshake())
            secured = await loop.start_tls(
                transport, protocol, contexts[1], server_hostname="localhost"
            )
            await shaking
            secured.close()
            await peer.unwrap()
            await protocol.lost
        return [weakref.ref(thing) for thing in (transport, secured, protocol)]

    async def main():
        contexts = [certificates.server_context(), certificates.client_context()]
        weak = await life(contexts) + [weakref.ref(context) for context in contexts]
        contexts.clear()
        await turns(2)
        gc.collect()
        assert [reference() for reference in weak] == [None] * len(weak)

    run(main())


def test_a_live_connection_needs_no_outside_reference(run, loop, contexts):
    async def main():
        near, far = tcp_pair()
        with far:
            peer = BarePeer(loop, far, contexts[0], server_side=True)
            shaking = asyncio.ensure_future(peer.handshake())
            _, protocol = await secure(loop, near, Recorder, contexts, "client")
            await shaking
            received, lost = protocol.received, protocol.lost
            del near, protocol, _
            gc.collect()
            await peer.send(b"anyone there?")
            await peer.say_goodbye()
            assert await lost is None
            assert received == b"anyone there?"

    run(main())


def test_a_cycle_through_the_protocol_is_collected_with_the_loop(loop_factory, certificates, loop):
    # Transport, protocol, context and loop refer to each other, and nothing to any of them.
    class Cyclic(Recorder):
        def connection_made(self, transport):
            super().connection_made(transport)
            self.everything = [transport, self, transport.get_extra_info("sslcontext")]

    other = loop_factory()
    near, far = tcp_pair()
    with far:

        async def main(contexts):
            peer = opposite(other, far, contexts, "client")
            shaking = asyncio.ensure_future(peer.handshake())
            _, protocol = await secure(other, near, Cyclic, contexts, "client")
            await shaking
            return weakref.ref(protocol), weakref.ref(contexts[1])

        weak = other.run_until_complete(
            main((certificates.server_context(), certificates.client_context()))
        )
        other.close()
        near = other = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        assert [reference() for reference in weak] == [None, None]


def test_a_forgotten_transport_warns_and_closes_its_socket(loop, loop_factory, contexts):
    other = loop_factory()
    near, far = tcp_pair()
    with far:

        async def main():
            peer = BarePeer(other, far, contexts[0], server_side=True)
            shaking = asyncio.ensure_future(peer.handshake())
            made = await secure(other, near, asyncio.Protocol, contexts, "client")
            await shaking
            return made

        transport, protocol = other.run_until_complete(main())
        near = None
        # A closed loop no longer holds the transport, so nothing but the test does.
        other.close()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del transport, protocol
            gc.collect()
        texts = [str(warning.message) for warning in caught]
        assert any(re.match(r"^unclosed transport <\S*SSL\S*Transport\b", text) for text in texts)
        assert {warning.category for warning in caught} == {ResourceWarning}
        far.settimeout(10)
        # Whatever was on its way, the end follows.
        while far.recv(1024):
            pass


@pytest.mark.parametrize("how", ["close", "abort"])
def test_a_transport_that_was_closed_does_not_warn(run, wired, how):
    async def main():
        async with wired() as (transport, protocol, peer):
            getattr(transport, how)()
            if how == "close":
                await peer.unwrap()
            await protocol.lost
            del transport
            # The suite turns a warning into a failure.
            gc.collect()

    run(main())


def test_connections_leave_no_objects_behind(run, loop, contexts):
    async def visit():
        near, far = tcp_pair()
        (_, client), (_, server) = await asyncio.gather(
            secure(loop, near, Recorder, contexts, "client"),
            secure(loop, far, Recorder, contexts, "server"),
        )
        client.transport.write(b"hello")
        await server.receive(5)
        await finish(client)
        await finish(server)

    def transports():
        gc.collect()
        return sum(isinstance(thing, asyncio.Transport) for thing in gc.get_objects())

    async def main():
        await visit()
        await turns(2)
        before = transports()
        for _ in range(20):
            await visit()
        await turns(2)
        assert transports() == before

    run(main())
