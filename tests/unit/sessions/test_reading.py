"""Requests as the endpoint of a session reads them, byte by byte."""

from __future__ import annotations

import io

import pytest

from pulumi_fusion.sessions.reading import MalformedError, Request

GET = b"GET /api/v1/users?a=b HTTP/1.1\r\nHost: x\r\nAccept: a\r\naccept: b\r\n\r\n"
SIZED = b"PUT /api/v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"PUT /api/v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
    [b"3;a=b\r\nhel\r\n", b"2\r\nlo\r\n", b"0\r\nX: y\r\n\r\n"]
)


def stream(data: bytes) -> io.BufferedReader:
    return io.BufferedReader(io.BytesIO(data))


def read(source: io.BufferedReader) -> tuple[Request, bytes]:
    request = Request(source)
    request.read_head()
    body = b""
    while piece := request.read(4):
        body += piece
    return request, body


def test_a_request_is_read_with_its_fields() -> None:
    request, body = read(stream(GET))
    assert (request.method, request.target, request.length, body) == ("GET", "/api/v1/users?a=b", 0, b"")
    assert request.fields == {"host": ["x"], "accept": ["a", "b"]}
    assert (request.value("accept"), request.value("cookie")) == ("a", "")
    assert not request.is_last


@pytest.mark.parametrize(
    "first", [GET, SIZED, CHUNKED, CHUNKED.replace(b"Host", b"Connection: upgrade\r\nUpgrade: h2c\r\nHost")]
)
def test_the_next_request_begins_where_one_ends(first: bytes) -> None:
    source = stream(first + GET)
    assert read(source)[1] == (b"" if first == GET else b"hello")
    assert read(source)[0].target == "/api/v1/users?a=b"
    assert source.read() == b""


@pytest.mark.parametrize(
    ("fields", "is_last"),
    [
        ("", False),
        ("Connection: keep-alive\r\n", False),
        ("Connection: close\r\n", True),
        ("connection: x, CLOSE\r\n", True),
    ],
)
def test_the_client_may_end_the_connection(fields: str, *, is_last: bool) -> None:
    assert read(stream(f"GET / HTTP/1.1\r\n{fields}\r\n".encode()))[0].is_last == is_last


def test_before_http_1_1_a_connection_has_one_request() -> None:
    assert read(stream(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"))[0].is_last


@pytest.mark.parametrize("size", range(len(SIZED) - 5, len(SIZED)))
def test_a_body_that_is_cut_short_is_an_error(size: int) -> None:
    with pytest.raises(ConnectionError):
        read(stream(SIZED[:size]))


@pytest.mark.parametrize("size", [1, 20, len(GET) - 1])
def test_a_head_that_is_cut_short_is_refused(size: int) -> None:
    with pytest.raises(MalformedError, match="cut short"):
        read(stream(GET[:size]))
