"""Messages on stderr."""

from __future__ import annotations

import click

from pulumi_fusion.characters import printable

__all__ = ["report"]


def report(text: str) -> None:
    """Print text of one or more lines to stderr, without control characters."""
    click.echo(printable(text, keep="\n"), err=True)
