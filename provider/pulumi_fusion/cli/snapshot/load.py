"""The command ``pulumi-fusion snapshot load``."""

from __future__ import annotations

from pathlib import Path

import click

from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.cli.snapshot.running import accounts_in, content, emulator_url, send
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.documentation import more

__all__ = ["load"]


@click.command(epilog=more("emulator", "snapshots"))
@click.argument("file", type=FilePath(dash=True))
def load(*, file: Path) -> None:
    """Replace the accounts of the running emulator by those of FILE; - is stdin.

    The emulator checks the whole file first. NETOSECRET stays valid, and access tokens end, so that clients get new
    ones. Other API keys stay valid if the emulator had them with the same id.

    \b
    Example:
      pulumi-fusion emulator -- sh -c 'pulumi-fusion snapshot load before.json && pulumi up'

    \b
    Exit codes: 0 loaded; 1 it failed, with the reason on stderr; 2 wrong usage. After a 1 nothing was changed,
    unless the message states that the outcome is unknown.
    """
    url = emulator_url()
    snapshot = send(url, content(file))
    report(f"Loaded {accounts_in(snapshot)} into the emulator at {url}.")
