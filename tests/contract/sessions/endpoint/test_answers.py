"""How an answer is passed on: whole, or visibly not, and without the token."""

from __future__ import annotations

import gzip
import socket
import threading

import pytest
import requests

from pulumi_fusion.sessions.endpoint import Endpoint
from tests.contract.sessions.endpoint.asking import bearer
from tests.contract.sessions.endpoint.upstream import listening


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
def test_answers_are_let_through_without_what_outlives_them(endpoint: Endpoint, answer: bytes, status: int) -> None:
    headers = bearer(endpoint)
    with listening([], answer) as url:
        endpoint.access.client._transport.base_url = url
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
def test_an_answer_comes_as_it_is_made(endpoint: Endpoint, head: bytes, first: bytes, second: bytes) -> None:
    """The first half is there while the service still holds the second back."""
    released: list[bool] = []
    server = socket.create_server(("127.0.0.1", 0))
    headers = bearer(endpoint)
    endpoint.access.client._transport.base_url = f"http://127.0.0.1:{server.getsockname()[1]}"
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
def test_a_service_that_shows_what_it_was_sent_gives_no_token_away(endpoint: Endpoint, framing: str) -> None:
    """As debugging pages and proxies do, here with the token in two pieces."""
    real = endpoint.access.token(endpoint.access.term).reveal()
    shown = f"you sent {real}, once more {real}, and {real[:9]} is no token {real[:20]}".encode()
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
    with listening([], answer) as url:
        endpoint.access.client._transport.base_url = url
        got = requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10)
    stars = "*" * len(real)
    assert got.headers["X-Echo"] == f"Bearer {stars}"
    assert got.text == shown.decode().replace(real, stars)
