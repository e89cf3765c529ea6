"""The audit records of sessions in Python, and the requests that the service received."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fusion_emulator import Emulator
from pulumi_fusion.sessions.audit import examine
from pulumi_fusion.sessions.clock import now
from tests.contract.cli.terminal import Terminal

REASON = "INC-1234 ingest check"


def audit(tmp_path: Path) -> list[dict[str, Any]]:
    found = examine((tmp_path / "audit.jsonl").read_bytes())
    assert found.breaks == []
    return [*found.records]


def last_record(terminal: Terminal) -> Mapping[str, Any]:
    """Return the latest record of the audit, as the command prints it."""
    record: Mapping[str, Any] = json.loads(terminal.run("audit", "--json").stdout.splitlines()[-1])
    return record


def changes(emulator: Emulator) -> list[str]:
    """Return the requests to the service except reads and token requests."""
    return [
        f"{each.method} {each.path}"
        for each in emulator.requests
        if each.method != "GET" and not each.path.endswith("/auth/token")
    ]


class Later:
    """The clock of sessions, which a test advances by ``by`` seconds, so that no session ends earlier."""

    by = 0.0

    def __call__(self) -> float:
        return now() + self.by
