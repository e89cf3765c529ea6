"""What an endpoint counts, for the audit and for the end of the session."""

from __future__ import annotations

from pathlib import Path

from pulumi_fusion.sessions.audit import AuditLog
from pulumi_fusion.sessions.endpoint import Endpoint
from tests.contract.sessions.endpoint.asking import bearer, raw


def test_a_child_cannot_fill_the_audit(endpoint: Endpoint, tmp_path: Path) -> None:
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
