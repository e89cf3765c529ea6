"""The report of a preview for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pulumi_fusion.report.describe import counted, details, line, others, property_name, retained, shown, title
from pulumi_fusion.report.digest import SHORT
from pulumi_fusion.report.plan import Failure, Op
from pulumi_fusion.report.render.contents import Contents
from pulumi_fusion.report.warnings import grouped

__all__ = ["print_text"]

_COLUMNS: Final = 80
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
    """Print the report, 80 columns wide if stdout isn't a terminal."""
    screen = Console(width=None if sys.stdout.isatty() else _COLUMNS, markup=False, emoji=False, highlight=False)
    plan = contents.plan
    short = f" (digest {contents.digest[:SHORT]})" if contents.digest else ""
    screen.print(Text(f"{title(plan)}: ", style="bold") + Text(counted(plan)) + Text(short, style="dim"))
    if plan.failures:
        screen.print(Text("The run failed, so this plan may be incomplete.", style="bold red"))
        _problems(screen, plan.failures)
    _list(screen, "Refused", [("", each) for each in contents.refused], "bold red")
    _list(screen, "Warnings", grouped(contents.warnings), "bold red")
    if plan.customers:
        rows = [
            (
                Text(each.op.value, style=_STYLES[each.op]),
                Text(line(each.name)),
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


def _problems(screen: Console, failures: Sequence[Failure]) -> None:
    screen.print()
    screen.print(Text("Problems", style="bold red"))
    rows = [
        (Text(line(each.resource) or "-"), Text(line(property_name(each)) or "-"), Text(line(each.reason, _SENTENCE)))
        for each in failures
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
    for place, column in enumerate(head, start=1):
        table.add_column(Text(column), overflow="fold", max_width=None if place == len(head) else 20)
    for row in rows:
        table.add_row(*row)
    screen.print(table)
