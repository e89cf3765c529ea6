"""The report of a preview for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from shutil import get_terminal_size
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pulumi_fusion.report.describe import brief, counted, details, line, others, property_name, retained, shown, title
from pulumi_fusion.report.digest import SHORT
from pulumi_fusion.report.plan import Op
from pulumi_fusion.report.problems import Problems, problems
from pulumi_fusion.report.render.contents import Contents
from pulumi_fusion.report.warnings import grouped

__all__ = ["print_text"]

_COLUMNS: Final = 80
_NARROWEST: Final = 20
_COLUMN: Final = 20
"""Characters of a column before the last one, unless a word is longer."""
_SENTENCE: Final = 500
_STYLES: Final = {
    Op.DELETE: "bold red",
    Op.REPLACE: "bold red",
    Op.FORGET: "yellow",
    Op.UPDATE: "yellow",
    Op.ADOPT: "yellow",
    Op.IMPORT: "cyan",
    Op.CREATE: "green",
}


def print_text(contents: Contents) -> None:
    """Print the report in the width of the terminal, or of COLUMNS, or 80 columns wide."""
    width = max(_NARROWEST, get_terminal_size((_COLUMNS, 0)).columns)
    screen = Console(width=width, markup=False, emoji=False, highlight=False)
    with screen.capture() as captured:
        _print(screen, contents)
    # Rich fills the lines of a table with blanks.
    click.echo("\n".join(each.rstrip(" ") for each in captured.get().split("\n")), nl=False, color=screen.is_terminal)


def _print(screen: Console, contents: Contents) -> None:
    plan = contents.plan
    short = f" (digest {contents.digest[:SHORT]})" if contents.digest else ""
    screen.print(Text(f"{title(plan)}: ", style="bold") + Text(counted(plan)) + Text(short, style="dim"))
    if plan.failures:
        _problems(screen, problems(plan))
    _list(screen, "Refused", [("", each) for each in contents.refused], "bold red")
    _list(screen, "Warnings", grouped(contents.warnings), "bold red")
    if plan.customers:
        rows = [
            (
                Text(each.op.value, style=_STYLES[each.op]),
                Text(brief(each.name)),
                Text(shown("organization", each.now("organization"))),
                Text(line(details(each), _SENTENCE)),
            )
            for each in plan.customers
        ]
        _table(screen, ("", "Customer", "Organization", "What changes"), rows)
    _list(screen, "Messages of the preview", [("", each) for each in plan.notes], "bold")
    for text in filter(None, (retained(plan), others(plan))):
        screen.print()
        screen.print(Text(line(text, _SENTENCE), style="dim"))
    if contents.digest:
        screen.print()
        screen.print(Text(f"Digest: {contents.digest}"))


def _problems(screen: Console, found: Problems) -> None:
    screen.print()
    screen.print(Text(f"No plan: {found.outcome}", style="bold red"))
    screen.print()
    screen.print(Text("Problems", style="bold red"))
    if found.introduction:
        screen.print(Text(line(found.introduction, _SENTENCE)))
    rows = [
        (Text(brief(each.resource) or "-"), Text(brief(property_name(each)) or "-"), Text(line(each.reason, _SENTENCE)))
        for each in found.failures
    ]
    _table(screen, ("Resource", "Property", "Problem"), rows)


def _list(screen: Console, name: str, rows: Sequence[tuple[str, str]], style: str) -> None:
    if not rows:
        return
    screen.print()
    screen.print(Text(name, style=style))
    # A grid would do the same in twice the time, which a thousand warnings take.
    lines: list[Text] = []
    for subject, text in rows:
        item = Text.assemble((f"{subject}: " if subject else "", "bold"), line(text, _SENTENCE))
        for number, each in enumerate(item.wrap(screen, max(20, screen.width - 4))):
            each.rstrip()
            lines.append(Text("    " if number else "  - ") + each)
    screen.print(Text("\n").join(lines), soft_wrap=True)


def _table(screen: Console, head: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    screen.print()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for place, column in enumerate(head[:-1]):
        longest = max(len(word) for row in rows for word in [column, *row[place].plain.split(" ")])
        table.add_column(Text(column), overflow="fold", max_width=max(_COLUMN, longest))
    table.add_column(Text(head[-1]), overflow="fold")
    for row in rows:
        table.add_row(*row)
    screen.print(table)
