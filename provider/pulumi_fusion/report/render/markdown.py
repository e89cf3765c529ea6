"""The report in Markdown, for a comment in a pull or merge request, or the summary of a job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pulumi_fusion.report.describe import brief, counted, details, line, others, property_name, retained, shown, title
from pulumi_fusion.report.digest import SHORT
from pulumi_fusion.report.problems import Problems, problems
from pulumi_fusion.report.render.contents import Contents
from pulumi_fusion.report.render.escape import escaped
from pulumi_fusion.report.warnings import grouped

__all__ = ["LONGEST", "markdown"]

LONGEST: Final = 64_000
"""Characters; GitHub's comments end at 65 536."""

# Characters for each section. The table of customers gets the rest.
_REFUSED: Final = 3_000
_WARNINGS: Final = 18_000
_FAILURES: Final = 12_000
_NOTES: Final = 3_000
_OWN: Final = 1_000
"""Characters between the sections and of the sentences about what is left out."""

_LINE: Final = 500
"""Characters of a sentence, before an escape makes up to 13 of one."""


def markdown(contents: Contents, *, alerts: bool) -> str:
    """Return the report in Markdown of less than ``LONGEST`` characters. ``alerts``: those of GitHub and GitLab."""
    before, after = list(_before(contents, alerts)), list(_after(contents))
    table = _customers(contents, LONGEST - _OWN - sum(map(len, [*before, *after])))
    return "\n\n".join(filter(None, [*before, table, *after])) + "\n"


def _before(contents: Contents, alerts: bool) -> Iterator[str]:
    plan = contents.plan
    short = f" (digest `{contents.digest[:SHORT]}`)" if contents.digest else ""
    yield f"### {escaped(title(plan))}: {counted(plan)}{short}"
    if plan.failures:
        yield from _problems(problems(plan), alerts)
    if contents.refused:
        lines = (f"- {_sentence(each)}" for each in contents.refused)
        yield _block("Refused", "CAUTION", _within(lines, len(contents.refused), _REFUSED), alerts)
    if contents.warnings:
        found = grouped(contents.warnings)
        lines = (f"- **{_sentence(who) or '-'}**: {_sentence(text)}" for who, text in found)
        yield _block("Warnings", "CAUTION", _within(lines, len(found), _WARNINGS), alerts)


def _problems(found: Problems, alerts: bool) -> Iterator[str]:
    outcome = f"**No plan:** {found.outcome}"
    yield f"> [!CAUTION]\n> {outcome}" if alerts else outcome
    introduction = _sentence(found.introduction)
    # Not on a line of its own, which may be a quick action of GitLab.
    yield f"**Problems**: {introduction}" if introduction else "**Problems**"
    rows = [(each.resource or "-", property_name(each) or "-", each.reason) for each in found.failures]
    yield _table(("resource", "property", "problem"), rows, _FAILURES - len(introduction), "problems")


def _customers(contents: Contents, budget: int) -> str:
    rows = [
        (each.op.value, each.name, shown("organization", each.now("organization")), details(each))
        for each in contents.plan.customers
    ]
    return _table(("", "customer", "organization", "what changes"), rows, budget, "customers") if rows else ""


def _after(contents: Contents) -> Iterator[str]:
    plan = contents.plan
    yield retained(plan)
    if plan.notes:
        lines = (f"- {_sentence(each)}" for each in plan.notes)
        yield _block("Messages of the preview", "NOTE", _within(lines, len(plan.notes), _NOTES), False)
    yield escaped(line(others(plan), 2 * _LINE)) if plan.others or plan.unlisted else ""
    if contents.digest:
        yield f"Digest: `{contents.digest}`"


def _sentence(text: str) -> str:
    return escaped(line(text, _LINE))


def _cell(text: str) -> str:
    return escaped(brief(text)) or "-"


def _block(name: str, alert: str, within: tuple[list[str], int], alerts: bool) -> str:
    """Return a list with a title, as an alert if so asked."""
    kept, left_out = within
    if left_out:
        kept = [*kept, f"- {left_out} more are left out."]
    if alerts:
        return "\n".join([f"> [!{alert}]", f"> **{name}**", ">", *(f"> {each}" for each in kept)])
    return "\n".join([f"**{name}**", "", *kept])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], budget: int, what: str) -> str:
    lines = (_row([*map(_cell, row[:-1]), _sentence(row[-1])]) for row in rows)
    kept, left_out = _within(lines, len(rows), budget)
    table = "\n".join([_row(head), _row(["---"] * len(head)), *kept])
    return f"{table}\n\n{left_out} more {what} are left out; `--format json` has all." if left_out else table


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _within(lines: Iterable[str], count: int, budget: int) -> tuple[list[str], int]:
    """Return the first lines that fit, and how many of ``count`` don't."""
    kept: list[str] = []
    for each in lines:
        budget -= len(each) + 3
        if budget < 0:
            break
        kept.append(each)
    return kept, count - len(kept)
