"""The masquerade sessions that the audit file of the emulator's users records as running.

The file has a JSON object per line (masquerade.md, "Audit"). Only its last part is read, and what can't be a record is
skipped: the page shows what it can, `pulumi-fusion audit` verifies.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

__all__ = ["Audited", "audited"]

_PART: Final = 1 << 18
"""Bytes at the end of the file that are read: hundreds of records."""

_LONGEST: Final = 3600.0
"""Seconds that a session takes at most."""

_LONGEST_ID: Final = 64
"""Characters."""

_BEGINS: Final = ("start", "carried")
_PLACE: Final = ("boot_id", "pid_namespace")


@dataclass(frozen=True)
class Audited:
    """A session: its id, the customer, the mode, and its start and end in Unix seconds, as far as they are known."""

    id: str
    customer: str
    mode: str
    began: float
    ends: float


def audited(file: Path | None, *, now: float) -> tuple[list[Audited], list[Audited]]:
    """Return the sessions that run, and all whose start is in the last part of the file.

    Args:
        file: The audit file, which need not exist; None for no sessions.
        now: The machine's clock, in Unix seconds.
    """
    begun: dict[str, Audited] = {}
    running: dict[str, Audited] = {}
    for record in _records(file) if file else ():
        id_ = str(record.get("session"))[:_LONGEST_ID]
        if record.get("event") not in _BEGINS:
            running.pop(id_, None)
            continue
        session = _session(id_, record)
        if session is not None:
            begun[id_] = session
            if now < session.ends and _may_run(record):
                running[id_] = session
    return list(running.values()), list(begun.values())


def _records(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the complete lines of the last part of a file that are JSON objects."""
    try:
        # The path may be a pipe or a device, whose reading could wait forever.
        if not file.is_file():
            return
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _PART))
            if size > _PART:
                stream.readline()
            lines = stream.read(_PART).splitlines()
    except OSError:
        return
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def _session(id_: str, record: dict[str, Any]) -> Audited | None:
    customer, mode = record.get("customer"), record.get("mode")
    began = _timestamp(record.get("started", record.get("time")))
    if not isinstance(customer, str) or not isinstance(mode, str) or began is None:
        return None
    until = _timestamp(record.get("until"))
    ends = began + _LONGEST if until is None else min(until, began + _LONGEST)
    return Audited(id_, customer, mode, began, ends)


def _timestamp(text: object) -> float | None:
    """Return the Unix seconds of an ISO 8601 text with a zone, else None."""
    if not isinstance(text, str):
        return None
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return None if when.tzinfo is None else when.timestamp()
    except (ValueError, OverflowError):
        return None


def _may_run(record: dict[str, Any]) -> bool:
    """Return whether the process of a session may still run, which is known only on the same boot of a machine.

    A killed one can't record its end.
    """
    pid = record.get("pid")
    if type(pid) is not int or pid <= 0 or any(record.get(name) != here for name, here in _place()):
        return True
    try:
        born = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError, OverflowError):
        return False
    return record.get("born") in (None, born)


def _place() -> Iterator[tuple[str, str | None]]:
    """Yield the boot and the process namespace of this process as a record has them; None on systems without /proc."""
    try:
        yield "boot_id", Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        yield "pid_namespace", os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - not a path but a name
    except OSError:
        yield "boot_id", ""
