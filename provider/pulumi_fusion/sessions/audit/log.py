"""What a session writes to the audit, and what it finds out of it then."""

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
    Last,
    Record,
    examine,
    find_start,
    hash_of_start,
    later_record,
    new_record,
)
from pulumi_fusion.sessions.audit.file import locked
from pulumi_fusion.sessions.audit.liveness import STARTED, may_run
from pulumi_fusion.sessions.farewell import left_of

__all__ = ["AuditLog", "reason"]

_ELSEWHERE: Final = "Repair that, or name another file on a local disk with FUSION_AUDIT_FILE or --audit-file."

_MOST_NAMED: Final = 20


class AuditLog:
    """The audit file at ``path``, made with mode 0600 where it does not exist. Safe for several processes at once."""

    def __init__(self, path: Path) -> None:
        # The end of a session is written where its start is, whatever the working directory is by then.
        self.path = path.absolute()

    def start(self, session: str, facts: Mapping[str, Any]) -> str:
        """Write the start of a session, sync it, and return its hash. Raises NotAudited; the file is then as it was."""
        return self.append(START, session, facts)

    def append(self, event: str, session: str, facts: Mapping[str, Any]) -> str:
        """Write a record, sync it, and return its hash. Raises NotAudited; the file is then as it was."""
        try:
            with locked(self.path) as file:
                record = new_record(event, session, facts, file.last())
                file.append(record)
        except OSError as wrong:
            raise self._refused(wrong) from None
        return str(record["hash"])

    def end(self, session: str, start_hash: str, facts: Mapping[str, Any]) -> None:
        """Write the end of a session, with the hash of its start and whether that is in the file still.

        Raises AuditIncomplete where it can't be written, or where the start was removed or changed.
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
                next_step=f"{how} Find out what happened to the file before you open another session.",
            ) from None
        if found not in (PRESENT, CARRIED):
            what = "is not there any more" if found == MISSING else "was changed"
            raise AuditIncomplete(
                "find the start of the session in the audit, inside",
                f"{self.path}: the record that was written at the start {what}",
                shortname=customer,
                next_step=f"{how} Its end is recorded. Something changed the file while the session ran: "
                f"`pulumi-fusion audit --audit-file {self.path}` shows what is left.",
            )

    def close_dead(self) -> list[str]:
        """Record the sessions without an end that can't run any more, and return a sentence on each, at most 21.

        Raises NotAudited.
        """
        try:
            with locked(self.path, create=False) as file:
                last = file.last()
                dead = [start for start in examine(file.read()).open if not may_run(start)]
                records = []
                for start in dead:
                    records.append(_unclosed(start, last))
                    last = Last(records[-1]["sequence"], records[-1]["hash"])
                if records:
                    file.append(*records)
        except FileNotFoundError:
            return []
        except OSError as wrong:
            raise self._refused(wrong) from None
        more = len(dead) - _MOST_NAMED
        return [
            *(_sentence_on(start) for start in dead[:_MOST_NAMED]),
            *([f"the audit holds {more} more sessions without an end: `pulumi-fusion audit` lists them"] * (more > 0)),
        ]

    def _refused(self, wrong: OSError) -> NotAudited:
        return NotAudited(
            "write the audit record", reason(self.path, wrong), next_step=f"No session runs without one. {_ELSEWHERE}"
        )


def reason(path: Path, wrong: OSError) -> str:
    """Return what is wrong with an audit file and how to repair it, without the last full stop."""
    said = f"{path}: {wrong.strerror or type(wrong).__name__}"
    remedy = getattr(wrong, "remedy", "")
    if wrong.errno in (errno.EACCES, errno.EPERM):
        remedy = owner_problem(path, os.environ) or f"`chmod u+rw {path}` gives this user access to it."
    return f"{said}. {remedy.removesuffix('.')}" if remedy else said


def _how_it_ended(facts: Mapping[str, Any]) -> str:
    """Return a sentence with the exit code that the command itself had, where there was a command."""
    how, code = str(facts.get("ended")), facts.get("exit_code")
    if code is None:
        return f"The session is over ({how})."
    code_text = f"exit code {code}"
    return f"The session is over, and its command ended: {how if how == code_text else f'{how}, {code_text}'}."


def _unclosed(start: Record, last: Last) -> Record:
    ended = {"start_hash": hash_of_start(start), "ended": "no end was written: found at a later start"}
    return later_record(UNCLOSED, start, ended, last)


def _sentence_on(start: Record) -> str:
    customer, user = (capped(str(start.get(name))) for name in ("customer", "os_user"))
    since = capped(str(start.get(STARTED, start.get("time"))))
    return f"the audit holds a session without an end: inside {customer!r} by {user!r} since {since} ({left_of(start)})"
