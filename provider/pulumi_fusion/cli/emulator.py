"""The command ``pulumi-fusion emulator``."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pulumi_fusion.cli.connection import learn_credential
from pulumi_fusion.cli.emulator_package import require_emulator
from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.documentation import more
from pulumi_fusion.paths import owner_problem
from pulumi_fusion.secret_search import SecretSearch
from pulumi_fusion.sessions.child_env import bypass_proxy_for_loopback

if TYPE_CHECKING:
    from fusion_emulator import Emulator

__all__ = ["emulator"]

NOT_FOUND: Final = 127
"""The exit code of shells for a command that doesn't exist."""

_AUDIT_FILE: Final = "FUSION_AUDIT_FILE"

_HARMLESS: Final = ("FUSION_DEADLINE", "FUSION_PREFLIGHT", "FUSION_MAX_DELETES", "FUSION_DEBUG")
"""Settings that the command keeps; others could make it connect elsewhere, or send a real credential."""

_OPTION_OF: Final = {"HostError": "--host", "MalformedFault": "--fault", "UnknownSwitch": "--switch"}
"""The option that an error of the emulator is about."""

_DIRECT: Final = (
    'if [ "${NO_PROXY-}" != "*" ] && [ "${no_proxy-}" != "*" ]; then '
    'export NO_PROXY="${no_proxy:+$no_proxy,}${NO_PROXY:+$NO_PROXY,}127.0.0.1,localhost,::1"; '
    'else export NO_PROXY="*"; fi; export no_proxy="$NO_PROXY"'
)
"""Shell code that makes curl and other tools connect to the emulator without the shell's proxy."""


@click.command(context_settings={"allow_interspersed_args": False}, epilog=more("rehearse-outages"))
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="The address to listen on, such as ::1 or 0.0.0.0."
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; by default a free one.")
@click.option(
    "--allow-remote",
    is_flag=True,
    help="Accept a --host that other machines reach: they can read and change everything in the emulator.",
)
@click.option(
    "--state",
    type=FilePath(),
    help="Keep the accounts in this file; without it they are lost when the emulator ends.",
)
@click.option(
    "--log",
    type=FilePath(dash=True),
    help="Append a line per request, without secrets, to this file; - is stderr, the default without COMMAND.",
)
@click.option(
    "--switch",
    "switches",
    metavar="NAME=VALUE",
    multiple=True,
    help="Change a behaviour that the vendor doesn't document. A wrong name lists all. Repeatable.",
)
@click.option(
    "--fault",
    "faults",
    metavar="'METHOD PATH KIND [...]'",
    multiple=True,
    help="Fail on purpose. A wrong kind lists all. Repeatable.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    metavar="N",
    help="Determine the ids of accounts by this number, so that a second run has the same ones.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.pass_context
def emulator(
    ctx: click.Context,
    *,
    host: str,
    port: int,
    allow_remote: bool,
    state: Path | None,
    log: Path | None,
    switches: tuple[str, ...],
    faults: tuple[str, ...],
    seed: int | None,
    command: tuple[str, ...],
) -> None:
    """Run an emulator of the Fusion customers API on this machine, no account needed.

    With COMMAND it runs until the command ends; the command gets the emulator's credential in its environment, in place
    of a real one. Without COMMAND it runs until Ctrl-C and prints shell commands that set such an environment.
    Masquerade sessions are recorded in FILE.audit.jsonl in the folder of --state FILE, or in a temporary file, and
    never in your own audit file.
    With FUSION_EMULATOR in the environment, programs connect to the emulator alone: a credential, url or account in a
    stack's configuration, a provider or an argument is an error.

    \b
    Examples:
      pulumi-fusion emulator --state fusion.json -- pulumi up --stack rehearsal
      pulumi-fusion emulator --fault 'POST /customer 503 x2' -- pulumi up
      rm -f fusion.env
      pulumi-fusion emulator --switch record=extended > fusion.env &
      until test -s fusion.env || ! kill -0 $!; do sleep 0.1; done
      . ./fusion.env

    \b
    Exit codes:
      that of COMMAND, 128 + N if signal N ended it, 127 if it doesn't exist
      0 after Ctrl-C or SIGTERM, without COMMAND
      130 or 143 after a second one of the two, which ends everything at once, also COMMAND. In a terminal, COMMAND
        alone decides about Ctrl-C: if it ignores it, send SIGTERM to the emulator twice
      1 the emulator can't run, with the reason on stderr   2 wrong usage
    """
    require_emulator()
    import fusion_emulator

    if command and shutil.which(command[0]) is None:
        report(f"Error: no command {command[0]!r} to run")
        ctx.exit(NOT_FOUND)
    try:
        with _audit_file(state) as audit_file:
            code = fusion_emulator.serve(
                host=host,
                port=port,
                allow_remote=allow_remote,
                state=state,
                log=sys.stderr if log == Path("-") or not (log or command) else log,
                audit=audit_file,
                switches=switches,
                faults=faults,
                seed=seed,
                command=command,
                environment={**_environment(), _AUDIT_FILE: str(audit_file)},
                report=report,
                ready=(lambda running: None) if command else (lambda running: _announce(running, state, audit_file)),
            )
    except (fusion_emulator.HostError, fusion_emulator.MalformedFault, fusion_emulator.UnknownSwitch) as wrong:
        raise click.BadParameter(str(wrong), param_hint=_OPTION_OF[type(wrong).__name__]) from None
    except (fusion_emulator.PortInUse, fusion_emulator.StateFileBusy, fusion_emulator.StateFileUnreadable) as refused:
        raise click.ClickException(str(refused)) from None
    except BrokenPipeError:
        raise
    except OSError as refused:
        where = f": {refused.filename}" if refused.filename else ""
        owner = owner_problem(Path(refused.filename), os.environ) if isinstance(refused, PermissionError) else ""
        problem = f"cannot run the emulator: {refused.strerror or refused}{where}"
        raise click.ClickException(f"{problem}. {owner}" if owner else problem) from None
    ctx.exit(code)


def _environment() -> dict[str, str]:
    """Return this environment without Fusion settings and copies of a credential, and without a proxy for loopback."""
    learn_credential(os.environ)
    search = SecretSearch()
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "NETOSECRET" and (not name.startswith("FUSION_") or name in _HARMLESS) and not search.finds(value)
    }
    return {**kept, **bypass_proxy_for_loopback(os.environ)}


@contextlib.contextmanager
def _audit_file(state: Path | None) -> Iterator[Path]:
    """Yield the audit file for sessions in the emulator, which must not be in the file of real sessions."""
    if state is not None:
        yield state.with_name(f"{state.name}.audit.jsonl")
        return
    with tempfile.TemporaryDirectory(prefix="fusion-emulator-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "audit.jsonl"


def _announce(running: Emulator, state: Path | None, audit_file: Path) -> None:
    """Print shell commands to stdout in a single write, so that a reader gets all of them or nothing."""
    kept = f"in {state}" if state else "in memory; --state FILE keeps them"
    report(
        f"Fusion emulator at {running.url}, accounts {kept}. Its page: {running.page_url}. Ctrl-C ends it. "
        "To use it, run the following in a shell:"
    )
    from fusion_emulator import settings_of

    settings = {**settings_of(running), _AUDIT_FILE: str(audit_file)}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    # An account or credential that the shell already has would be refused.
    click.echo("\n".join([*lines, "unset FUSION_NETOSECRET_FILE FUSION_ACCOUNT", _DIRECT]))
