"""``pulumi-fusion masquerade``"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from pulumi_fusion.cli.connection import connect, service_options
from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.redaction import redact
from pulumi_fusion.sessions.audit import AuditLog, default_path
from pulumi_fusion.sessions.exposure import exposures, plain_file, warning
from pulumi_fusion.sessions.processes import hide_memory
from pulumi_fusion.sessions.red_line import Look
from pulumi_fusion.sessions.run import Command, run_session
from pulumi_fusion.sessions.shells import is_shell
from pulumi_fusion.sessions.terms import Terms, duration_of
from pulumi_fusion.settings import Settings

__all__ = ["masquerade"]

NOT_FOUND: Final = 127
"""As shells say of a command."""

_PASSED: Final = "FUSION_PASSED_NETOSECRET"
"""The variable by which this program hands itself the descriptor that its credential comes through."""


class _Duration(click.ParamType[timedelta]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return duration_of(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


@click.command
@click.argument("customer")
@click.option("--reason", required=True, help="Why, in 10 to 500 characters; kept in the audit.")
@click.option(
    "--duration",
    type=_Duration(),
    default="15m",
    show_default=True,
    help="How long: 90s, 15m or 1h, which is the most.",
)
@click.option("--write", is_flag=True, help="Let it change things; otherwise it only reads.")
@click.option("--ticket", metavar="ID", help="What your company calls the matter; kept in the audit.")
@click.option("--ci", is_flag=True, help="Go ahead in CI, or without a terminal to show the red line on.")
@click.option("--raw-token", is_flag=True, help="Hand out the bare token, which nothing here can limit or end.")
@click.option(
    "--keep-env", "keep", metavar="NAME", multiple=True, help="Leave COMMAND this variable of Pulumi. Repeatable."
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

    COMMAND finds a credential in NETOSECRET that works on this machine alone, inside CUSTOMER alone, and until the
    session ends; it never gets yours. Every tool that knows the vendor's credential runs with it unchanged. It only
    reads unless --write is given.

    A red line above every prompt and the window's title say where you are; a shell that cannot show it says so. Two
    minutes before the end you are warned.
    When COMMAND ends or the time is over, the access is gone, and everything that COMMAND started gets TERM, and KILL
    five seconds later. The audit is on the disk before COMMAND starts; `pulumi-fusion audit` shows it. A warning names
    the processes and the file where COMMAND could read your own credential, as far as that can be seen.

    \b
    Examples:
      pulumi-fusion masquerade acme-corp --reason "INC-1234 ingest check"
      pulumi-fusion masquerade acme-corp --reason "INC-1234 ingest check" -- pulumi-fusion customers
      pulumi-fusion masquerade acme-corp --reason "nightly checkup" --ci --duration 5m -- ./checkup.sh

    \b
    Environment of COMMAND, which has no other variable of ours and none that holds a secret of Pulumi:
      NETOSECRET          the session's own credential
      FUSION_MASQUERADE   CUSTOMER, for a prompt or a script of yours
      FUSION_RAW_TOKEN    with --raw-token, in place of NETOSECRET: the bare access token
      FUSION_RAW_URL      with --raw-token: where the token works

    \b
    Exit codes:
      that of COMMAND, 128 + N when signal N ended it, 124 when the time was over
      125 the session itself failed: its watchdog was killed, or the audit lacks its start or end;
          stderr says which, and how COMMAND ended
      126 COMMAND cannot be run   127 there is no such COMMAND
      1 the session was refused or failed, COMMAND was not started   2 wrong usage
    """
    _stand_on_three_feet()
    terms = Terms(customer, reason, duration, write, ticket, raw_token)
    terms.hold(os.environ)
    _someone_looks(ci)
    program = command[0] if command else os.environ.get("SHELL") or "/bin/sh"
    file = shutil.which(program)
    if file is None:
        report(f"Error: no command {redact(program)!r} to run")
        ctx.exit(NOT_FOUND)
    _keep_to_ourselves()
    settings = Settings.resolve({"account": account, "api_url": api_url})
    named = os.environ.get("FUSION_NETOSECRET_FILE", "").strip()
    file_of_credential = plain_file(named)
    _withhold_the_file(named)
    look = Look.of(os.environ, is_terminal=os.isatty(2), screen=os.isatty(1))
    with connect(settings) as fusion:
        if exposed := exposures(file_of_credential):
            _say(look.line(warning(exposed)))
        code = run_session(
            fusion,
            terms,
            Command(file, command or (program,), os.isatty(0) and _typed_into(command), keep, may_stop=not ci),
            AuditLog(audit_file or default_path(os.environ)),
            environ=os.environ,
            say=_say,
            look=look,
            exposed=[each.name for each in exposed],
        )
    ctx.exit(code)


def _typed_into(command: tuple[str, ...]) -> bool:
    """Return whether this is the user's shell, or a shell that was named and given nothing to run."""
    return not command or (len(command) == 1 and is_shell(command[0]))


def _say(text: str) -> None:
    # A terminal that is gone is no reason to leave a child unsupervised or an end unwritten.
    with contextlib.suppress(OSError):
        click.echo(redact(text), err=True, nl=False, color=True)


def _stand_on_three_feet() -> None:
    """Open what is closed of the standard streams: the next file opened would take its number, and the child get it."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _someone_looks(ci: bool) -> None:
    if ci:
        return
    if os.environ.get("CI", "").strip().lower() not in ("", "0", "false"):
        raise click.ClickException("this is CI, where nobody sees the red line. If that is meant, add --ci.")
    if not os.isatty(2):
        raise click.ClickException("there is no terminal to show the red line on. If that is meant, add --ci.")


def _keep_to_ourselves() -> None:
    """Leave the credential nowhere that another process of this user could read it from.

    The kernel shows the environment that a process was started with for as long as it runs, so this one starts itself
    again without the credential in it, which then comes through a pipe.
    """
    secret = os.environ.get("NETOSECRET")
    if secret:
        reading, writing = os.pipe()
        text = secret.encode(errors="surrogateescape")
        if len(text) > 60_000:  # a pipe holds 64 KiB, and a longer text is no credential
            raise click.ClickException("NETOSECRET is too long to be a credential.")
        os.write(writing, text)
        os.close(writing)
        os.set_inheritable(reading, True)
        environ = {name: value for name, value in os.environ.items() if name != "NETOSECRET"}
        environ[_PASSED] = str(reading)
        os.execve(sys.executable, sys.orig_argv, environ)  # noqa: S606 - this very program
    if passed := re.fullmatch(r"/dev/fd/([0-9]+)", os.environ.get("FUSION_NETOSECRET_FILE", "")):
        os.set_inheritable(int(passed[1]), False)
    hide_memory()
    _take_what_was_passed()


def _take_what_was_passed() -> None:
    """Put the credential back where the settings expect it: what is set now the kernel shows to nobody."""
    passed = os.environ.pop(_PASSED, "")
    if passed.isdecimal():
        with os.fdopen(int(passed), "rb") as pipe:
            os.environ["NETOSECRET"] = pipe.read().decode(errors="surrogateescape")


def _withhold_the_file(path: str) -> None:
    """Leave the child no open descriptor of the file that holds the credential, be it ``/dev/stdin``: it could read it
    from the beginning. What comes through a pipe is gone once it was read.
    """
    try:
        held = Path(path).expanduser().stat()
    except OSError:  # gone since it was read
        return
    if not stat.S_ISREG(held.st_mode):
        return
    for descriptor in [int(each.name) for each in Path("/dev/fd").iterdir()]:
        with contextlib.suppress(OSError):  # the one of the listing itself
            if not os.path.samestat(held, os.fstat(descriptor)):
                continue
            if descriptor > 2:
                os.set_inheritable(descriptor, False)
            else:
                nothing = os.open(os.devnull, os.O_RDWR)
                os.dup2(nothing, descriptor)
                os.close(nothing)
