"""What is printed: tables for people, JSON for programs."""

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
    """Something with a line of its own and further branches."""

    def lines(self) -> tuple[str, Sequence[Branch]]:
        """Its text and its branches."""


# More columns than any table has: what is piped is for other programs, and they take lines whole.
_UNBOUNDED = 10_000


def console() -> Console:
    """stdout as it is: terminal or not, colours or not; text is printed as it stands, markup or no."""
    return Console(
        width=None if sys.stdout.isatty() else _UNBOUNDED, markup=False, emoji=False, highlight=False, soft_wrap=False
    )


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A line per row; None is shown as ``-``. On a narrow terminal the last column and spaced text go on below."""
    texts = [["-" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, column in enumerate(columns, start=1):
        breaks = place == len(columns) or any(" " in row[place - 1] for row in texts)
        table.add_column(Text(column), overflow="fold", no_wrap=not breaks)
    for row in texts:
        table.add_row(*map(Text, row))
    console().print(table)


def print_tree(root: str, branches: Iterable[Branch]) -> None:
    """The root's name with its branches below it."""

    def grow(tree: Tree, below: Iterable[Branch]) -> Tree:
        for branch in below:
            text, further = branch.lines()
            grow(tree.add(Text(printable(text))), further)
        return tree

    console().print(grow(Tree(Text(printable(root))), branches))


def print_json(document: Any) -> None:
    """The document with its keys in the order given, in ASCII, so that no encoding on the way can spoil it."""
    click.echo(json.dumps(document, indent=2))
