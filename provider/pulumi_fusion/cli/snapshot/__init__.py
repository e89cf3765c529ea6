"""The commands ``pulumi-fusion snapshot``, one module each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from pulumi_fusion.cli.lazy_group import LazyGroup
from pulumi_fusion.documentation import more

__all__ = ["COMMANDS", "snapshot"]

COMMANDS: Final[Mapping[str, str]] = {
    "diff": "Compare a snapshot with the running emulator, or with another one.",
    "load": "Replace the accounts of the running emulator.",
    "save": "Write the accounts of the running emulator to a file.",
}


@click.group(
    cls=LazyGroup, package="pulumi_fusion.cli.snapshot", summaries=COMMANDS, epilog=more("emulator", "snapshots")
)
def snapshot() -> None:
    """Save, load and compare the accounts of a running emulator, with their users and API keys.

    A snapshot is a JSON file without secrets. It has the names and e-mail addresses of users.

    The commands use the emulator in FUSION_EMULATOR: run them inside `pulumi-fusion emulator -- ...`, or in a shell
    that has run what `pulumi-fusion emulator` prints.

    \b
    Exit codes: each command has its own; see `pulumi-fusion snapshot COMMAND --help`.
    """
