"""Where a single allocation fails: no byte that has arrived is lost, and nothing crashes."""

import pytest

pytest.importorskip("_testcapi", reason="made for CPython's own tests")

COMMON = """
    import asyncio, importlib, sys
    import _testcapi

    api = importlib.import_module(sys.argv[1])
    loop = api.new_event_loop()
    asyncio.set_event_loop(loop)
    DATA = b"abc\\ndef"
    WARM = 1_000_000  # beyond all: names that are looked up once are known afterwards

    def with_a_failure(position, act):
        # What `act` raised, if the allocation at this position fails.
        _testcapi.set_nomemory(position, position + 1)
        try:
            act()
            raised = None
        except BaseException as error:
            raised = error
        finally:
            _testcapi.remove_mem_hooks()
        return raised

    def step(coroutine):
        try:
            coroutine.send(None)
        except StopIteration:
            pass
"""

READS = """
    async def take(place, reading):
        place[0] = await reading

    incomplete = ()

    def sweep(name, *arguments, end=False):
        failures = 0
        for position in (WARM, *range(80)):
            reader = api.StreamReader(limit=100, loop=loop)
            reader.feed_data(DATA)
            if end:
                reader.feed_eof()
            place = [b""]
            taking = take(place, getattr(reader, name)(*arguments))
            error = with_a_failure(position, lambda: step(taking))
            taking.close()
            failures += isinstance(error, MemoryError)
            if name in incomplete:
                # What happens to an exception on its way is up to the interpreter.
                continue
            assert error is None or isinstance(error, MemoryError), repr(error)
            left = bytes(reader._buffer)
            assert place[0] + left == DATA, (name, position, error, place[0], left)
        assert failures, name

    sweep("read", 3)
    sweep("readexactly", 3)
    sweep("readuntil", b"\\n")
    sweep("readuntil", bytearray(b"\\n"))
    sweep("readline")
    sweep("read", end=True)
    sweep("read", 2**70)
    # A debug build of the interpreter aborts if an exception gets lost on its way.
    if not hasattr(sys, "gettotalrefcount"):
        incomplete = ("readexactly", "readuntil")
        sweep("readexactly", 20, end=True)
        sweep("readuntil", b"x", end=True)
"""

FEEDS = """
    for position in (WARM, *range(60)):
        for data in (DATA, bytearray(DATA), list(DATA)):
            reader = api.StreamReader(limit=100, loop=loop)
            reader.feed_data(b"before ")
            error = with_a_failure(position, lambda: reader.feed_data(data))
            assert error is None or isinstance(error, MemoryError), repr(error)
            assert bytes(reader._buffer) in (b"before ", b"before " + DATA)
            if error is None:
                assert bytes(reader._buffer) == b"before " + DATA
"""

TLS = """
    import ssl

    certificate, key = sys.argv[2:]
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    loop.set_exception_handler(lambda loop, context: None)

    class Below(asyncio.Transport):
        closed = None

        def __init__(self):
            super().__init__()
            self.sent = []

        def write(self, data):
            self.sent.append(bytes(data))

        def is_closing(self):
            return self.closed is not None

        def close(self):
            self.closed = "closed"

        abort = close

        def _force_close(self, exception):
            self.closed = exception or "aborted"

    class Above(asyncio.Protocol):
        transport = None
        received = b""

        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            self.received += data

    if sys.argv[1] == "asyncio":
        from asyncio.sslproto import SSLProtocol
    else:
        from aioxide._aioxide import SSLProtocol

    def feed(tls, data):
        if hasattr(tls, "buffer_updated"):
            tls.get_buffer(len(data))[: len(data)] = data
            tls.buffer_updated(len(data))
        else:
            tls.data_received(data)

    def connected():
        ends = []
        for context, is_server in ((server, True), (client, False)):
            tls = SSLProtocol(loop, Above(), context, None, is_server)
            ends.append((tls, Below(), tls._app_protocol))
        for tls, below, above in ends:
            tls.connection_made(below)
        while any(below.sent for _, below, _ in ends):
            for (_, below, _), (tls, _, _) in zip(ends, reversed(ends)):
                sent, below.sent[:] = b"".join(below.sent), []
                if sent:
                    feed(tls, sent)
        return ends

    for position in (WARM, *range(0, 90, 3)):
        (_, server_below, server_above), (tls, below, above) = connected()
        server_above.transport.write(b"first ")
        server_above.transport.write(b"second")
        records = b"".join(server_below.sent)
        error = with_a_failure(position, lambda: feed(tls, records))
        assert error is None or isinstance(error, MemoryError), repr(error)
        if error is None and below.closed is None:
            assert above.received == b"first second", above.received
        error = with_a_failure(position, lambda: above.transport.write(b"x" * 1000))
        assert error is None or isinstance(error, MemoryError), repr(error)
        for end in (above, server_above):
            end.transport.abort()
"""


def finished(result):
    assert result.returncode == 0, result.stderr[-2000:]
    assert "panicked" not in result.stderr, result.stderr[-2000:]


def test_a_read_that_fails_leaves_the_bytes(run_script, kind):
    if kind == "asyncio":
        pytest.skip("asyncio loses what it has copied")
    finished(run_script(COMMON + READS, kind, deadline=60))


def test_what_cannot_be_fed_is_not_there(run_script, kind):
    finished(run_script(COMMON + FEEDS, kind, deadline=60))


def test_tls_survives(run_script, kind, tmp_path):
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    certificate, key = tmp_path / "certificate", tmp_path / "key"
    issued.private_key_pem.write_to_path(str(key))
    with certificate.open("wb") as file:
        file.write(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    finished(run_script(COMMON + TLS, kind, str(certificate), str(key), deadline=60))
