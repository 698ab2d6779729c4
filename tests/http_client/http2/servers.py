"""An HTTP/2 server over TLS on the loop of the test: the protocol is hyper-h2's."""

import asyncio
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.settings


@dataclass
class Stream:
    """A request as the server has received it, and the way to answer."""

    connection: "Connection"
    number: int
    headers: dict
    body: bytearray = field(default_factory=bytearray)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    reset: asyncio.Future = None

    async def respond(self, status=200, body=b"", headers=(), trailers=None):
        """Answers with a whole response."""
        self.start(status, headers, end=not body and trailers is None)
        if body or trailers is not None:
            await self.send(body, end=trailers is None)
        if trailers is not None:
            self.connection.h2.send_headers(self.number, trailers, end_stream=True)
            self.connection.flush()

    def start(self, status=200, headers=(), end=False):
        """Sends a head."""
        fields = [(":status", str(status)), *headers]
        self.connection.h2.send_headers(self.number, fields, end_stream=end)
        self.connection.flush()

    async def send(self, data, end=False):
        """Sends some of the body, as far and as fast as the windows allow."""
        connection = self.connection
        while data:
            window = connection.h2.local_flow_control_window(self.number)
            if not window:
                connection.opened.clear()
                await connection.opened.wait()
                continue
            size = min(window, len(data), connection.h2.max_outbound_frame_size)
            connection.h2.send_data(self.number, bytes(data[:size]))
            data = data[size:]
            connection.flush()
            await connection.writer.drain()
        if end:
            connection.h2.end_stream(self.number)
            connection.flush()


class Connection:
    """One accepted connection."""

    def __init__(self, server, reader, writer):
        self.server = server
        self.reader, self.writer = reader, writer
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        self.h2 = h2.connection.H2Connection(config)
        self.h2.local_settings = h2.settings.Settings(
            client=False, initial_values=dict(server.settings)
        )
        self.opened = asyncio.Event()
        self.streams = {}
        self.tasks = set()

    def flush(self):
        data = self.h2.data_to_send()
        if data and not self.writer.is_closing():
            self.writer.write(data)

    async def run(self):
        self.h2.initiate_connection()
        self.flush()
        try:
            while data := await self.reader.read(65536):
                for event in self.h2.receive_data(data):
                    self.handle(event)
                self.flush()
        except ConnectionError:
            pass
        finally:
            for task in self.tasks:
                task.cancel()
            self.writer.close()

    def handle(self, event):
        number = getattr(event, "stream_id", None)
        stream = self.streams.get(number)
        if isinstance(event, h2.events.RequestReceived):
            stream = Stream(self, number, dict(event.headers))
            stream.reset = asyncio.get_running_loop().create_future()
            self.streams[number] = stream
            self.server.streams.append(stream)
            task = asyncio.ensure_future(self.server.answer(stream))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        elif isinstance(event, h2.events.DataReceived):
            stream.body += event.data
            if self.server.takes:
                self.h2.acknowledge_received_data(event.flow_controlled_length, number)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended.set()
        elif isinstance(event, h2.events.StreamReset) and not stream.reset.done():
            stream.reset.set_result(event.error_code)
        elif isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            self.opened.set()


class Http2Server:
    """Answers each request with what the coroutine function ``answer`` sends on its stream."""

    def __init__(self, context, answer, settings=None, takes=True):
        self.context = context
        self.context.set_alpn_protocols(["h2"])
        self.answer = answer
        self.settings = settings or {}
        #: Whether the windows of what clients send are opened again.
        self.takes = takes
        self.connections = []
        self.streams = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.context)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"https://localhost:{self.port}"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for connection in self.connections:
            connection.writer.close()

    async def serve(self, reader, writer):
        connection = Connection(self, reader, writer)
        self.connections.append(connection)
        await connection.run()
