"""The counts of an endpoint, for the audit and for the end of the session."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest
import requests

from fusion_emulator import Emulator
from pulumi_fusion.sessions.audit import AuditLog
from pulumi_fusion.sessions.endpoint import Endpoint
from tests.contract.sessions.endpoint.asking import bearer, raw, secret, signed
from tests.contract.sessions.endpoint.upstream import Upstream


@pytest.mark.threat("fills-the-audit")
def test_a_client_cannot_fill_the_audit(endpoint: Endpoint, tmp_path: Path) -> None:
    headers = bearer(endpoint)["Authorization"]
    for number, line in enumerate([f"M{{}}{'x' * 7_000} /api/v1/users", f"GET /api/v1/{{}}{'x' * 7_000}"] * 5):
        asked = f"{line.format(number)} HTTP/1.1\r\nHost: 127.0.0.1:{endpoint.port}\r\nAuthorization: {headers}\r\n"
        assert raw(endpoint, f"{asked}Connection: close\r\n\r\n".encode()).startswith(b"HTTP/1.1 4")
    counts = endpoint.access.counts()
    raw(endpoint, f"GET /api/v1/{'x' * 60_000} HTTP/1.1\r\n".encode())
    assert counts["refused"] == {"methods": 5}
    assert counts["requests"] == {"GET": 5}
    log = AuditLog(tmp_path / "audit.jsonl")
    for event in ("end", "start"):
        log.append(event, endpoint.access.id, counts)
    assert len(log.path.read_bytes()) < 10_000


@pytest.mark.threat("hides-what-it-tried")
def test_each_kind_of_refusal_is_counted(endpoint: Endpoint, emulator: Emulator) -> None:
    fields, headers = secret(endpoint), bearer(endpoint)
    url, token = endpoint.url, headers["Authorization"]
    requests.post(f"{fields['url']}/auth/token", json=signed(fields, shortname="other-corp"), timeout=10)
    requests.post(f"{fields['url']}/auth/token", json={"jwt": "a.b.c"}, timeout=10)
    requests.get(f"{url}/api/v1/users", headers={"Authorization": "Bearer x"}, timeout=10)
    requests.delete(f"{url}/api/v1/customer/acme-east", headers=headers, timeout=10)
    requests.post(f"{url}/api/auth/bearer/refresh", headers=headers, timeout=10)
    requests.get(f"{url}/api/v1/users;a=b", headers=headers, timeout=10)
    requests.get(f"{url}/api/v1/users", headers=headers, data=b"x", timeout=10)
    requests.request("PURGE", f"{url}/api/v1/users", headers=headers, timeout=10)
    raw(endpoint, f"GET /api/v1/users HTTP/1.1\r\nHost: evil\r\nAuthorization: {token}\r\n\r\n".encode())
    assert endpoint.access.counts()["refused"] == {
        "other accounts": 1,
        "wrong credentials": 2,
        "writes": 1,
        "token routes": 1,
        "malformed paths": 1,
        "malformed requests": 1,
        "methods": 1,
        "other hosts": 1,
    }
    assert len(emulator.requests) == 0


# The answer of the service to a PUT, how often that changed something, and how often nobody knows.
@pytest.mark.parametrize(
    ("answer", "made", "unknown"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 1, 0),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 1, 0),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}" + Upstream.END, 1, 0),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}", 0, 0),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}", 0, 0),
        (b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 2\r\n\r\n{}", 0, 1),
        (b"HTTP/1.1 303 See Other\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 0, 1),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\n{}", 0, 1),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\n{}", 0, 1),
        (Upstream.END, 0, 1),
    ],
)
def test_changes_are_counted_by_the_response(writing: Endpoint, answer: bytes, made: int, unknown: int) -> None:
    headers = bearer(writing)
    with Upstream(answer) as upstream:
        upstream.serve(writing)
        with contextlib.suppress(requests.RequestException):
            requests.put(f"{writing.url}/api/v1/user/7", headers=headers, json={}, timeout=10)
    changes = writing.access.counts()["changes"]
    assert (changes["made"], changes["unknown"]) == (made, unknown)
    assert changes["made_paths"] == ({"PUT /api/v1/user/7": 1} if made else {})


def test_a_request_that_was_not_sent_counts_as_no_change(writing: Endpoint) -> None:
    headers = bearer(writing)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        writing.access.client._connection.transport.base_url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    got = requests.put(f"{writing.url}/api/v1/user/7", headers=headers, json={}, timeout=10)
    assert got.status_code == 503
    changes = writing.access.counts()["changes"]
    assert (changes["made"], changes["unknown"]) == (0, 0)
