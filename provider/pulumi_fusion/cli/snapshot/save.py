"""The command ``pulumi-fusion snapshot save``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pulumi_fusion.cli.output_file import write_file
from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.cli.snapshot.running import accounts_in, emulator_url, is_stdio, send
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.documentation import more

__all__ = ["save"]


@click.command(epilog=more("emulator", "snapshots"))
@click.argument("file", type=FilePath(dash=True))
def save(*, file: Path) -> None:
    """Write the accounts of the running emulator to FILE, in one step; - is stdout.

    The same accounts are always the same text, so a commit of the file shows what changed.

    \b
    Example:
      pulumi-fusion emulator -- sh -c 'pulumi up && pulumi-fusion snapshot save after.json'

    \b
    Exit codes: 0 written; 1 it failed, with the reason on stderr; 2 wrong usage.
    """
    snapshot = send(emulator_url())
    if is_stdio(file):
        sys.stdout.buffer.write(snapshot)
        return
    write_file(file, snapshot.decode())
    report(f"Saved {accounts_in(snapshot)} in {file}.")
