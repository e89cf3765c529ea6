"""How a request is passed on: its headers and its body."""

from __future__ import annotations

import contextlib
import gzip
import socket

import pytest
import requests

from fusion_emulator import Emulator
from pulumi_fusion.sessions.endpoint import Endpoint
from tests.contract.sessions.endpoint.asking import bearer, connected, head, raw, rest
from tests.contract.sessions.endpoint.upstream import Listening, Upstream

GUARDS = {
    "If-Match": '"one", "two"',
    "If-Unmodified-Since": "Fri, 27 Nov 2026 12:00:00 GMT",
    "If-None-Match": "*",
    "If-Modified-Since": "Fri, 27 Nov 2026 11:00:00 GMT",
    "Idempotency-Key": '"a-key"',
    "Prefer": "return=minimal",
    "Cache-Control": "no-cache",
    "Accept-Language": "de",
    "Content-Language": "en",
}


def lines(request: bytes) -> list[str]:
    return request.partition(b"\r\n\r\n")[0].decode("latin-1").lower().split("\r\n")


def test_conditional_headers_are_passed_on(writing: Endpoint) -> None:
    """A service that doesn't receive If-Match overwrites the change of another client."""
    seen: list[bytes] = []
    headers = {**bearer(writing), **GUARDS}
    with Listening(seen) as url:
        writing.access.client._connection.transport.base_url = url
        requests.put(f"{writing.url}/api/v1/customer/acme-east", headers=headers, json={}, timeout=10)
    assert {f"{name}: {value}".lower() for name, value in GUARDS.items()} <= {*lines(seen[0])}


def test_all_lines_of_a_list_header_are_passed_on(writing: Endpoint) -> None:
    seen: list[bytes] = []
    token = bearer(writing)["Authorization"]
    asked = 'DELETE /api/v1/customer/acme-east HTTP/1.1\r\nIf-Match: "one"\r\nIf-Match: "two"\r\n'
    asked += "Content-Type: application/json\r\nContent-Type: text/html\r\n"
    asked += f"Host: 127.0.0.1:{writing.port}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
    with Listening(seen) as url:
        writing.access.client._connection.transport.base_url = url
        assert raw(writing, asked.encode()).split(b" ")[1] == b"204"
    assert 'if-match: "one", "two"' in lines(seen[0])
    assert "content-type: application/json" in lines(seen[0])


def test_range_requests_are_not_passed_on(endpoint: Endpoint) -> None:
    """Otherwise a client could fetch the token in parts, unmasked, from a service that echoes the request."""
    seen: list[bytes] = []
    headers = {**bearer(endpoint), "Range": "bytes=0-9", "If-Range": '"one"'}
    with Listening(seen) as url:
        endpoint.access.client._connection.transport.base_url = url
        requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10)
    assert not [line for line in lines(seen[0]) if line.startswith(("range:", "if-range:"))]


@pytest.mark.threat("writes-read-only")
def test_a_body_that_the_service_ignores_does_not_become_a_request(endpoint: Endpoint) -> None:
    """The body is the beginning of a request, which the next one over the same connection would complete."""
    seen: list[bytes] = []
    headers = bearer(endpoint)
    with Listening(seen, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as url:
        endpoint.access.client._connection.transport.base_url = url
        smuggled = b"DELETE /api/v1/customer/acme-east HTTP/1.1\r\nX-Rest: "
        assert requests.post(f"{endpoint.url}/api/v1/search/flow", headers=headers, data=smuggled, timeout=10).ok
        with contextlib.suppress(requests.RequestException):
            requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=1)
    [connection] = seen
    assert connection.count(b"Authorization: Bearer ") == 1


@pytest.mark.threat("writes-read-only")
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_read_with_a_body_is_refused(endpoint: Endpoint, emulator: Emulator, method: str, *, chunked: bool) -> None:
    """Servers that ignore the body read it as the next request."""
    smuggled = b"DELETE /api/v1/customer/acme-east HTTP/1.1\r\nX-Rest: "
    data = iter([smuggled]) if chunked else smuggled
    answer = requests.request(method, f"{endpoint.url}/api/v1/users", headers=bearer(endpoint), data=data, timeout=10)
    assert answer.status_code == 400
    assert method == "HEAD" or f"a {method} with a body is read differently" in answer.json()["message"]
    assert answer.headers["Connection"] == "close"
    assert len(emulator.requests) == 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_a_content_length_of_zero_is_allowed_for_every_method(
    writing: Endpoint, emulator: Emulator, method: str
) -> None:
    """Axios and others send it."""
    headers = {**bearer(writing), "Content-Length": "0", "Content-Type": "application/json"}
    answer = requests.request(method, f"{writing.url}/api/v1/customer/acme-east", headers=headers, timeout=10)
    assert answer.status_code in (200, 204)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("session", ["endpoint", "writing"])
def test_a_compressed_body_arrives_as_it_was_sent(
    request: pytest.FixtureRequest, session: str, *, chunked: bool
) -> None:
    running: Endpoint = request.getfixturevalue(session)
    seen: list[bytes] = []
    packed = gzip.compress(b'{"size": 1}')
    headers = {**bearer(running), "Content-Type": "application/json", "Content-Encoding": "gzip"}
    with Listening(seen) as url:
        running.access.client._connection.transport.base_url = url
        data = iter([packed[:7], packed[7:]]) if chunked else packed
        requests.post(f"{running.url}/api/v1/search/flow", headers=headers, data=data, timeout=10)
    assert "content-encoding: gzip" in lines(seen[0])
    assert (packed[:7] in seen[0] and packed[7:] in seen[0]) if chunked else seen[0].endswith(packed)


@pytest.mark.parametrize("coding", ["gzip, chunked", "xchunked", "identity", "chunked\r\nTransfer-Encoding: chunked"])
def test_a_transfer_coding_that_would_be_lost_is_refused(writing: Endpoint, emulator: Emulator, coding: str) -> None:
    token = bearer(writing)["Authorization"]
    emulator.requests.clear()
    asked = f"PUT /api/v1/customer/acme-east HTTP/1.1\r\nTransfer-Encoding: {coding}\r\n"
    asked += f"Host: 127.0.0.1:{writing.port}\r\nAuthorization: {token}\r\n\r\n0\r\n\r\n"
    answer = raw(writing, asked.encode())
    assert answer.split(b" ")[1] in (b"400", b"501")
    assert b"its Transfer-Encoding is not chunked alone" in answer or b"Invalid `Transfer-Encoding`" in answer
    assert len(emulator.requests) == 0


def test_the_rest_of_a_body_does_not_become_a_request(writing: Endpoint) -> None:
    """The service answers before it has read the body, and closes the connection."""
    token = bearer(writing)["Authorization"]
    early = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\n{}" + Upstream.CUT
    asked = head(writing, "PUT /api/v1/labels/ips/upload HTTP/1.1", "Content-Length: 50000000", token=token)
    smuggled = head(writing, "DELETE /api/v1/customer/acme-east HTTP/1.1", token=token)
    with Upstream(early, b"HTTP/1.1 204 No Content\r\n\r\n") as upstream, connected(writing) as connection:
        upstream.serve(writing)
        with contextlib.suppress(ConnectionError):
            connection.sendall(asked + smuggled + b" " * 20_000_000)
        with contextlib.suppress(ConnectionError):
            assert rest(connection).count(b"HTTP/1.1 ") <= 1
    assert [each.split(b" ")[0] for each in upstream.heads] == [b"PUT"]


def test_expect_100_continue_is_answered(writing: Endpoint, emulator: Emulator) -> None:
    token = bearer(writing)["Authorization"]
    asked = "PUT /api/v1/customer/access-allowed-ips HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 14\r\n"
    asked += f"Host: 127.0.0.1:{writing.port}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", writing.port), timeout=10) as connection:
        connection.sendall(asked.encode())
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b'["10.1.2.3/32"]'[:14])
        assert connection.recv(65536).startswith(b"HTTP/1.1 ")
    assert len(emulator.requests.of("PUT", "/customer/access-allowed-ips")) == 1


def test_large_bodies_are_passed_on_and_back(writing: Endpoint, emulator: Emulator) -> None:
    addresses = [f"10.0.{n // 250}.{n % 250}" for n in range(20_000)]
    path = f"{writing.url}/api/v1/customer/access-allowed-ips"
    answer = requests.put(path, json=addresses, headers=bearer(writing), timeout=30)
    assert answer.status_code == 201, answer.text
    assert answer.json() == addresses
    kept = emulator.account("acme-corp")
    assert kept is not None
    assert list(kept.allowed_ips) == addresses


def test_a_chunked_body_is_passed_on(writing: Endpoint) -> None:
    pieces = [f"piece {number}".encode() * 1000 for number in range(5)]
    headers = bearer(writing)
    seen: list[bytes] = []
    with Listening(seen) as url:
        writing.access.client._connection.transport.base_url = url
        answer = requests.put(f"{writing.url}/api/v1/labels/ips/upload", data=iter(pieces), headers=headers, timeout=10)
    assert answer.status_code == 204
    assert b"transfer-encoding: chunked" in seen[0].lower()
    assert all(piece[:16] in seen[0] for piece in pieces)
