"""Output on stdout: tables and trees for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from pulumi_fusion.characters import printable

__all__ = ["Branch", "console", "print_json", "print_table", "print_tree"]


class Branch(Protocol):
    """An item of a tree: a line of text, and branches."""

    def lines(self) -> tuple[str, Sequence[Branch]]:
        """Return the text and the branches."""


# Columns of a pipe, more than any table has: other programs read whole lines.
_UNBOUNDED = 10_000


def console() -> Console:
    """Return a console for stdout that prints text without interpreting markup."""
    return Console(
        width=None if sys.stdout.isatty() else _UNBOUNDED, markup=False, emoji=False, highlight=False, soft_wrap=False
    )


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a line per row; None is shown as ``-``. A narrow terminal wraps the last column and texts with spaces."""
    texts = [["-" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, column in enumerate(columns, start=1):
        breaks = place == len(columns) or any(" " in row[place - 1] for row in texts)
        table.add_column(Text(column), overflow="fold", no_wrap=not breaks)
    for row in texts:
        table.add_row(*map(Text, row))
    console().print(table)


def print_tree(root: str, branches: Iterable[Branch]) -> None:
    """Print the name of the root with its branches below it."""

    def grow(tree: Tree, below: Iterable[Branch]) -> Tree:
        for branch in below:
            text, further = branch.lines()
            grow(tree.add(Text(printable(text))), further)
        return tree

    console().print(grow(Tree(Text(printable(root))), branches))


def print_json(document: Any) -> None:
    """Print the document with its keys in the given order, in ASCII, which every encoding supports."""
    click.echo(json.dumps(document, indent=2))
