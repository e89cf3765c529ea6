"""Audit files for the tests."""

from __future__ import annotations

from pathlib import Path

from pulumi_fusion.sessions.audit import AuditLog, examine, identity
from pulumi_fusion.sessions.audit.chain import END, START, ChainEnd, Examined, Record, line_of, new_record

FACTS = {"customer": "acme-corp", "reason": "INC-1234 ingest check", "ticket": None}
BEFORE = Path(__file__).with_name("before_this_format.jsonl")
"""Records in the format until 2026-11-27."""


def write(log: AuditLog, sessions: int = 3) -> None:
    for number in range(sessions):
        start_hash = log.start(f"s{number}", {**identity(), **FACTS})
        log.end(f"s{number}", start_hash, {**identity(), **FACTS, "ended": "exit code 0", "exit_code": 0})


def examined(log: AuditLog) -> Examined:
    return examine(log.path.read_bytes())


class Chain:
    """Return lines that are chained like those of the log, without a file."""

    def __init__(self, last: ChainEnd | None = None) -> None:
        self.lines: list[bytes] = []
        self._last = last or ChainEnd()

    def add(self, event: str, session: str, **facts: object) -> Record:
        record = new_record(event, session, {**FACTS, **facts}, self._last)
        self._last = ChainEnd(record["sequence"], record["hash"])
        self.lines.append(line_of(record))
        return record

    def session(self, name: str) -> Chain:
        start = self.add(START, name)
        self.add(END, name, start_hash=start["hash"], start_record="present", ended="exit code 0", exit_code=0)
        return self

    def bytes(self) -> bytes:
        return text_of(self.lines)


def text_of(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
