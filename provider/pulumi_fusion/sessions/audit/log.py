"""Record the start and end of sessions, and the sessions that ended without recording their end."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pulumi_fusion.errors import AuditIncomplete, NotAudited, capped
from pulumi_fusion.paths import owner_problem
from pulumi_fusion.sessions.audit.chain import (
    CARRIED,
    END,
    MISSING,
    PRESENT,
    START,
    UNCLOSED,
    ChainEnd,
    Record,
    examine,
    find_start,
    hash_of_start,
    later_record,
    new_record,
)
from pulumi_fusion.sessions.audit.file import locked
from pulumi_fusion.sessions.audit.liveness import STARTED, may_run
from pulumi_fusion.sessions.end_report import remaining_access

__all__ = ["AuditLog", "reason"]

_REPAIR: Final = "Repair that, or name another file on a local disk with FUSION_AUDIT_FILE or --audit-file."

_MOST_NAMED: Final = 20


class AuditLog:
    """The audit file at ``path``, created with mode 0600 if it doesn't exist. Safe for concurrent processes."""

    def __init__(self, path: Path) -> None:
        # The working directory may change until the end of a session is recorded.
        self.path = path.absolute()

    def start(self, session: str, facts: Mapping[str, Any]) -> str:
        """Record the start of a session and return its hash. Raises NotAudited; the file is unchanged then."""
        return self.append(START, session, facts)

    def append(self, event: str, session: str, facts: Mapping[str, Any]) -> str:
        """Append and sync a record, and return its hash. Raises NotAudited; the file is unchanged then."""
        try:
            with locked(self.path) as file:
                record = new_record(event, session, facts, file.last())
                file.append(record)
        except OSError as wrong:
            raise self._refused(wrong) from None
        return str(record["hash"])

    def end(self, session: str, start_hash: str, facts: Mapping[str, Any]) -> None:
        """Record the end of a session, with the hash of its start and whether that is still in the file.

        Raises AuditIncomplete if it can't be written, or if the start was removed or changed.
        """
        customer, how = facts.get("customer"), _how_it_ended(facts)
        try:
            with locked(self.path) as file:
                found = find_start(file.lines_backwards(), session, start_hash)
                ended = {**facts, "start_hash": start_hash, "start_record": found}
                file.append(new_record(END, session, ended, file.last()))
        except OSError as wrong:
            raise AuditIncomplete(
                "write the end of the session to the audit, inside",
                reason(self.path, wrong),
                shortname=customer,
                next_step=f"{how} Check what happened to the file before you open another session.",
            ) from None
        if found not in (PRESENT, CARRIED):
            what = "was removed" if found == MISSING else "was changed"
            raise AuditIncomplete(
                "find the start of the session in the audit, inside",
                f"{self.path}: the record of the start {what}",
                shortname=customer,
                next_step=f"{how} Its end is recorded. Something changed the file while the session ran: "
                f"`pulumi-fusion audit --audit-file {self.path}` shows what is left.",
            )

    def close_dead(self) -> list[str]:
        """Record sessions without an end that can't run any more, and return a sentence on each, at most 21.

        Raises NotAudited.
        """
        try:
            with locked(self.path, create=False) as file:
                last = file.last()
                dead = [start for start in examine(file.read()).open if not may_run(start)]
                records = []
                for start in dead:
                    records.append(_unclosed(start, last))
                    last = ChainEnd(records[-1]["sequence"], records[-1]["hash"])
                if records:
                    file.append(*records)
        except FileNotFoundError:
            return []
        except OSError as wrong:
            raise self._refused(wrong) from None
        more = len(dead) - _MOST_NAMED
        return [
            *(_sentence_on(start) for start in dead[:_MOST_NAMED]),
            *([f"the audit has {more} more sessions without an end: `pulumi-fusion audit` lists them"] * (more > 0)),
        ]

    def _refused(self, wrong: OSError) -> NotAudited:
        return NotAudited(
            "write the audit record", reason(self.path, wrong), next_step=f"No session runs without one. {_REPAIR}"
        )


def reason(path: Path, wrong: OSError) -> str:
    """Return a sentence on what is wrong with an audit file and how to repair it, without the full stop."""
    problem = f"{path}: {wrong.strerror or type(wrong).__name__}"
    remedy = getattr(wrong, "remedy", "")
    if wrong.errno in (errno.EACCES, errno.EPERM):
        remedy = owner_problem(path, os.environ) or f"`chmod u+rw {path}` gives this user access to it."
    return f"{problem}. {remedy.removesuffix('.')}" if remedy else problem


def _how_it_ended(facts: Mapping[str, Any]) -> str:
    """Return a sentence on the end of the session, with the exit code of its command if it had one."""
    how, code = str(facts.get("ended")), facts.get("exit_code")
    if code is None:
        return f"The session is over ({how})."
    code_text = f"exit code {code}"
    return f"The session is over, and its command ended: {how if how == code_text else f'{how}, {code_text}'}."


def _unclosed(start: Record, last: ChainEnd) -> Record:
    ended = {"start_hash": hash_of_start(start), "ended": "no end was recorded: found at a later start"}
    return later_record(UNCLOSED, start, ended, last)


def _sentence_on(start: Record) -> str:
    customer, user = (capped(str(start.get(name))) for name in ("customer", "os_user"))
    since = capped(str(start.get(STARTED, start.get("time"))))
    access = remaining_access(start)
    return f"the audit has a session without an end: inside {customer!r} by {user!r} since {since} ({access})"
