"""How a response is passed on: whole or visibly cut short, and without the token."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import threading
from urllib.parse import quote

import pytest
import requests

from pulumi_fusion.redaction import forms
from pulumi_fusion.sessions.endpoint import Endpoint
from tests.contract.sessions.endpoint.asking import bearer, connected, head, raw, received
from tests.contract.sessions.endpoint.upstream import Listening, Upstream


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 0\r\n\r\n", 403),
        (b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1\r\nContent-Length: 2\r\n\r\n{}", 200),
        (b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", 304),
        (b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n", 429),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 502),
        (b"garbage\r\n\r\n", 502),
        (b"", 502),
    ],
)
def test_a_response_is_passed_on_without_cookies_and_redirects(endpoint: Endpoint, answer: bytes, status: int) -> None:
    headers = bearer(endpoint)
    with Listening([], answer) as url:
        endpoint.access.client._connection.transport.base_url = url
        got = requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10, allow_redirects=False)
    assert got.status_code == status
    assert not {"Set-Cookie", "Location"} & {*got.headers}
    assert got.headers.get("Retry-After") == ("3" if status == 429 else None)


@pytest.mark.parametrize(
    ("head", "first", "second"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", b"first", b"other"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nfirst\r\n", b"5\r\nother\r\n0\r\n\r\n"),
    ],
)
def test_a_response_is_streamed(endpoint: Endpoint, head: bytes, first: bytes, second: bytes) -> None:
    """The client receives the first half before the service sends the second."""
    released: list[bool] = []
    server = socket.create_server(("127.0.0.1", 0))
    headers = bearer(endpoint)
    endpoint.access.client._connection.transport.base_url = f"http://127.0.0.1:{server.getsockname()[1]}"
    more = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(head + first)
            released.append(more.wait(10))
            connection.sendall(second)

    threading.Thread(target=serve, daemon=True).start()
    with requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10, stream=True) as answer:
        assert answer.raw.read(5) == b"first"
        more.set()
        assert answer.raw.read(5) == b"other"
    server.close()
    assert released == [True]


@pytest.mark.parametrize("framing", ["length", "chunked", "gzip"])
def test_the_token_is_masked_in_a_response_that_echoes_the_request(endpoint: Endpoint, framing: str) -> None:
    """As debugging pages and proxies do, here with the token in two pieces."""
    real = endpoint.access.token(endpoint.access.term).reveal()
    shown = f"you sent {real}, once more {real}, and {real[:9]} isn't a token {real[:20]}".encode()
    middle = shown.index(real.encode()) + 30
    pieces = shown[:middle], shown[middle:]
    head = f"HTTP/1.1 500 Internal Server Error\r\nX-Echo: Bearer {real}\r\n".encode()
    if framing == "chunked":
        body = b"".join(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in (*pieces, b""))
        answer = head + b"Transfer-Encoding: chunked\r\n\r\n" + body
    else:
        body = gzip.compress(shown) if framing == "gzip" else shown
        encoding = b"Content-Encoding: gzip\r\n" if framing == "gzip" else b""
        answer = head + encoding + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    headers = bearer(endpoint)
    with Listening([], answer) as url:
        endpoint.access.client._connection.transport.base_url = url
        got = requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10)
    stars = "*" * len(real)
    assert got.headers["X-Echo"] == f"Bearer {stars}"
    assert got.text == shown.decode().replace(real, stars)


SECOND = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"second":2}'
STOLEN = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"
PACKED = gzip.compress(b"the whole answer", mtime=0)


def packed(coding: str, body: bytes = PACKED) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def plain(*fields: str, body: bytes = b"first") -> bytes:
    return "".join(f"{each}\r\n" for each in ("HTTP/1.1 200 OK", *fields, "")).encode() + body


END = Upstream.END
# What the service answers first, and what the client gets for it: the body, a status, or CUT for one that shows it.
CUT = "cut"
FIRST: dict[str, tuple[bytes, bytes | int | str]] = {
    "gzip": (packed("gzip"), b"the whole answer"),
    "x-gzip": (packed("x-gzip"), b"the whole answer"),
    "gzip and identity": (packed("gzip, identity"), b"the whole answer"),
    "gzip twice": (packed("gzip, gzip", gzip.compress(PACKED, mtime=0)), b"the whole answer"),
    "gzip in chunks": (
        plain("Content-Encoding: x-gzip", "Transfer-Encoding: chunked", body=chunk(PACKED) + chunk(b"")),
        b"the whole answer",
    ),
    "gzip until the end": (plain("Content-Encoding: gzip", body=PACKED) + END, b"the whole answer"),
    "identity": (packed("identity", b"first"), b"first"),
    "brotli": (packed("br"), 502),
    "gzip and brotli": (packed("gzip, br"), 502),
    "zstd": (packed("zstd"), 502),
    "an unknown coding": (packed("x-unknown"), 502),
    "gzip that is cut": (packed("gzip", PACKED[:-4]), CUT),
    "gzip that is cut and in chunks": (
        plain("Content-Encoding: gzip", "Transfer-Encoding: chunked", body=chunk(PACKED[:-4]) + chunk(b"")),
        CUT,
    ),
    "gzip that is cut by the end": (plain("Content-Encoding: gzip", body=PACKED[:-4]) + END, CUT),
    "no gzip": (packed("gzip", b"first"), CUT),
    "more than gzip": (packed("gzip", PACKED + STOLEN), CUT),
    "no number": (plain("Content-Length: five"), 502),
    "a negative length": (plain("Content-Length: -5"), 502),
    "a sign": (plain("Content-Length: +5"), 502),
    "two lengths": (plain("Content-Length: 5", "Content-Length: 5"), 502),
    "two other lengths": (plain("Content-Length: 5", "Content-Length: 49", body=b"first" + STOLEN), 502),
    "two lengths in one": (plain("Content-Length: 5, 5"), 502),
    "an empty length": (plain("Content-Length: "), 502),
    "a length that is too long": (plain("Content-Length: 9") + END, CUT),
    "a length that is too short": (plain("Content-Length: 5", body=b"first" + STOLEN), b"first"),
    "a length and chunks": (plain("Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + STOLEN), 502),
    "a coding and chunks": (plain("Transfer-Encoding: gzip, chunked", body=b"5\r\nfirst\r\n0\r\n\r\n"), 502),
    "an unknown transfer coding": (plain("Transfer-Encoding: xchunked", body=b"first") + END, 502),
    "chunks": (plain("Transfer-Encoding: chunked", body=b"5;a=b\r\nfirst\r\n0\r\nX: y\r\n\r\n"), b"first"),
    "chunks that are cut": (plain("Transfer-Encoding: chunked", body=b"5\r\nfirst\r\n") + END, CUT),
    "a chunk that is cut": (plain("Transfer-Encoding: chunked", body=b"9\r\nfirst") + END, CUT),
    "no chunks": (plain("Transfer-Encoding: chunked", body=b"first\r\n"), CUT),
    "until the end": (plain(body=b"first") + END, b"first"),
    "a body after 204": (b"HTTP/1.1 204 No Content\r\nContent-Length: 49\r\n\r\n" + STOLEN, b""),
    "a body after 304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 49\r\n\r\n" + STOLEN, b""),
    "an answer after 101": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + STOLEN, 502),
    "an answer after 103": (b"HTTP/1.1 103 Early Hints\r\n\r\n" + STOLEN, 502),
    "a header over two lines": (plain("X-Folded: a", " Content-Length: 0", "Content-Length: 5"), b"first"),
    "a bare carriage return": (plain("X-Bare: a\rContent-Length: 0", "Content-Length: 5"), 502),
    "HTTP/0.9": (b"first" + END, 502),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nfirst" + END, b"first"),
    "nothing": (END, 502),
}


@pytest.mark.threat("mixes-up-answers")
@pytest.mark.parametrize("case", FIRST)
def test_two_responses_are_never_mixed_up(endpoint: Endpoint, case: str) -> None:
    """The client asks twice over one connection, without waiting in between."""
    answer, expected = FIRST[case]
    token = bearer(endpoint)["Authorization"]
    asked = head(endpoint, "GET /api/v1/users HTTP/1.1", token=token)
    last = head(endpoint, "GET /api/v1/roles HTTP/1.1", "Connection: close", token=token)
    with Upstream(answer, SECOND) as upstream, connected(endpoint) as connection, connection.makefile("rb") as stream:
        upstream.serve(endpoint)
        connection.sendall(asked + last)
        first, *others = received(stream, "GET", "GET")
    assert b"stolen" not in b"".join(each.body for each in (first, *others))
    assert [each.body for each in others if each.status == 200] == [each.body for each in others] != [b"first"]
    if expected == CUT:
        assert (first.whole, others) == (False, [])
    elif isinstance(expected, int):
        assert (first.status, first.whole, others) == (expected, True, [])
        assert "Could not GET /api/v1/users" in json.loads(first.body)["message"]
    else:
        assert (first.body, first.whole) == (expected, True)
        assert [each.body for each in others] == [b'{"second":2}']


@pytest.mark.threat("mixes-up-answers")
def test_the_response_to_head_has_no_body(endpoint: Endpoint) -> None:
    token = bearer(endpoint)["Authorization"]
    with Upstream(plain("Content-Length: 49", body=STOLEN), SECOND) as upstream, connected(endpoint) as connection:
        upstream.serve(endpoint)
        connection.sendall(head(endpoint, "HEAD /api/v1/users HTTP/1.1", token=token))
        connection.sendall(head(endpoint, "GET /api/v1/roles HTTP/1.1", "Connection: close", token=token))
        with connection.makefile("rb") as stream:
            first, second = received(stream, "HEAD", "GET")
    assert (first.status, first.headers["content-length"]) == (200, "49")
    assert second.body == b'{"second":2}'


def test_http_1_0_clients_get_a_response_of_unknown_length_until_the_connection_ends(endpoint: Endpoint) -> None:
    token = bearer(endpoint)["Authorization"]
    with Upstream(packed("gzip")) as upstream:
        upstream.serve(endpoint)
        answer = raw(endpoint, head(endpoint, "GET /api/v1/users HTTP/1.0", "Connection: keep-alive", token=token))
    assert b"chunked" not in answer
    assert answer.endswith(b"\r\n\r\nthe whole answer")


@pytest.mark.threat("reads-the-token")
@pytest.mark.parametrize("size", [7, 1000, 100_000])
def test_every_encoding_of_the_token_is_masked_in_a_response(endpoint: Endpoint, size: int) -> None:
    real = endpoint.access.token(endpoint.access.term).reveal()
    shown = [
        *(base64.b64encode(b"-" * before + real.encode() + b"---").decode() for before in range(3)),
        *(base64.urlsafe_b64encode(b"\xff" * before + real.encode()).decode() for before in range(3)),
        real.encode().hex(),
        real.encode().hex().upper(),
        quote(f"Bearer {real}", safe=""),
        "".join(f"%{byte:02X}" for byte in real.encode()),
    ]
    text = "\n".join(shown).encode()
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    chunks = b"".join(map(chunk, [*pieces, b""]))
    echoes = [f"X-Echo-{number}: {each}" for number, each in enumerate(shown)]
    headers = bearer(endpoint)
    with Upstream(plain(*echoes, "Transfer-Encoding: chunked", body=chunks)) as upstream:
        upstream.serve(endpoint)
        got = requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=30)
    everything = f"{got.headers}{got.text}"
    assert not [form for form in forms(real) if form in everything]
    assert len(got.content) == len(text)
    assert got.headers["X-Echo-9"] == "*" * 3 * len(real)
