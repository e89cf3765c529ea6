"""A session on the command line, from its terms to its end: everything between is released in the opposite order."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.sessions.access import Access, open_access
from pulumi_fusion.sessions.audit import AuditLog, identity
from pulumi_fusion.sessions.endpoint import Endpoint
from pulumi_fusion.sessions.red_line import Look, shell_with_line
from pulumi_fusion.sessions.scrubbing import scrubbed
from pulumi_fusion.sessions.supervision import Ended, supervise
from pulumi_fusion.sessions.terms import MARKER, MARKER_ID, Terms, spoken

__all__ = ["CANNOT_RUN", "RAW_TOKEN", "RAW_URL", "Child", "run_session"]

CANNOT_RUN: Final = 126
"""As shells say of a command that is there and cannot be run."""

RAW_TOKEN: Final = "FUSION_RAW_TOKEN"  # noqa: S105 - the name of a variable
RAW_URL: Final = "FUSION_RAW_URL"


@dataclass(frozen=True)
class Child:
    """What is to run: ``program`` is its file, ``arguments`` its argv, ``keep`` the variables of Pulumi that it keeps.

    ``shell`` says that it is an interactive shell, which then has the line in its prompt.
    """

    program: str
    arguments: Sequence[str]
    shell: bool
    keep: Collection[str] = ()


def run_session(
    fusion: FusionClient,
    terms: Terms,
    child: Child,
    log: AuditLog,
    *,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    look: Look,
) -> int:
    """Open the session, run the child in it, end it, and return the child's exit code.

    ``say`` writes text to stderr. Raises SessionRefused, NotAudited and what :func:`open_access` raises; the child was
    not started then.
    """
    for start in log.unclosed():
        say(look.line(_unclosed(start)) + "\n")
        log.append("unclosed", str(start["session"]), {**_kept(start), "ended": "no end was written: found at a start"})
    access = open_access(fusion, terms)
    ended = Ended(CANNOT_RUN, "it was not started")
    with contextlib.ExitStack() as stack:
        stack.callback(access.close)
        endpoint = Endpoint(access)
        stack.callback(endpoint.close)
        who = {**identity(), "face": "command line", **access.facts()}
        log.append("start", access.id, who)

        def close() -> None:
            access.close()
            fusion.close()
            endpoint.close()

        try:
            endpoint.start()
            ended = _run(access, endpoint, child, log, environ=environ, say=say, look=look, over=close)
        except OSError as wrong:
            ended = Ended(CANNOT_RUN, f"it could not be started: {wrong.strerror}")
        finally:
            close()
            counts = access.counts()
            say(look.title_back() + look.line(_farewell(terms.customer, ended, counts)) + "\n")
            log.append("end", access.id, {**who, "ended": ended.how, "exit_code": ended.code, **counts})
    return ended.code


def _run(
    access: Access,
    endpoint: Endpoint,
    child: Child,
    log: AuditLog,
    *,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    look: Look,
    over: Callable[[], None],
) -> Ended:
    terms, remaining = access.terms, access.term.remaining
    line = f"MASQUERADE {terms.customer} ({terms.mode})"
    until = datetime.now().astimezone() + timedelta(seconds=remaining())
    variables = {MARKER: terms.customer, MARKER_ID: access.id}
    if terms.raw_token:
        # Nothing between the child and the service holds it to anything: not to reading, and not to the end.
        variables |= {RAW_TOKEN: access.token(access.term).reveal(), RAW_URL: access.url}
        say(look.line("RAW TOKEN: the child gets the token itself, which can write and outlives this session.") + "\n")
    else:
        variables["NETOSECRET"] = endpoint.netosecret.reveal()
    with tempfile.TemporaryDirectory(prefix="fusion-masquerade-") as folder:
        arguments = child.arguments
        if child.shell:
            text = f"{line} from {access.home}"
            shell = shell_with_line(child.program, text, int(until.timestamp()), look, Path(folder), environ)
            arguments, variables = shell.command, {**shell.variables, **variables}
        say(look.title(line) + look.line(_welcome(access, line, until)) + "\n" + look.line(_why(terms, log)) + "\n")
        return supervise(
            child.program,
            arguments,
            {**scrubbed(environ, keep=child.keep), **variables},
            mark=f"{MARKER_ID}={access.id}",
            remaining=remaining,
            warn=lambda: say(f"\r\n{look.line(f'{line} ends in {spoken(remaining())}')}\r\n"),
            over=over,
        )


def _welcome(access: Access, line: str, until: datetime) -> str:
    left = spoken(access.term.remaining())
    return f"{line} from {access.home} as {access.appname}, until {until:%H:%M:%S} ({left})"


def _why(terms: Terms, log: AuditLog) -> str:
    ticket = f" [{terms.ticket}]" if terms.ticket else ""
    return f"reason: {terms.reason}{ticket}; audit: {log.path}"


def _farewell(customer: str, ended: Ended, counts: Mapping[str, Any]) -> str:
    sent = ", ".join(f"{count} {method}" for method, count in sorted(counts["requests"].items())) or "no requests"
    refused = f", {sum(counts['refused'].values())} refused" if counts["refused"] else ""
    return f"MASQUERADE ENDED {customer} after {spoken(counts['seconds'])}: {ended.how}; {sent}{refused}"


def _unclosed(start: Mapping[str, Any]) -> str:
    return (
        f"the audit holds a session without an end: inside {start.get('customer')!r} by {start.get('os_user')!r} since "
        f"{start.get('time')} (its process is gone, and its access with it)"
    )


def _kept(start: Mapping[str, Any]) -> dict[str, Any]:
    """Who was whom in a session, from its start record."""
    chain = ("sequence", "event", "session", "time", "previous", "hash")
    return {name: value for name, value in start.items() if name not in chain}
