"""Requests over TLS."""

import asyncio
import hashlib
import ssl

import aiohttp
import pytest
from http_aiohttp.scripted import Pause, ScriptedServer, json_response, response
from http_aiohttp.sides import run

JSON = json_response(b"[1]")


def test_tls(Session, certificates):
    async def main():
        context = certificates.server_context()
        server = await ScriptedServer([JSON]).start(ssl=context)
        trusted = certificates.client_context()
        async with Session(connector=aiohttp.TCPConnector(ssl=trusted)) as session:
            for _ in range(3):
                async with session.get(server.url) as response:
                    assert await response.json() == [1]
        async with Session() as session:
            async with session.get(server.url, ssl=trusted) as response:
                assert await response.json() == [1]
            async with session.get(server.url, ssl=False) as response:
                assert await response.json() == [1]
        await server.close()
        return server.connections

    assert run(main()) == 3


@pytest.mark.parametrize("name", ["expired", "unknown", "other_server"])
def test_tls_that_is_not_trusted(Session, certificates, name):
    async def main():
        context = certificates.server_context(name)
        server = await ScriptedServer([JSON]).start(ssl=context)
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        try:
            async with Session() as session:
                await session.get(server.url, ssl=certificates.client_context())
        finally:
            await server.close()

    with pytest.raises(aiohttp.ClientConnectorCertificateError) as caught:
        run(main())
    assert caught.value.host == "127.0.0.1"
    assert isinstance(caught.value.certificate_error, ssl.SSLCertVerificationError)


def test_tls_with_a_fingerprint(Session, certificates):
    der = ssl.PEM_cert_to_DER_cert(
        certificates.server.read_text()
        .split("-----END CERTIFICATE-----")[0]
        .split("KEY-----\n")[-1]
        + "-----END CERTIFICATE-----\n"
    )

    right = aiohttp.Fingerprint(hashlib.sha256(der).digest())
    wrong = aiohttp.Fingerprint(bytes(32))

    async def main():
        server = await ScriptedServer([JSON]).start(ssl=certificates.server_context())
        async with Session() as session:
            async with session.get(server.url, ssl=right) as response:
                assert await response.json() == [1]
            with pytest.raises(aiohttp.ServerFingerprintMismatch):
                await session.get(server.url, ssl=wrong)
        await server.close()

    run(main())


def test_tls_to_a_server_without(Session):
    async def main():
        async def serve(reader, writer):
            writer.write(response(b"", status=b"400 Bad Request"))
            await reader.read(1)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            async with Session() as session:
                await session.get(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        finally:
            server.close()
            await server.wait_closed()

    with pytest.raises(aiohttp.ClientConnectorSSLError):
        run(main())


def test_server_hostname(Session, certificates):
    async def main():
        context = certificates.server_context("other_server")
        server = await ScriptedServer([JSON]).start(ssl=context)
        async with Session() as session:
            async with session.get(
                server.url, ssl=certificates.client_context(), server_hostname="other.example"
            ) as response:
                assert await response.json() == [1]
        await server.close()

    run(main())


def test_tls_transport_of_a_response(Session, certificates):
    async def main():
        first = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"
        server = await ScriptedServer([[first, Pause, b"cde"]]).start(
            ssl=certificates.server_context()
        )
        async with Session() as session:
            async with session.get(server.url, ssl=certificates.client_context()) as response:
                transport = response.connection.transport
                cipher = transport.get_extra_info("cipher")
                peer = transport.get_extra_info("peername")
                server.go_on.set()
                await response.read()
                assert response.connection is None
        await server.close()
        return cipher, peer[0]

    cipher, peer = run(main())
    assert cipher
    assert peer == "127.0.0.1"
