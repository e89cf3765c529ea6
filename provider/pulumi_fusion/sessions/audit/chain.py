"""The records of the audit and their chain: make them, and find what is wrong with a file. Pure functions."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Final, NamedTuple

from pulumi_fusion.errors import capped
from pulumi_fusion.redaction import redact

__all__ = [
    "CARRIED",
    "CHANGED",
    "END",
    "LONGEST_LINE",
    "MISSING",
    "PRESENT",
    "ROTATED",
    "SHORTEST_LINE",
    "START",
    "UNCLOSED",
    "Break",
    "ChainEnd",
    "Examined",
    "Record",
    "examine",
    "find_start",
    "hash_of_start",
    "last_record",
    "later_record",
    "line_of",
    "new_record",
]

Record = dict[str, Any]

START: Final = "start"
END: Final = "end"
UNCLOSED: Final = "unclosed"
"""The event that a later session records for a session whose process ended without recording an end."""
ROTATED: Final = "rotated"
"""The event of the first record after a rotation. It continues the chain of the archive that it names."""
CARRIED: Final = "carried"
"""The event of a session that had no end at a rotation: its start is in the archive, and its end will follow here."""

PRESENT: Final = "present"
MISSING: Final = "missing"
CHANGED: Final = "changed"
"""PRESENT, MISSING, CHANGED and CARRIED are states of a start record, as the end record of its session has them."""

LONGEST_LINE: Final = 4 * 1024 * 1024
"""Bytes, more than a record can have: a few times 100 paths of 300 characters, each of up to 12 bytes."""

SHORTEST_LINE: Final = 128
"""Bytes. The two hashes alone make a record longer."""

_LONGEST_LATER: Final = 64 * 1024
"""Bytes of a record that repeats a start, more than it can have: a few texts of at most 500 characters."""

_LONGEST_SESSION: Final = 64
"""The most characters of the id of a session."""

_LONG_LINES: Final = re.compile(rb"^.{%d,}" % SHORTEST_LINE, re.MULTILINE)
_CHAIN: Final = frozenset({"sequence", "event", "session", "time", "previous", "hash"})
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_HIGHEST: Final = 2**53 - 1  # the highest whole number that every reader of JSON keeps exactly


class ChainEnd(NamedTuple):
    """The end of a chain: the sequence number and hash of its last record."""

    sequence: int = 0
    hash: str = "0" * 64

    def follows(self, record: Record) -> bool:
        """Return whether ``record`` is the next one."""
        return record.get("previous") == self.hash and record["sequence"] == self.next_sequence()

    def next_sequence(self) -> int:
        """Return the number of the next record; after the highest, which may be forged, it is 1."""
        return self.sequence + 1 if self.sequence < _HIGHEST else 1


def new_record(event: str, session: str, facts: Mapping[str, Any], last: ChainEnd) -> Record:
    """Return the record that follows ``last``, with known secrets masked in its texts."""
    masked = {name: redact(value) if isinstance(value, str) else value for name, value in facts.items()}
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = {"sequence": last.next_sequence(), "event": event, "session": session, "time": now}
    record = {**head, **masked, "previous": last.hash}
    return {**record, "hash": _hash(record)}


def line_of(record: Record) -> bytes:
    """Return the only accepted encoding of a record, without the end of the line."""
    return json.dumps(record, ensure_ascii=True).encode()


def later_record(event: str, start: Record, facts: Mapping[str, Any], last: ChainEnd) -> Record:
    """Return the record that follows ``last`` on the session of ``start``, with the facts of that start.

    A forged start may be too long or too deeply nested to be written again. Then its facts are left out, so that it
    can't block later records.
    """
    own = {name: value for name, value in start.items() if name not in _CHAIN}
    with contextlib.suppress(RecursionError):
        record = new_record(event, start["session"], {**own, **facts}, last)
        if len(line_of(record)) <= _LONGEST_LATER:
            return record
    return new_record(event, start["session"], {"start_record": CHANGED}, last)


def hash_of_start(record: Record) -> str | None:
    """Return the hash of this start record, or of the one that this record carries over."""
    found = record.get("start_hash") if record.get("event") == CARRIED else record["hash"]
    return found if isinstance(found, str) else None


def _hash(record: Record, *, sort_keys: bool = False) -> str:
    rest = {name: value for name, value in record.items() if name != "hash"}
    return hashlib.sha256(json.dumps(rest, sort_keys=sort_keys, separators=(",", ":")).encode()).hexdigest()


def _parsed(line: bytes) -> Record | None:
    """Return the record of a line, whether changed or not; None if it can't be part of a chain."""
    if len(line) > LONGEST_LINE or not line.startswith(b"{"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or type(sequence := record.get("sequence")) is not int:
        return None
    own = record.get("hash")
    chained = 0 < sequence <= _HIGHEST and isinstance(own, str) and _HASH.fullmatch(own)
    session = record.get("session")
    named = isinstance(session, str) and len(session) <= _LONGEST_SESSION
    return record if chained and named else None


def _is_whole(record: Record, line: bytes) -> bool:
    """Return whether no byte of the line was changed after it was written.

    The hash covers the members in their order; the comparison with :func:`line_of` covers white space, escapes and
    duplicate members. Until 2026-11-27 the hash covered the members sorted by name.
    """
    try:
        return line == line_of(record) and record["hash"] in (_hash(record), _hash(record, sort_keys=True))
    except (ValueError, RecursionError):
        return False


def last_record(backwards: Iterable[bytes]) -> Record | None:
    """Return the last record of a file, or None if it has none; the lines are given in reverse order."""
    return next((record for line in backwards if (record := _parsed(line)) is not None), None)


def find_start(backwards: Iterable[bytes], session: str, start_hash: str) -> str:
    """Return the state of a session's start record: PRESENT, CARRIED over by a rotation, CHANGED or MISSING."""
    found = MISSING
    for line in backwards:
        record = _parsed(line) if session.encode() in line else None
        if record is None or record["session"] != session or record.get("event") not in (START, CARRIED):
            continue
        if hash_of_start(record) == start_hash and _is_whole(record, line):
            return PRESENT if record["event"] == START else CARRIED
        found = CHANGED
    return found


@dataclass(frozen=True)
class Break:
    """Something wrong with a file: the number of the line, from 1, and a clause about it."""

    line: int
    what: str


@dataclass(frozen=True)
class Examined:
    """The content of an audit file: its records, what is wrong, and the starts of sessions without an end."""

    records: Sequence[Record]
    breaks: Sequence[Break]
    open: Sequence[Record]

    @property
    def rotated(self) -> Record | None:
        """The record that continues an archive, or None."""
        return self.records[0] if self.records and self.records[0].get("event") == ROTATED else None


def examine(data: bytes) -> Examined:
    """Read all bytes of an audit file and check its chain. Never raises: each problem becomes a break.

    Only a line feed ends a line; ``bytes.splitlines`` would hide that a carriage return was added.
    """
    reading, place, number = _Reading(), 0, 1
    for found in _LONG_LINES.finditer(data):
        number += data.count(b"\n", place, found.start())
        place = found.start()
        reading.take(number, found.group())
    reading.finish(data)
    return Examined(reading.records, reading.breaks, [*reading.open.values()])


@dataclass
class _Reading:
    records: list[Record] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    open: dict[str, Record] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    last: ChainEnd = field(default_factory=ChainEnd)
    number: int = 0
    """The line of the last record."""

    def take(self, number: int, line: bytes) -> None:
        """Read the next line that is long enough to be a record."""
        record = _parsed(line)
        if record is None:
            return
        self._report_others(number)
        self.number = number
        if number == 1 and record.get("event") == ROTATED:
            # It continues the chain of another file.
            wrong = "" if _is_whole(record, line) else "it was changed after it was written"
        else:
            wrong = self._of_chain(record, line)
        also_wrong = self._of_session(record)
        self.last = ChainEnd(record["sequence"], record["hash"])
        self.records.append(record)
        self.breaks += [Break(number, what) for what in (wrong, also_wrong) if what]

    def finish(self, data: bytes) -> None:
        """Report problems at the end of the file."""
        lines = data.count(b"\n") + (not data.endswith(b"\n"))
        if not data:
            self.breaks.append(Break(1, "the file is empty: its records were removed, or none was ever written"))
        elif self.number == lines and not data.endswith(b"\n"):
            self.breaks.append(Break(lines, "the end of this line is missing"))
        else:
            self._report_others(lines + 1)

    def _report_others(self, number: int) -> None:
        """Report the lines before ``number`` that aren't records, as one break, since they may be millions."""
        first, last = self.number + 1, number - 1
        if first == last:
            self.breaks.append(Break(first, "it isn't an audit record, or was cut short"))
        elif first < last:
            self.breaks.append(Break(first, f"from here to line {last} there are no audit records"))

    def _of_chain(self, record: Record, line: bytes) -> str:
        if not _is_whole(record, line):
            return "it was changed after it was written"
        if not self.last.follows(record):
            return "records before it were removed, added or moved"
        return ""

    def _of_session(self, record: Record) -> str:
        event = record.get("event")
        if event in (START, CARRIED):
            return self._begins(record)
        if event in (END, UNCLOSED):
            return self._ends(record)
        return "only the first record of a file follows a rotation" if event == ROTATED and self.records else ""

    def _begins(self, record: Record) -> str:
        session = record["session"]
        if session in self.open or session in self.closed:
            return f"it is a second start of the session {capped(session)!r}"
        self.open[session] = record
        if record["event"] == CARRIED and not (
            self.records and all(each.get("event") in (ROTATED, CARRIED) for each in self.records)
        ):
            return f"it carries the session {capped(session)!r} over, and no rotation is before it"
        return ""

    def _ends(self, record: Record) -> str:
        session = record["session"]
        start, name = self.open.pop(session, None), repr(capped(session))
        if start is None:
            kind = "a second end" if session in self.closed else "an end without a start"
            self.closed.add(session)
            return f"it is {kind} of the session {name}"
        self.closed.add(session)
        if (found := record.get("start_record", PRESENT)) not in (PRESENT, CARRIED):
            return f"the start of the session {name} was {capped(str(found))} when it ended"
        if record.get("start_hash", hash_of_start(start)) != hash_of_start(start):
            return f"it belongs to another start of the session {name} than the one in this file"
        return ""
