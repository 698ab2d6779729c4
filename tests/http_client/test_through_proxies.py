"""Requests through proxies: httpx and httpx2 by each door."""

import base64

import pytest
from network.peers import unused_port

BASIC = "Basic " + base64.b64encode(b"user:pass word").decode()


def test_http_is_forwarded(run, client, server, http_proxy, is_native):
    async def go():
        async with client(proxy=http_proxy.url) as http:
            answer = await http.post(f"{server.url}/path?query", content=b"body")
            is_native(answer)
            return answer

    answer = run(go())
    assert answer.text == f"forwarded POST {server.url}/path?query\nbody"
    assert not server.accepted


def test_password_of_a_forwarding_proxy(run, client, package, server, http_proxy):
    proxy = package.Proxy(http_proxy.url, auth=("user", "pass word"), headers={"X-Own": "1"})

    async def go():
        async with client(proxy=proxy) as http:
            await http.get(server.url, headers={"Proxy-Own": "2"})

    run(go())
    request = http_proxy.requests[0]
    assert request.get("proxy-authorization") == BASIC
    assert request.get("x-own") == "1"
    assert request.get("proxy-own") == "2"
    assert request.get("host") == f"localhost:{server.port}"


@pytest.mark.parametrize("kind_of_proxy", ["plain", "tls"])
def test_tunnel(
    run, client, package, tls_server, http_proxy, tls_proxy, certificates, kind_of_proxy, is_native
):
    peer = http_proxy if kind_of_proxy == "plain" else tls_proxy
    tls = None if kind_of_proxy == "plain" else certificates.client_context()
    proxy = package.Proxy(peer.url, auth=("user", "pass word"), ssl_context=tls)

    async def go():
        async with client(proxy=proxy) as http:
            answers = [await http.get(f"{tls_server.url}/x") for _ in range(2)]
            is_native(answers[0])
            return answers

    assert [each.content for each in run(go())] == [b"GET /x\n"] * 2
    assert [each.method for each in peer.requests] == ["CONNECT"]
    assert peer.requests[0].target == f"localhost:{tls_server.port}"
    assert peer.requests[0].get("proxy-authorization") == BASIC
    assert tls_server.requests[0].get("proxy-authorization") is None


def test_forwarding_by_a_tls_proxy(run, client, package, server, tls_proxy, certificates):
    proxy = package.Proxy(tls_proxy.url, ssl_context=certificates.client_context())

    async def go():
        async with client(proxy=proxy) as http:
            return await http.get(f"{server.url}/x")

    assert run(go()).text == f"forwarded GET {server.url}/x\n"


def test_refused_tunnel(run, client, package, tls_server, http_proxy):
    http_proxy.refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"

    async def go():
        async with client(proxy=http_proxy.url) as http:
            with pytest.raises(package.ProxyError) as caught:
                await http.get(tls_server.url)
            return str(caught.value)

    assert run(go()) == "407 Proxy Authentication Required"


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_proxy_that_is_not_there(run, client, package, server, scheme):
    async def go():
        async with client(proxy=f"{scheme}://127.0.0.1:{unused_port()}") as http:
            with pytest.raises(package.ConnectError) as caught:
                await http.get(server.url)
            return str(caught.value)

    assert run(go()) == "All connection attempts failed"


@pytest.mark.parametrize("auth", [None, (b"user", b"pass word")])
@pytest.mark.parametrize("over", ["plain", "tls"])
def test_socks(run, client, server, tls_server, socks_proxy, over, auth, is_native):
    peer = server if over == "plain" else tls_server
    socks_proxy.auth = auth
    login = "user:pass%20word@" if auth else ""

    async def go():
        async with client(proxy=f"socks5://{login}localhost:{socks_proxy.port}") as http:
            answer = await http.get(f"{peer.url}/x")
            is_native(answer)
            return answer

    assert run(go()).content == b"GET /x\n"
    assert socks_proxy.asked == [("localhost", peer.port)]


def test_socks_with_a_wrong_password(run, client, package, server, socks_proxy, door):
    if door == "library":
        return  # It leaves the socket open.
    socks_proxy.auth = (b"user", b"password")

    async def go():
        async with client(proxy=f"socks5://user:guess@localhost:{socks_proxy.port}") as http:
            with pytest.raises(package.ProxyError) as caught:
                await http.get(server.url)
            return str(caught.value)

    assert run(go()) == "Invalid username/password"


def test_unknown_scheme(package, transport):
    with pytest.raises(ValueError, match="Unknown scheme for proxy URL"):
        transport(proxy="ftp://localhost")


@pytest.mark.parametrize("no_proxy", [None, "localhost", "*"])
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
def test_environment(run, package, door, server, http_proxy, monkeypatch, variable, no_proxy):
    if door == "transport":
        return  # A client that is given a transport does not ask the environment.
    monkeypatch.setenv(variable, http_proxy.url)
    if no_proxy:
        monkeypatch.setenv("NO_PROXY", no_proxy)

    async def go():
        async with package.AsyncClient() as http:
            return await http.get(f"{server.url}/x")

    answer = run(go())
    assert answer.text == ("GET /x\n" if no_proxy else f"forwarded GET {server.url}/x\n")
