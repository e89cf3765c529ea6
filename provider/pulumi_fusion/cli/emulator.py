"""``pulumi-fusion emulator``"""

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
from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.paths import owner_problem
from pulumi_fusion.posix import needs_posix
from pulumi_fusion.sessions.scrubbing import past_the_proxy
from pulumi_fusion.unwrapping import SecretSearch

if TYPE_CHECKING:
    from fusion_emulator import Emulator

__all__ = ["emulator"]

NOT_FOUND: Final = 127
"""As shells say of a command."""

_AUDIT_FILE: Final = "FUSION_AUDIT_FILE"

_HARMLESS: Final = ("FUSION_DEADLINE", "FUSION_PREFLIGHT", "FUSION_DEBUG")
"""Settings that the command keeps; all others could lead it, or a real credential, to the wrong service."""

_DIRECT: Final = (
    'if [ "${NO_PROXY-}" != "*" ] && [ "${no_proxy-}" != "*" ]; then '
    'export NO_PROXY="${no_proxy:+$no_proxy,}${NO_PROXY:+$NO_PROXY,}127.0.0.1,localhost,::1"; '
    'else export NO_PROXY="*"; fi; export no_proxy="$NO_PROXY"'
)
"""Shell code that keeps curl and the like from asking the shell's own proxy for the emulator."""


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; a free one unless given.")
@click.option(
    "--state",
    type=FilePath(),
    help="Keep the accounts in this file; without it they end with the emulator.",
)
@click.option(
    "--log",
    type=FilePath(dash=True),
    help="Append a line per request, without secrets, to this file; - is stderr, which is the default without COMMAND.",
)
@click.option(
    "--switch",
    "switches",
    metavar="NAME=VALUE",
    multiple=True,
    help="Behave otherwise where the vendor publishes nothing. A wrong name lists all. Repeatable.",
)
@click.option(
    "--fault",
    "faults",
    metavar="'METHOD PATH KIND [...]'",
    multiple=True,
    help="Fail on purpose. A wrong kind lists all. Repeatable.",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.pass_context
def emulator(
    ctx: click.Context,
    *,
    port: int,
    state: Path | None,
    log: Path | None,
    switches: tuple[str, ...],
    faults: tuple[str, ...],
    command: tuple[str, ...],
) -> None:
    """Run an emulator of the Fusion customers API on 127.0.0.1, no account needed.

    With COMMAND it runs for as long as the command does, which alone finds the emulator's credential in its
    environment, in place of any real one. Without it runs until Ctrl-C, and stdout tells a shell how to use it.
    Masquerade sessions are audited in FILE.audit.jsonl beside the file of --state, or in one that ends with the
    emulator, and never in your own audit file.
    What has FUSION_EMULATOR in its environment uses the emulator or refuses: a credential, an address or an account
    from a stack's configuration, a provider or an argument does not count there.

    \b
    Examples:
      pulumi-fusion emulator --state fusion.json -- pulumi up --stack rehearsal
      pulumi-fusion emulator --fault 'POST /customer 503 x2' -- pulumi up
      pulumi-fusion emulator --switch record=extended > fusion.env &
        . ./fusion.env       # in any shell, once the file is filled

    \b
    Exit codes:
      that of COMMAND, 128 + N when signal N ended it, 127 when there is none
      0 after Ctrl-C or SIGTERM, without COMMAND
      1 the emulator cannot run, and stderr says why   2 wrong usage
    """
    try:
        import fusion_emulator
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith(("pulumi_fusion", "fusion_emulator")):
            raise
        if sentence := needs_posix("the emulator", missing):
            raise click.ClickException(sentence) from None
        raise click.ClickException(
            f"the emulator needs {missing.name}, which is not installed. Install it with: "
            f"{shlex.quote(sys.executable)} -m pip install 'pulumi-fusion[emulator]'"
        ) from None
    if command and shutil.which(command[0]) is None:
        report(f"Error: no command {command[0]!r} to run")
        ctx.exit(NOT_FOUND)
    try:
        with _audit_file(state) as audit_file:
            code = fusion_emulator.serve(
                port=port,
                state=state,
                log=sys.stderr if log == Path("-") or not (log or command) else log,
                switches=switches,
                faults=faults,
                command=command,
                environment={**_environment(), _AUDIT_FILE: str(audit_file)},
                ready=(lambda running: None) if command else (lambda running: _announce(running, state, audit_file)),
            )
    except fusion_emulator.UnknownSwitch as wrong:
        raise click.BadParameter(str(wrong), param_hint="--switch") from None
    except fusion_emulator.MalformedFault as wrong:
        raise click.BadParameter(str(wrong), param_hint="--fault") from None
    except (fusion_emulator.PortInUse, fusion_emulator.StateFileBusy, fusion_emulator.StateFileUnreadable) as refused:
        raise click.ClickException(str(refused)) from None
    except BrokenPipeError:
        raise
    except OSError as refused:
        where = f": {refused.filename}" if refused.filename else ""
        owner = owner_problem(Path(refused.filename), os.environ) if isinstance(refused, PermissionError) else ""
        said = f"cannot run the emulator: {refused.strerror or refused}{where}"
        raise click.ClickException(f"{said}. {owner}" if owner else said) from None
    ctx.exit(code)


def _environment() -> dict[str, str]:
    """Return this environment without a trace of the account that it may belong to, and no proxy for loopback."""
    learn_credential(os.environ)
    search = SecretSearch()
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "NETOSECRET" and (not name.startswith("FUSION_") or name in _HARMLESS) and not search.finds(value)
    }
    return {**kept, **past_the_proxy(os.environ)}


@contextlib.contextmanager
def _audit_file(state: Path | None) -> Iterator[Path]:
    """Yield the audit file for sessions against the emulator, which must not get into that of real sessions."""
    if state is not None:
        yield state.with_name(f"{state.name}.audit.jsonl")
        return
    with tempfile.TemporaryDirectory(prefix="fusion-emulator-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "audit.jsonl"


def _announce(running: Emulator, state: Path | None, audit_file: Path) -> None:
    """What a shell needs goes to stdout, in one piece: who reads the file has all or nothing."""
    kept = f"in {state}" if state else "in memory; --state FILE keeps them"
    report(
        f"Fusion emulator at {running.url}, accounts {kept}. Ctrl-C ends it. To use it, run what follows in a shell:"
    )
    from fusion_emulator import settings_of

    settings = {**settings_of(running), _AUDIT_FILE: str(audit_file)}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    # An account or credential of the shell that was set before would be refused there.
    click.echo("\n".join([*lines, "unset FUSION_NETOSECRET_FILE FUSION_ACCOUNT", _DIRECT]))
