"""The requests that are passed on, and those that are refused before anything is sent."""

from __future__ import annotations

import contextlib
import http.client

import pytest
import requests

from fusion_emulator import Emulator
from pulumi_fusion.sessions.endpoint import Endpoint
from tests.contract.sessions.endpoint.asking import bearer, raw
from tests.contract.sessions.endpoint.upstream import Listening


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writes_are_refused_before_anything_is_sent(endpoint: Endpoint, emulator: Emulator, method: str) -> None:
    answer = requests.request(
        method, f"{endpoint.url}/api/v1/customer/acme-east", headers=bearer(endpoint), json={}, timeout=10
    )
    assert answer.status_code == 403
    assert "the session is read-only" in answer.json()["message"]
    assert len(emulator.requests) == 0


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_turns_a_read_into_a_write(endpoint: Endpoint, header: str) -> None:
    seen: list[bytes] = []
    with Listening(seen) as url:
        endpoint.access.client._connection.transport.base_url = url
        asked = {**bearer(endpoint), header: "DELETE", "Cookie": "a=b", "X-Forwarded-For": "10.0.0.1"}
        requests.get(f"{endpoint.url}/api/v1/users", headers=asked, timeout=10)
    assert seen[0].startswith(b"GET /api/v1/users HTTP/1.1")
    for name in (header, "Cookie", "X-Forwarded-For"):
        assert name.lower().encode() not in seen[0].lower()


@pytest.mark.parametrize("kind", [{"Content-Type": "application/x-www-form-urlencoded"}, {}])
@pytest.mark.parametrize("session", ["endpoint", "writing"])
def test_no_form_turns_a_query_into_a_write(request: pytest.FixtureRequest, session: str, kind: dict[str, str]) -> None:
    endpoint: Endpoint = request.getfixturevalue(session)
    seen: list[bytes] = []
    with Listening(seen) as url:
        endpoint.access.client._connection.transport.base_url = url
        asked = {**bearer(endpoint), **kind}
        requests.post(f"{endpoint.url}/api/v1/search/flow", headers=asked, data=b"_method=DELETE", timeout=10)
    assert seen[0].lower().count(b"content-type: application/json\r\n") == 1
    assert b"form-urlencoded" not in seen[0]


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("/api/v1/users?name=Müller", "/api/v1/users?name=M%C3%BCller"),
        ("/api/v1/users?name=à…\u00c5&x=%20", "/api/v1/users?name=%C3%A0%E2%80%A6%C3%85&x=%20"),
        ("/api/v1/users?name=M%C3%BCller", "/api/v1/users?name=M%C3%BCller"),
        ("/api/v1/labels/ips/Büro", "/api/v1/labels/ips/B%C3%BCro"),
        ("/api/v1/users?share=100%&name=a%20b", "/api/v1/users?share=100%25&name=a%20b"),
        ("/api/v1/users?share=5%zz&name=a%20b", "/api/v1/users?share=5%25zz&name=a%20b"),
        ("/api/v1/users?a=%2B+b&c=%26", "/api/v1/users?a=%2B+b&c=%26"),
    ],
)
def test_a_path_is_encoded_once(endpoint: Endpoint, asked: str, sent: str) -> None:
    """Some tools send bytes that aren't ASCII, a few of which are white space in Latin-1."""
    seen: list[bytes] = []
    token = bearer(endpoint)["Authorization"]
    request_ = f"GET {asked} HTTP/1.1\r\nHost: 127.0.0.1:{endpoint.port}\r\nAuthorization: {token}\r\n"
    with Listening(seen) as url:
        endpoint.access.client._connection.transport.base_url = url
        assert raw(endpoint, f"{request_}Connection: close\r\n\r\n".encode()).split(b" ")[1] == b"204"
    assert seen[0].split(b"\r\n")[0].decode() == f"GET {sent} HTTP/1.1"


def test_searches_are_passed_on(endpoint: Endpoint, emulator: Emulator) -> None:
    requests.post(f"{endpoint.url}/api/v1/search/flow", headers=bearer(endpoint), json={"size": 1}, timeout=10)
    assert [f"{each.method} {each.path}" for each in emulator.requests] == ["POST /api/v1/search/flow"]


@pytest.mark.parametrize("path", ["/api/auth/bearer/refresh", "/api/v1/auth/token/", "/api/v1/%61uth/token"])
def test_other_token_routes_are_refused(writing: Endpoint, emulator: Emulator, path: str) -> None:
    headers = bearer(writing)
    emulator.requests.clear()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", writing.port, timeout=10)) as connection:
        connection.request("POST", path, body=b"{}", headers=headers)
        assert connection.getresponse().status == 403
    assert len(emulator.requests) == 0


@pytest.mark.parametrize(
    "request_",
    [
        "GET http://api.netography.com/api/v1/users HTTP/1.1\r\nHost: api.netography.com\r\n",
        "GET /api/v1/users HTTP/1.1\r\nHost: evil.example\r\n",
        "GET /api/v1/users HTTP/1.1\r\n",
        "CONNECT api.netography.com:443 HTTP/1.1\r\nHost: api.netography.com:443\r\n",
        "GET http://127.0.0.1:{port}/api/v1/users HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n",
        "CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n",
    ],
)
def test_other_hosts_are_refused(endpoint: Endpoint, emulator: Emulator, request_: str) -> None:
    token = bearer(endpoint)["Authorization"]
    asked = f"{request_.format(port=endpoint.port)}Authorization: {token}\r\nConnection: close\r\n\r\n"
    assert raw(endpoint, asked.encode()).split(b" ")[1] == b"403"
    assert len(emulator.requests) == 0
