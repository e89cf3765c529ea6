"""The command ``pulumi-fusion masquerade``."""

from __future__ import annotations

import contextlib
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from pulumi_fusion.cli.connection import connect, service_options
from pulumi_fusion.cli.hardening import close_inherited_secret_fds, reexec_without_secret, reopen_closed_std_fds
from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.documentation import more
from pulumi_fusion.redaction import redact
from pulumi_fusion.sessions.banner import TerminalStyle
from pulumi_fusion.sessions.request import SessionRequest, parse_duration
from pulumi_fusion.sessions.shells import is_shell
from pulumi_fusion.settings import Settings

__all__ = ["masquerade"]

NOT_FOUND: Final = 127
"""The exit code of shells for a command that doesn't exist."""


class _Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


@click.command(epilog=more("masquerade"))
@click.argument("customer")
@click.option("--reason", required=True, help="Why, in 10 to 500 characters; recorded in the audit.")
@click.option(
    "--duration",
    type=_Duration(),
    default="15m",
    show_default=True,
    help="How long: such as 90s, 15m or 1h, which is the maximum.",
)
@click.option("--write", is_flag=True, help="Allow requests that change something; the default is read-only.")
@click.option("--ticket", metavar="ID", help="The identifier of a ticket; recorded in the audit.")
@click.option("--ci", is_flag=True, help="Run in CI, or without a terminal that could show the red line.")
@click.option(
    "--raw-token", is_flag=True, help="Give COMMAND the access token itself, which can't be limited or revoked."
)
@click.option(
    "--keep-env", "keep", metavar="NAME", multiple=True, help="Keep this variable of Pulumi for COMMAND. Repeatable."
)
@click.option(
    "--audit-file",
    type=FilePath(),
    help="Where the audit is written. Overrides FUSION_AUDIT_FILE.",
)
@service_options
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.pass_context
def masquerade(
    ctx: click.Context,
    *,
    customer: str,
    reason: str,
    duration: timedelta,
    write: bool,
    ticket: str | None,
    ci: bool,
    raw_token: bool,
    keep: tuple[str, ...],
    audit_file: Path | None,
    account: str | None,
    api_url: str | None,
    command: tuple[str, ...],
) -> None:
    """Open a temporary, visible, audited session inside CUSTOMER and run COMMAND in it, or your shell.

    COMMAND gets a credential in NETOSECRET that works on this machine alone, inside CUSTOMER alone, and until the
    session ends. Its environment has no copy of yours. Tools that support the vendor's credential run unchanged. The
    session is read-only unless --write is given.

    A red line above every prompt and the window's title show the session; a notice names a shell that can't show them.
    A warning appears two minutes before the end.
    When COMMAND ends or the time is over, the access ends, and everything that COMMAND started gets TERM, and KILL five
    seconds later. The audit record is on the disk before COMMAND starts; `pulumi-fusion audit` shows it. A warning
    names the processes and the file from which COMMAND could read your own credential, as far as they can be detected.

    \b
    Examples:
      pulumi-fusion masquerade acme-corp --reason "INC-1234 ingest check"
      pulumi-fusion masquerade acme-corp --reason "INC-1234 ingest check" -- pulumi-fusion customers
      pulumi-fusion masquerade acme-corp --reason "nightly checkup" --ci --duration 5m -- ./checkup.sh

    \b
    Environment of COMMAND, which has no other Fusion settings and no secrets of Pulumi:
      NETOSECRET          the session's own credential
      FUSION_MASQUERADE   CUSTOMER, for your own prompts and scripts
      FUSION_RAW_TOKEN    with --raw-token, in place of NETOSECRET: the access token
      FUSION_RAW_URL      with --raw-token: the url of the service

    \b
    Exit codes:
      that of COMMAND, 128 + N if signal N ended it, 124 if the time was over
      125 the session itself failed: its watchdog was killed, or the audit lacks its start or end;
          stderr has the reason, and how COMMAND ended
      126 COMMAND can't be run   127 COMMAND doesn't exist
      1 the session was refused or failed, COMMAND was not started   2 wrong usage
    """
    reopen_closed_std_fds()
    request = SessionRequest(customer, reason, duration, write, ticket, raw_token)
    request.validate(os.environ)
    _require_terminal(ci)
    program = command[0] if command else os.environ.get("SHELL") or "/bin/sh"
    file = shutil.which(program)
    if file is None:
        report(f"Error: no command {redact(program)!r} to run")
        ctx.exit(NOT_FOUND)
    reexec_without_secret()
    # Imported here, since each of the two processes would import them.
    from pulumi_fusion.sessions.audit import AuditLog, default_path
    from pulumi_fusion.sessions.exposure import exposures, plain_file, warning
    from pulumi_fusion.sessions.run import Command, run_session

    settings = Settings.resolve({"account": account, "api_url": api_url})
    named = os.environ.get("FUSION_NETOSECRET_FILE", "").strip()
    file_of_credential = plain_file(named)
    close_inherited_secret_fds(named)
    style = TerminalStyle.of(os.environ, is_terminal=os.isatty(2), screen=os.isatty(1))
    with connect(settings) as fusion:
        if exposed := exposures(file_of_credential):
            _write(style.line(warning(exposed)))
        code = run_session(
            fusion,
            request,
            Command(
                file, command or (program,), os.isatty(0) and _is_interactive_shell(command), keep, may_stop=not ci
            ),
            AuditLog(audit_file or default_path(os.environ)),
            environ=os.environ,
            write=_write,
            style=style,
            exposed=[each.name for each in exposed],
        )
    ctx.exit(code)


def _is_interactive_shell(command: tuple[str, ...]) -> bool:
    """Return whether the command is the user's shell, or a shell without arguments."""
    return not command or (len(command) == 1 and is_shell(command[0]))


def _write(text: str) -> None:
    # A closed terminal must not end the supervision or prevent the audit record of the end.
    with contextlib.suppress(OSError):
        click.echo(redact(text), err=True, nl=False, color=True)


def _require_terminal(ci: bool) -> None:
    if ci:
        return
    if os.environ.get("CI", "").strip().lower() not in ("", "0", "false"):
        raise click.ClickException("this is CI, where the red line isn't visible. To run it anyway, add --ci.")
    if not os.isatty(2):
        raise click.ClickException("there is no terminal to show the red line. To run it anyway, add --ci.")
