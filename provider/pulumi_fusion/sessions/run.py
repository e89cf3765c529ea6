"""Run a command in a session: open it, start the endpoint and the command, and end everything."""

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
from pulumi_fusion.sessions.banner import Banner, TerminalStyle
from pulumi_fusion.sessions.child_env import bypass_proxy_for_loopback, without_secrets
from pulumi_fusion.sessions.end_report import (
    access_end,
    end_line,
    helper_died_text,
    lasting_effects,
    raw_token_validity,
)
from pulumi_fusion.sessions.endpoint import Endpoint
from pulumi_fusion.sessions.multiplexers import multiplexer_warning
from pulumi_fusion.sessions.request import MARKER, MARKER_ID, SessionRequest, format_time_left
from pulumi_fusion.sessions.shells import Shell, shell_with_banner, shell_without_banner
from pulumi_fusion.sessions.supervision import FAILED, CaughtSignals, Child, Ended, catch_signals, supervise

__all__ = ["CANNOT_RUN", "RAW_TOKEN", "RAW_URL", "Command", "run_session"]

CANNOT_RUN: Final = 126
"""The exit code of shells for a command that exists but can't be run."""

# The most processes that are named at the end of a session.
_NAMES: Final = 10

_PREFIX: Final = "fusion-masquerade-"

RAW_TOKEN: Final = "FUSION_RAW_TOKEN"  # noqa: S105 - the name of a variable
RAW_URL: Final = "FUSION_RAW_URL"


@dataclass(frozen=True)
class Command:
    """The command of a session.

    Args:
        program: Its file.
        arguments: Its argv.
        shell: It is an interactive shell, which gets the banner above its prompts.
        keep: Names of Pulumi's variables that it needs although they may contain a secret.
        may_stop: This process stops together with it, as after Ctrl-Z.
    """

    program: str
    arguments: Sequence[str]
    shell: bool
    keep: Collection[str] = ()
    may_stop: bool = True


def run_session(
    fusion: FusionClient,
    request: SessionRequest,
    command: Command,
    log: AuditLog,
    *,
    environ: Mapping[str, str],
    write: Callable[[str], None],
    style: TerminalStyle,
    exposed: Sequence[str] = (),
) -> int:
    """Open the session, run the command in it, end it, and return the command's exit code or FAILED.

    Args:
        fusion: A client with the real credential.
        request: The validated request.
        command: What to run.
        log: Where the session is recorded.
        environ: The environment of this process, from which that of the command is made.
        write: Writes text to stderr; must not raise.
        style: What stderr can show.
        exposed: Names of places from which the command can read the credential, for the audit.

    Raises:
        SessionRefused: The session can't be opened, see :func:`open_access`. The command was not started.
        NotAudited: Its start can't be recorded. The command was not started.
    """
    for sentence in log.close_dead():
        write(style.line(sentence))
    access = open_access(fusion, request)
    ended = Ended(CANNOT_RUN, "the command was not started")
    failed: FusionError | None = None
    with contextlib.ExitStack() as stack:
        stack.callback(access.close)
        endpoint = Endpoint(access)
        stack.callback(endpoint.close)
        # A signal ends the command; it must not end this process before the end is in the audit.
        signals = stack.enter_context(catch_signals())
        who = {**identity(), "frontend": "command line", **access.facts()}
        start_hash = log.start(access.id, {**who, "exposed": [*exposed]})

        def close() -> None:
            access.close()
            fusion.close()
            endpoint.close()

        try:
            endpoint.start()
            ended = _run(
                access, endpoint, command, log, signals, environ=environ, write=write, style=style, on_end=close
            )
        except OSError as wrong:
            ended = Ended(CANNOT_RUN, f"the command couldn't be started: {redact(wrong.strerror or str(wrong))}")
        except FusionError as failure:
            failed = failure
        finally:
            close()
            counts = access.counts()
            write(style.restore() + "".join(style.line(each) for each in _started_processes(ended)))
            lines = [
                end_line(request.customer, ended.how, counts),
                *lasting_effects(request.customer, counts, access.expires),
            ]
            write("".join(style.line(each) for each in lines))
            processes = {"ended_with_it": _first(ended.also), "still_running": _first(ended.left)}
            facts = {**who, "ended": ended.how, "exit_code": ended.code, **processes, **counts}
            incomplete = _written_end(log, access.id, start_hash, facts)
            write(style.line(incomplete) if incomplete else "")
    if incomplete:
        return FAILED
    if failed is not None:
        raise failed
    return ended.code


def _written_end(log: AuditLog, session: str, start_hash: str, facts: Mapping[str, Any]) -> str:
    """Record the end; return "", or a sentence on what the audit lacks, which has the command's own exit code."""
    try:
        log.end(session, start_hash, facts)
    except AuditIncomplete as incomplete:
        return f"AUDIT INCOMPLETE, so the exit code is {FAILED}: {incomplete.with_reference()}"
    return ""


def _run(
    access: Access,
    endpoint: Endpoint,
    command: Command,
    log: AuditLog,
    signals: CaughtSignals,
    *,
    environ: Mapping[str, str],
    write: Callable[[str], None],
    style: TerminalStyle,
    on_end: Callable[[], None],
) -> Ended:
    request, remaining = access.request, access.term.remaining
    title = f"MASQUERADE {request.customer} ({request.mode})"
    line = f"{title} from {access.home}"
    # Added in UTC: the offset of local time may change until then.
    until = (datetime.now(timezone.utc) + timedelta(seconds=remaining())).astimezone()
    variables = {MARKER: request.customer, MARKER_ID: access.id}
    if request.raw_token:
        # Requests with it don't go through the endpoint, so neither the mode nor the end of the session applies to
        # them.
        variables |= {RAW_TOKEN: access.token(access.term).reveal(), RAW_URL: access.url}
        warning = "RAW TOKEN: the command gets the token itself, which can write and works after this session"
        write(style.line(f"{warning}; it {raw_token_validity(access.expires)}"))
    else:
        variables["NETOSECRET"] = endpoint.netosecret.reveal()

    def time_over() -> None:
        on_end()
        write(style.interrupting_line(f"{title}: the time is over, {access_end(request, access.expires)}"))

    kept = without_secrets(environ, keep=command.keep)
    with contextlib.ExitStack() as stack:
        folder, shell = None, Shell(tuple(command.arguments), {})
        if command.shell:
            folder = _folder_for_start_files(stack)
            shell = _shell(command.program, Banner.of(line, title, until), style, folder, kept)
        write(style.title(title) + style.line(_welcome(access, line, until)) + style.line(_why(request, log)))
        for note in (shell.note, command.shell and multiplexer_warning(environ)):
            write(style.line(note) if note else "")
        return supervise(
            Child(
                command.program,
                shell.command,
                {**kept, **bypass_proxy_for_loopback(environ), **shell.variables, **variables},
                shell=command.shell,
                mark=(MARKER_ID, access.id),
                helper_died_text=style.restore()
                + style.interrupting_line(
                    f"{title}: its helper died, {helper_died_text(request, access.expires)}. Its processes are ended"
                ),
                folder=folder,
                may_stop=command.may_stop,
            ),
            signals,
            remaining=remaining,
            warn=lambda: write(style.interrupting_line(f"{title} ends in {format_time_left(remaining())}")),
            over=time_over,
        )


def _folder_for_start_files(stack: contextlib.ExitStack) -> Path | None:
    """Return a private folder for the start files of a shell, or None if no temporary folder can be written.

    They are the only files that a session needs, except the audit.
    """
    try:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)))
    except OSError:
        return None


def _shell(
    program: str, banner: Banner, style: TerminalStyle, folder: Path | None, environ: Mapping[str, str]
) -> Shell:
    if folder is None:
        return shell_without_banner(program, "no temporary folder can be written; set TMPDIR to one that can")
    return shell_with_banner(program, banner, style, folder, environ)


def _welcome(access: Access, line: str, until: datetime) -> str:
    left = format_time_left(access.term.remaining())
    return f"{line} as {access.appname}, {left} left, until {until:%H:%M:%S} {until:%Z}".rstrip()


def _why(request: SessionRequest, log: AuditLog) -> str:
    ticket = f" [{request.ticket}]" if request.ticket else ""
    return f"reason: {request.reason}{ticket}; audit: {_at_home(log.path)}"


def _at_home(path: Path) -> str:
    """Return the path with ``~`` for the home."""
    with contextlib.suppress(ValueError):  # it is outside the home, or the user has no home
        return f"~/{path.relative_to(home(os.environ))}"
    return str(path)


def _started_processes(ended: Ended) -> Iterator[str]:
    if ended.also:
        yield f"ended with the command that had started it: {', '.join(_first(ended.also))}"
    if ended.left:
        yield (
            f"STILL RUNNING, since they could not be ended: {', '.join(_first(ended.left))}. End them by hand as the "
            "user who owns them"
        )


def _first(names: Sequence[str]) -> list[str]:
    """Return the first names, as many as an audit record may have, and the number of the others."""
    more = len(names) - _NAMES
    return [*names[:_NAMES], *([f"{more} more"] if more > 0 else [])]
