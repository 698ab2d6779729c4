"""The ``trace`` extension and the loggers tell the same as the library's."""

import logging

import pytest

REQUEST = [
    "http11.send_request_headers.started",
    "http11.send_request_headers.complete",
    "http11.send_request_body.started",
    "http11.send_request_body.complete",
    "http11.receive_response_headers.started",
    "http11.receive_response_headers.complete",
    "http11.receive_response_body.started",
    "http11.receive_response_body.complete",
    "http11.response_closed.started",
    "http11.response_closed.complete",
]


@pytest.fixture
def told():
    """The events so far, with what came with each; an instance is the callback."""

    class Told(list):
        async def __call__(self, name, info):
            self.append((name, info))

        @property
        def names(self):
            return [name for name, _ in self]

    return Told()


def test_events_of_a_request(run, client, server, told, is_native):
    async def go():
        async with client() as http:
            answer = await http.post(server.url, content=b"x", extensions={"trace": told.__call__})
            is_native(answer)
            connection = dict(told)["connection.connect_tcp.complete"]["return_value"]
            assert connection.get_extra_info("server_addr")[1] == server.port
            return answer

    answer = run(go())
    assert told.names == [
        "connection.connect_tcp.started",
        "connection.connect_tcp.complete",
        *REQUEST,
    ]
    events = dict(told)
    assert events["connection.connect_tcp.started"]["host"] == "localhost"
    assert events["connection.connect_tcp.started"]["timeout"] == 5.0
    assert events["http11.send_request_headers.started"]["request"].method == b"POST"
    version, status, reason, headers = events["http11.receive_response_headers.complete"][
        "return_value"
    ]
    assert (version, status, reason) == (b"HTTP/1.1", 200, b"OK")
    assert headers == answer.headers.raw


def test_events_of_tls(run, client, tls_server, told):
    async def go():
        async with client() as http:
            for _ in range(2):
                await http.get(tls_server.url, extensions={"trace": told.__call__})

    run(go())
    assert told.names == [
        "connection.connect_tcp.started",
        "connection.connect_tcp.complete",
        "connection.start_tls.started",
        "connection.start_tls.complete",
        *REQUEST,
        *REQUEST,
    ]
    assert dict(told)["connection.start_tls.started"]["server_hostname"] == "localhost"


def test_events_of_a_failure(run, client, package, server, told):
    async def hang_up(request, connection):
        return None

    server.answer = hang_up

    async def go():
        async with client() as http:
            with pytest.raises(package.RemoteProtocolError):
                await http.get(server.url, extensions={"trace": told.__call__})

    run(go())
    assert told.names[2:] == [
        *REQUEST[:5],
        "http11.receive_response_headers.failed",
        *REQUEST[-2:],
    ]
    error = dict(told)["http11.receive_response_headers.failed"]["exception"]
    assert type(error).__name__ == "RemoteProtocolError"


def test_callback_that_is_not_asynchronous(run, client, server):
    async def go():
        async with client() as http:
            with pytest.raises(TypeError, match="trace"):
                await http.get(server.url, extensions={"trace": lambda name, info: None})

    run(go())


def test_debug_lines(run, client, package, server, caplog):
    core = {"httpx": "httpcore", "httpx2": "httpcore2"}[package.__name__]
    caplog.set_level(logging.DEBUG, logger=core)

    async def go():
        async with client() as http:
            await http.get(server.url)

    run(go())
    lines = [
        f"{record.name}.{record.message.split(' ')[0]}"
        for record in caplog.records
        if record.name in (f"{core}.connection", f"{core}.http11")
    ]
    assert lines[:2] == [
        f"{core}.connection.connect_tcp.started",
        f"{core}.connection.connect_tcp.complete",
    ]
    assert lines[2 : 2 + len(REQUEST)] == [f"{core}.{event}" for event in REQUEST]
