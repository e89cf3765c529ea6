"""Requests that two servers could parse differently: none reaches the service, and none hides another one."""

from __future__ import annotations

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.sessions.endpoint import Endpoint
from tests.contract.sessions.endpoint.asking import bearer, connected, head, raw, received
from tests.contract.sessions.endpoint.upstream import Upstream

SMUGGLED = "DELETE /api/v1/customer/acme-east HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n"
HOST = "Host: {host}\r\n"
KNOWN = HOST + "Authorization: {token}\r\n"
POST = "POST /api/v1/search/flow HTTP/1.1\r\n" + KNOWN
GET = "GET /api/v1/users HTTP/1.1\r\n" + KNOWN

# What the client sends, and the status that it gets.
REFUSED: dict[str, tuple[str, int]] = {
    "CL.TE": (POST + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "TE.CL": (POST + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + SMUGGLED + "0\r\n\r\n", 400),
    "TE.TE": (POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "TE after a space": (POST + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "TE with a tab in front": (POST + "Content-Length: 3\r\n\tTransfer-Encoding: chunked\r\n\r\nabc" + SMUGGLED, 400),
    "TE with another coding": (POST + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 501),
    "TE that is quoted": (POST + 'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n' + SMUGGLED, 501),
    "TE with a vertical tab": (POST + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "TE in HTTP/1.0": (POST.replace("1.1", "1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "CL.CL": (POST + "Content-Length: 0\r\nContent-Length: 100\r\n\r\n" + SMUGGLED, 400),
    "CL.CL alike": (POST + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na" + SMUGGLED, 400),
    "CL list": (POST + "Content-Length: 0, 100\r\n\r\n" + SMUGGLED, 400),
    "CL with a sign": (POST + "Content-Length: +3\r\n\r\nabc" + SMUGGLED, 400),
    "CL below zero": (POST + "Content-Length: -1\r\n\r\n" + SMUGGLED, 400),
    "CL in hexadecimal": (POST + "Content-Length: 0x3\r\n\r\nabc" + SMUGGLED, 400),
    "CL with an underscore": (POST + "Content-Length: 1_0\r\n\r\nabc" + SMUGGLED, 400),
    "CL beyond all": (POST + f"Content-Length: {'9' * 5000}\r\n\r\n" + SMUGGLED, 400),
    "CL that is empty": (POST + "Content-Length:\r\n\r\n" + SMUGGLED, 400),
    "CL after a space": (POST + "Content-Length : 0\r\n\r\n" + SMUGGLED, 400),
    "a folded header": (GET + "User-Agent: a\r\n X-HTTP-Method-Override: DELETE\r\n\r\n", 400),
    "a folded request line": ("GET /api/v1/users HTTP/1.1\r\n X: y\r\n" + KNOWN + "\r\n", 400),
    "a header without a colon": (GET + "X\r\n\r\n", 400),
    "a header without a name": (GET + ": y\r\n\r\n", 400),
    "a name that isn't a token": (GET + "X(y): z\r\n\r\n", 400),
    "bare line feeds": (GET.replace("\r\n", "\n") + "\n", 400),
    "one bare line feed": (GET + "X: y\nContent-Length: 100\r\n\r\n" + SMUGGLED, 400),
    "a bare line feed at the end": (GET + "\n" + SMUGGLED, 400),
    "a bare carriage return": (GET + "X: y\rContent-Length: 100\r\n\r\n" + SMUGGLED, 400),
    "a carriage return too much": (GET + "X: y\r\r\n\r\n", 400),
    "a null": (GET + "X: y\0z\r\n\r\n", 400),
    "a chunk with a sign": (POST + "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + SMUGGLED, 400),
    "a chunk below zero": (POST + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + SMUGGLED, 400),
    "a chunk with 0x": (POST + "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + SMUGGLED, 400),
    "a chunk with an underscore": (POST + "Transfer-Encoding: chunked\r\n\r\n0_0\r\n\r\n" + SMUGGLED, 400),
    "a chunk that is longer": (POST + "Transfer-Encoding: chunked\r\n\r\n2\r\nabXX0\r\n\r\n" + SMUGGLED, 400),
    "a chunk line with a line feed": (POST + "Transfer-Encoding: chunked\r\n\r\n0\n\n" + SMUGGLED, 400),
    "an extension with a line feed": (POST + "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n", 400),
    "an extension with a return": (POST + "Transfer-Encoding: chunked\r\n\r\n1;a\rb\r\nx\r\n0\r\n\r\n", 400),
    "an extension without an end": (POST + f"Transfer-Encoding: chunked\r\n\r\n1;{'a' * 5000}\r\nx\r\n", 400),
    "trailers without an end": (POST + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + "X: y\r\n" * 200, 431),
    "a trailer with a line feed": (POST + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n" + SMUGGLED, 400),
    "another expectation": (POST + "Content-Length: 3\r\nExpect: 200-ok\r\n\r\nabc", 417),
    "two hosts": (GET + HOST + "\r\n", 400),
    "two tokens": (GET + "Authorization: Bearer x\r\n\r\n", 400),
    "a host and more": ("GET /api/v1/users HTTP/1.1\r\nHost: {host} evil.example\r\n\r\n", 403),
    "a host list": ("GET /api/v1/users HTTP/1.1\r\nHost: {host}, evil.example\r\n\r\n", 403),
    "a host with a user": ("GET /api/v1/users HTTP/1.1\r\nHost: evil@{host}\r\n\r\n", 403),
    "a host with a dot": ("GET /api/v1/users HTTP/1.1\r\nHost: localhost.:80\r\n\r\n", 403),
    "a host without a port": ("GET /api/v1/users HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 403),
    "a host that resolves here": ("GET /api/v1/users HTTP/1.1\r\nHost: 127.0.0.1.nip.io:80\r\n\r\n", 403),
    "no host": ("GET /api/v1/users HTTP/1.1\r\nAuthorization: {token}\r\n\r\n", 403),
    "another host too": ("GET /api/v1/users HTTP/1.1\r\nX-Forwarded-Host: {host}\r\nHost: evil\r\n\r\n", 403),
    "the absolute form": ("GET http://{host}/api/v1/users HTTP/1.1\r\n" + KNOWN + "\r\n", 403),
    "the absolute form of another": ("GET http://evil.example/api/v1/users HTTP/1.1\r\n" + KNOWN + "\r\n", 403),
    "the authority form": ("GET {host} HTTP/1.1\r\n" + KNOWN + "\r\n", 403),
    "the asterisk form": ("OPTIONS * HTTP/1.1\r\n" + KNOWN + "\r\n", 403),
    "CONNECT": ("CONNECT {host} HTTP/1.1\r\n" + KNOWN + "\r\n", 403),
    "TRACE": ("TRACE /api/v1/users HTTP/1.1\r\n" + KNOWN + "\r\n", 403),
    "a path with a space": ("GET /api/v1/users /x HTTP/1.1\r\n" + KNOWN + "\r\n", 400),
    "a path with a tab": ("GET /api/v1/users\tx HTTP/1.1\r\n" + KNOWN + "\r\n", 400),
    "two spaces": ("GET  /api/v1/users HTTP/1.1\r\n" + KNOWN + "\r\n", 400),
    "a space in front": (" GET /api/v1/users HTTP/1.1\r\n" + KNOWN + "\r\n", 400),
    "an encoded line": ("GET /api/v1/users%0d%0aX:%20y HTTP/1.1\r\n" + KNOWN + "\r\n", 403),
    "HTTP/2": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/1.2": ("GET /api/v1/users HTTP/1.2\r\n" + KNOWN + "\r\n", 400),
    "HTTP/0.9": ("GET /api/v1/users\r\n\r\n", 400),
    "http": ("GET /api/v1/users http/1.1\r\n" + KNOWN + "\r\n", 400),
    "no HTTP": ("\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    "a huge line": (f"GET /api/v1/{'x' * 40_000} HTTP/1.1\r\n" + KNOWN + "\r\n", 431),
    "a huge header": (GET + f"X: {'x' * 40_000}\r\n\r\n", 431),
    "huge headers": (GET + f"X: {'x' * 1000}\r\n" * 50 + "\r\n", 431),
    "many headers": (GET + "X: y\r\n" * 200 + "\r\n", 431),
}


@pytest.mark.threat("smuggles-a-request")
@pytest.mark.parametrize("case", REFUSED)
def test_an_ambiguous_request_is_refused_and_ends_the_connection(
    writing: Endpoint, emulator: Emulator, case: str
) -> None:
    request, status = REFUSED[case]
    token = bearer(writing)["Authorization"]
    emulator.requests.clear()
    sent = request.replace("{host}", f"127.0.0.1:{writing.port}").replace("{token}", token)
    with connected(writing) as connection, connection.makefile("rb") as stream:
        connection.sendall(sent.encode("latin-1"))
        method = "GET" if request.startswith("GET") else "POST"
        [answer] = received(stream, method, method)
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    assert len(emulator.requests) == 0
    assert sum(writing.access.counts()["refused"].values()) == 1


# These are allowed, but reach the service without the headers that could change the request.
@pytest.mark.threat("smuggles-a-request")
@pytest.mark.parametrize(
    "fields",
    [
        ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"),
        ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13"),
        ("Connection: Authorization, Host", "Keep-Alive: timeout=5"),
        ("TE: trailers, chunked", "Trailer: Content-Length"),
        ("Proxy-Authorization: Basic eA==", "Proxy-Connection: keep-alive", "Via: 1.1 x", "Forwarded: host=evil"),
        ("X-Original-URL: /api/v1/auth/token", "X-Rewrite-URL: /api/v1/auth/token"),
        ("Max-Forwards: 0", "Content-Length: 0", "Expect: 100-continue"),
    ],
)
def test_headers_of_the_connection_are_not_passed_on(endpoint: Endpoint, fields: tuple[str, ...]) -> None:
    token = bearer(endpoint)["Authorization"]
    with Upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as upstream, connected(endpoint) as connection:
        upstream.serve(endpoint)
        connection.sendall(head(endpoint, "GET /api/v1/users HTTP/1.1", *fields, token=token))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    [sent] = upstream.heads
    line, *names = (each.partition(b":")[0].lower() for each in sent.split(b"\r\n"))
    assert line == b"get /api/v1/users http/1.1"
    assert sorted(names) == [b"accept-encoding", b"authorization", b"host", b"user-agent"]
    assert token.encode() not in sent


@pytest.mark.threat("smuggles-a-request")
def test_chunk_extensions_and_trailers_are_not_passed_on(endpoint: Endpoint) -> None:
    fields = ("Transfer-Encoding: Chunked", "Connection: close")
    asked = head(endpoint, "POST /api/v1/search/flow HTTP/1.1", *fields, token=bearer(endpoint)["Authorization"])
    body = b'2;a="b"\r\n{"\r\n6 ;c\r\na": 1}\r\n0;d\r\nAuthorization: x\r\n\r\n'
    with Upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" + Upstream.END) as upstream:
        upstream.serve(endpoint)
        assert raw(endpoint, asked + body).startswith(b"HTTP/1.1 200 ")
    [sent] = upstream.heads
    assert sent.lower().count(b"authorization") == 1
    assert upstream.rests.get(timeout=10) == b'8\r\n{"a": 1}\r\n0\r\n\r\n'


@pytest.mark.threat("smuggles-a-request")
@pytest.mark.parametrize(
    "body",
    [
        "Content-Length: {size}\r\n\r\n{smuggled}",
        "Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{smuggled}\r\n0\r\n\r\n",
    ],
)
def test_the_body_of_an_upgrade_request_does_not_become_a_request(
    writing: Endpoint, emulator: Emulator, body: str
) -> None:
    """A parser that expects another protocol after such a head ends the request there."""
    host, token = f"127.0.0.1:{writing.port}", bearer(writing)["Authorization"]
    emulator.requests.clear()
    smuggled = SMUGGLED.format(host=host, token=token)
    fields = KNOWN.format(host=host, token=token) + "Connection: upgrade\r\nUpgrade: h2c\r\n"
    first = f"POST /api/v1/search/flow HTTP/1.1\r\n{fields}{body.format(size=len(smuggled), smuggled=smuggled)}"
    last = head(writing, "GET /api/v1/users HTTP/1.1", "Connection: close", token=token)
    with connected(writing) as connection, connection.makefile("rb") as stream:
        connection.sendall(first.encode() + last)
        assert len(received(stream, "POST", "GET")) == 2
    assert "DELETE" not in {each.method for each in emulator.requests}
    assert [each.path for each in emulator.requests][-1] == "/api/v1/users"


def test_one_empty_line_before_a_request_is_ignored(endpoint: Endpoint) -> None:
    """RFC 9112, 2.2, requires it, since some clients end a body with it."""
    token = bearer(endpoint)["Authorization"]
    asked = head(endpoint, "GET /api/v1/users HTTP/1.1", "Connection: close", token=token)
    assert raw(endpoint, b"\r\n" + asked).startswith(b"HTTP/1.1 200 ")
    assert raw(endpoint, b"\r\n\r\n" + asked).startswith(b"HTTP/1.1 400 ")
