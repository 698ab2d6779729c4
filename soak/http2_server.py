"""One connection of HTTP/2 on the server's side of the HTTP soak: the protocol is hyper-h2's."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
from http_wire import Asked, checksum, pieces


class _Stream:
    """One request, as far as it has come."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers
        self.body = bytearray()
        self.task: asyncio.Task[None] | None = None


class Http2Connection:
    """Answers the streams of one connection as their paths say.

    Arguments:
        take: called with method, path and body of each request that is complete; returns what it
            asks for, or None if it is none of this soak.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        take: Callable[[str, str, bytes], Asked | None],
    ) -> None:
        self._reader, self._writer, self._take = reader, writer, take
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        self._h2 = h2.connection.H2Connection(config)
        self._streams: dict[int, _Stream] = {}
        #: Set when a window has grown.
        self._room = asyncio.Event()

    async def serve(self) -> None:
        """Until the client has left. No answer is under way afterwards."""
        self._h2.initiate_connection()
        self._flush()
        try:
            while data := await self._reader.read(65536):
                for event in self._h2.receive_data(data):
                    self._handle(event)
                self._flush()
                await self._writer.drain()
        finally:
            answers = [stream.task for stream in self._streams.values() if stream.task]
            for task in answers:
                task.cancel()
            await asyncio.gather(*answers, return_exceptions=True)

    def _flush(self) -> None:
        if (data := self._h2.data_to_send()) and not self._writer.is_closing():
            self._writer.write(data)

    def _handle(self, event: Any) -> None:
        number = getattr(event, "stream_id", None) or 0
        stream = self._streams.get(number)
        match event:
            case h2.events.RequestReceived():
                self._streams[number] = _Stream(dict(event.headers))
            case h2.events.DataReceived():
                if stream is not None:
                    stream.body += event.data
                self._h2.acknowledge_received_data(event.flow_controlled_length, number)
            case h2.events.StreamEnded() if stream is not None:
                stream.task = asyncio.create_task(self._answer_while_wanted(number, stream))
            case h2.events.StreamReset() if stream is not None:
                del self._streams[number]
                if stream.task is not None:
                    stream.task.cancel()
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                self._room.set()

    async def _answer_while_wanted(self, number: int, stream: _Stream) -> None:
        # The client may have left, or reset the stream, and h2 then knows it no more.
        with contextlib.suppress(ConnectionError, h2.exceptions.ProtocolError):
            await self._answer(number, stream)

    async def _answer(self, number: int, stream: _Stream) -> None:
        headers = stream.headers
        asked = self._take(headers[":method"], headers[":path"], bytes(stream.body))
        if asked is None:
            self._reset(number)
            return
        await asyncio.sleep(asked.delay / 1000)
        if asked.how == "silent":
            await asyncio.get_running_loop().create_future()  # until the client resets it
        data = asked.answer()
        head = [(":status", "200"), ("x-name", str(asked.name)), ("x-sum", str(checksum(data)))]
        if asked.how in ("length", "cut"):
            head.append(("content-length", str(asked.size + (asked.how == "cut"))))
        self._h2.send_headers(number, head)
        self._flush()
        for piece in pieces(data):
            await self._send(number, piece)
            if asked.how == "slow":
                await asyncio.sleep(0.05)
        if asked.how == "cut":
            self._reset(number)
        else:
            self._h2.end_stream(number)
            self._flush()
            self._streams.pop(number, None)

    async def _send(self, number: int, data: bytes) -> None:
        """Send it as the windows allow."""
        while data:
            window = self._h2.local_flow_control_window(number)
            size = min(window, len(data), self._h2.max_outbound_frame_size)
            if size <= 0:
                self._room.clear()
                await self._room.wait()
                continue
            self._h2.send_data(number, data[:size])
            data = data[size:]
            self._flush()
            await self._writer.drain()

    def _reset(self, number: int) -> None:
        """End one stream in the middle."""
        self._streams.pop(number, None)
        self._h2.reset_stream(number, h2.errors.ErrorCodes.INTERNAL_ERROR)
        self._flush()
