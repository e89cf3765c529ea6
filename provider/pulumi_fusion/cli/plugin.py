"""``pulumi-fusion plugin``"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

import click

__all__ = ["plugin"]

_PROGRAM: Final = "pulumi-resource-fusion"


@click.group
def plugin() -> None:
    """Make the provider known to Pulumi, for programs of any language.

    \b
    Example:
      pulumi-fusion plugin install
      pulumi do fusion:Customer list
    """


@plugin.command
def install() -> None:
    """Register this version in the user's Pulumi home; doing it again changes nothing.

    Programs of any language then find it, without an active environment: what is registered is a pointer to this
    environment, which has to stay where it is. Nothing is downloaded, no credential is asked for.

    \b
    Environment:
      PULUMI_HOME  where Pulumi keeps its plugins (~/.pulumi)

    \b
    Exit codes: 0 registered; 1 it failed; 2 wrong usage.
    """
    folder = _folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The engine may start it at any moment: it is there as a whole or not at all.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as draft:
        program = Path(draft) / "new" / _PROGRAM
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m pulumi_fusion "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        if folder.exists():
            folder.rename(Path(draft) / "old")
        program.parent.rename(folder)
    click.echo(f"Registered fusion {version('pulumi-fusion')} in {folder}.", err=True)


@plugin.command
def uninstall() -> None:
    """Remove this version from the user's Pulumi home; stacks and customers stay as they are.

    \b
    Environment:
      PULUMI_HOME  where Pulumi keeps its plugins (~/.pulumi)

    \b
    Exit codes: 0 removed, also when it was not there; 1 it failed; 2 wrong usage.
    """
    folder = _folder()
    if not folder.exists():
        click.echo(f"fusion {version('pulumi-fusion')} is not registered.", err=True)
        return
    shutil.rmtree(folder)
    click.echo(f"Removed {folder}.", err=True)


def _folder() -> Path:
    """Where Pulumi looks for this version: https://www.pulumi.com/docs/iac/concepts/plugins/"""
    home = Path(os.environ.get("PULUMI_HOME") or "~/.pulumi").expanduser()
    return home / "plugins" / f"resource-fusion-v{version('pulumi-fusion')}"
