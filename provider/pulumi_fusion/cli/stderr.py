"""What is said on stderr."""

from __future__ import annotations

import click

from pulumi_fusion.characters import printable

__all__ = ["report"]


def report(text: str) -> None:
    """Print a sentence, or several lines, to stderr, without what a terminal would obey."""
    click.echo(printable(text, keep="\n"), err=True)
