"""A session on the command line, from its terms to its end: everything between is released in the opposite order."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.errors import AuditIncomplete, FusionError
from pulumi_fusion.paths import home
from pulumi_fusion.redaction import redact
from pulumi_fusion.sessions.access import Access, open_access
from pulumi_fusion.sessions.audit import AuditLog, identity
from pulumi_fusion.sessions.endpoint import Endpoint
from pulumi_fusion.sessions.farewell import access_is_over, farewell, last_words, outliving, raw_token_works
from pulumi_fusion.sessions.multiplexers import outside
from pulumi_fusion.sessions.red_line import Banner, Look
from pulumi_fusion.sessions.scrubbing import past_the_proxy, scrubbed
from pulumi_fusion.sessions.shells import Shell, shell_with_line, shell_without_line
from pulumi_fusion.sessions.supervision import FAILED, Child, Ended, Noticed, noticed, supervise
from pulumi_fusion.sessions.terms import MARKER, MARKER_ID, Terms, spoken

__all__ = ["CANNOT_RUN", "RAW_TOKEN", "RAW_URL", "Command", "run_session"]

CANNOT_RUN: Final = 126
"""As shells say of a command that is there and cannot be run."""

# Processes that are named one by one at the end of a session.
_NAMES: Final = 10

_PREFIX: Final = "fusion-masquerade-"

RAW_TOKEN: Final = "FUSION_RAW_TOKEN"  # noqa: S105 - the name of a variable
RAW_URL: Final = "FUSION_RAW_URL"


@dataclass(frozen=True)
class Command:
    """What is to run: ``program`` is its file, ``arguments`` its argv, ``keep`` the variables of Pulumi that it keeps.

    ``shell`` says that it is an interactive shell, which then has the line at its prompt; ``may_stop`` that this
    process stops with it, as after Ctrl-Z.
    """

    program: str
    arguments: Sequence[str]
    shell: bool
    keep: Collection[str] = ()
    may_stop: bool = True


def run_session(
    fusion: FusionClient,
    terms: Terms,
    command: Command,
    log: AuditLog,
    *,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    look: Look,
    exposed: Sequence[str] = (),
) -> int:
    """Open the session, run the command in it, end it, and return the command's exit code, or FAILED.

    ``say`` writes text to stderr and does not raise, ``exposed`` names where the command can read the credential, for
    the audit. Raises SessionRefused, NotAudited and what :func:`open_access` raises; the command was not started then.
    """
    for sentence in log.close_dead():
        say(look.line(sentence))
    access = open_access(fusion, terms)
    ended = Ended(CANNOT_RUN, "it was not started")
    failed: FusionError | None = None
    with contextlib.ExitStack() as stack:
        stack.callback(access.close)
        endpoint = Endpoint(access)
        stack.callback(endpoint.close)
        # A signal ends the command; it must not come between a session's start and its end in the audit.
        signals = stack.enter_context(noticed())
        who = {**identity(), "frontend": "command line", **access.facts()}
        start_hash = log.start(access.id, {**who, "exposed": [*exposed]})

        def close() -> None:
            access.close()
            fusion.close()
            endpoint.close()

        try:
            endpoint.start()
            ended = _run(access, endpoint, command, log, signals, environ=environ, say=say, look=look, over=close)
        except OSError as wrong:
            ended = Ended(CANNOT_RUN, f"it could not be started: {redact(wrong.strerror or str(wrong))}")
        except FusionError as failure:
            failed = failure
        finally:
            close()
            counts = access.counts()
            say(look.restored() + "".join(look.line(each) for each in _what_it_started(ended)))
            lines = [farewell(terms.customer, ended.how, counts), *outliving(terms.customer, counts, access.expires)]
            say("".join(look.line(each) for each in lines))
            processes = {"ended_with_it": _first(ended.also), "still_running": _first(ended.left)}
            facts = {**who, "ended": ended.how, "exit_code": ended.code, **processes, **counts}
            incomplete = _written_end(log, access.id, start_hash, facts)
            say(look.line(incomplete) if incomplete else "")
    if incomplete:
        return FAILED
    if failed is not None:
        raise failed
    return ended.code


def _written_end(log: AuditLog, session: str, start_hash: str, facts: Mapping[str, Any]) -> str:
    """Write the end, and return "" or a sentence on what the audit lacks, with the command's own exit code."""
    try:
        log.end(session, start_hash, facts)
    except AuditIncomplete as incomplete:
        return f"AUDIT INCOMPLETE, so the exit code is {FAILED}: {incomplete}"
    return ""


def _run(
    access: Access,
    endpoint: Endpoint,
    command: Command,
    log: AuditLog,
    signals: Noticed,
    *,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    look: Look,
    over: Callable[[], None],
) -> Ended:
    terms, remaining = access.terms, access.term.remaining
    title = f"MASQUERADE {terms.customer} ({terms.mode})"
    line = f"{title} from {access.home}"
    # Added before it is made local: the clocks may change until then.
    until = (datetime.now(timezone.utc) + timedelta(seconds=remaining())).astimezone()
    variables = {MARKER: terms.customer, MARKER_ID: access.id}
    if terms.raw_token:
        # Nothing between the child and the service holds it to anything: not to reading, and not to the end.
        variables |= {RAW_TOKEN: access.token(access.term).reveal(), RAW_URL: access.url}
        gets = "RAW TOKEN: the child gets the token itself, which can write and outlives this session"
        say(look.line(f"{gets}; it {raw_token_works(access.expires)}"))
    else:
        variables["NETOSECRET"] = endpoint.netosecret.reveal()

    def time_over() -> None:
        over()
        say(look.amid(f"{title}: the time is over, {access_is_over(terms, access.expires)}"))

    kept = scrubbed(environ, keep=command.keep)
    with contextlib.ExitStack() as stack:
        folder, shell = None, Shell(tuple(command.arguments), {})
        if command.shell:
            folder = _folder_for_start_files(stack)
            shell = _shell(command.program, Banner.of(line, title, until), look, folder, kept)
        say(look.title(title) + look.line(_welcome(access, line, until)) + look.line(_why(terms, log)))
        for note in (shell.note, command.shell and outside(environ)):
            say(look.line(note) if note else "")
        return supervise(
            Child(
                command.program,
                shell.command,
                {**kept, **past_the_proxy(environ), **shell.variables, **variables},
                shell=command.shell,
                mark=(MARKER_ID, access.id),
                last_words=look.restored()
                + look.amid(f"{title}: its helper died, {last_words(terms, access.expires)}. What ran in it ends"),
                folder=folder,
                may_stop=command.may_stop,
            ),
            signals,
            remaining=remaining,
            warn=lambda: say(look.amid(f"{title} ends in {spoken(remaining())}")),
            over=time_over,
        )


def _folder_for_start_files(stack: contextlib.ExitStack) -> Path | None:
    """Return a private folder for the start files of a shell, or None where there is no temporary folder at all.

    They are the only files that a session needs besides the audit.
    """
    try:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)))
    except OSError:
        return None


def _shell(program: str, banner: Banner, look: Look, folder: Path | None, environ: Mapping[str, str]) -> Shell:
    if folder is None:
        return shell_without_line(program, "no temporary folder can be written (TMPDIR names another)")
    return shell_with_line(program, banner, look, folder, environ)


def _welcome(access: Access, line: str, until: datetime) -> str:
    return f"{line} as {access.appname}, {spoken(access.term.remaining())} left, until {until:%H:%M:%S}"


def _why(terms: Terms, log: AuditLog) -> str:
    ticket = f" [{terms.ticket}]" if terms.ticket else ""
    return f"reason: {terms.reason}{ticket}; audit: {_at_home(log.path)}"


def _at_home(path: Path) -> str:
    """Return the path as people write it, which is shorter."""
    with contextlib.suppress(ValueError):  # it is elsewhere, or there is no home
        return f"~/{path.relative_to(home(os.environ))}"
    return str(path)


def _what_it_started(ended: Ended) -> Iterator[str]:
    if ended.also:
        yield f"ended with the command that had started it: {', '.join(_first(ended.also))}"
    if ended.left:
        yield (
            f"STILL RUNNING, and could not be ended: {', '.join(_first(ended.left))}. End it by hand, as the "
            "user it belongs to"
        )


def _first(names: Sequence[str]) -> list[str]:
    """Return as many as a record of the audit may hold, and how many more there were."""
    more = len(names) - _NAMES
    return [*names[:_NAMES], *([f"{more} more"] if more > 0 else [])]
