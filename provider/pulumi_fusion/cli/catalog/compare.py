"""The command ``pulumi-fusion catalog compare``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pulumi_fusion.catalog.check import findings
from pulumi_fusion.catalog.comparing import Comparison
from pulumi_fusion.catalog.comparing import compare as compared
from pulumi_fusion.catalog.entries import Catalog
from pulumi_fusion.catalog.findings import Finding, Rule
from pulumi_fusion.catalog.live import Live, read_live
from pulumi_fusion.cli.catalog.files import loaded, refuse, warn_if_cut, warn_if_deeper
from pulumi_fusion.cli.catalog.options import without_option
from pulumi_fusion.cli.connection import connect, service_options
from pulumi_fusion.cli.output import print_json
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.customer.names import label
from pulumi_fusion.documentation import more
from pulumi_fusion.report.describe import line, shown, some
from pulumi_fusion.report.plan import ADMIN
from pulumi_fusion.settings import Settings

__all__ = ["compare"]

DIFFERENT: Final = 7
"""The exit code of the Pulumi CLI for changes although none are expected."""

_COLUMNS: Final = 80

_READ: Final = 50
"""Customers that the list lacks are read one by one, up to so many."""


@click.command(epilog=more("catalog-export", "compare-a-catalog-with-the-account"))
@click.argument("file")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True)
@without_option
@service_options
@click.pass_context
def compare(
    ctx: click.Context,
    *,
    file: str,
    form: str,
    without: frozenset[str],
    account: str | None,
    api_url: str | None,
) -> None:
    """Compare a catalog with the direct customers of an account. Sends only reads, and needs no state.

    Shows customers that only one of the two has, and values that differ. What the service doesn't return isn't
    compared, and the first admins' data isn't shown.

    \b
    Needs the credential in NETOSECRET or in a file named by FUSION_NETOSECRET_FILE.

    \b
    Examples:
      pulumi-fusion catalog compare customers.yaml
      pulumi-fusion catalog compare customers.yaml --format json | jq -r '.unmanaged[].shortname'

    \b
    Exit codes: 0 no difference; 1 it failed, or the file has problems; 2 wrong usage; 7 there are differences.
    """
    catalog = loaded(file)
    with connect(Settings.resolve({"account": account, "api_url": api_url})) as fusion:
        live = read_live(
            fusion, [each.shortname for each in catalog.entries], types=True, without=without, at_most=_READ
        )
    types = [text for each in live.types for text in (each.value, each.label) if text]
    # A program may set the first admin from secrets, and no record has it.
    refuse(
        [
            each
            for each in findings(catalog, types=types, without=ADMIN | without)
            if not _both_exist(each, catalog, live)
        ]
    )
    found = compared(catalog, live)
    if form == "json":
        print_json(_document(file, live, found))
    else:
        _print(file, live, found)
    _warn(live)
    ctx.exit(DIFFERENT if found.has_differences else 0)


def _both_exist(finding: Finding, catalog: Catalog, live: Live) -> bool:
    """Return whether a finding is about shortnames that differ only in case, and the account has them all."""
    twin = (finding.shortname or "").casefold()
    return finding.rule is Rule.CASE_TWINS and all(
        each.shortname in live.customers for each in catalog.entries if each.shortname.casefold() == twin
    )


def _warn(live: Live) -> None:
    if live.unread:
        report(
            f"Not read one by one: {some(live.unread)}. The list of {live.account} lacks them; they may exist below "
            "another account."
        )
    if live.unlisted:
        report(f"The list lacks customers that exist ({live.unlisted}), so there may be more than these.")
    warn_if_deeper(live, "compares")
    warn_if_cut(live)


def _document(file: str, live: Live, found: Comparison) -> dict[str, Any]:
    return {
        "version": 1,
        "file": file,
        "account": live.account,
        "missing": [{"shortname": each.shortname, "line": each.place.line} for each in found.missing],
        "elsewhere": [
            {"shortname": entry.shortname, "line": entry.place.line, "parent": parent}
            for entry, parent in found.elsewhere
        ],
        "not_read": list(live.unread),
        "unmanaged": [
            {"shortname": each.shortname, "customer_id": each.id, "organization": each.organization}
            for each in found.unmanaged
        ],
        "case_twins": [
            {"shortname": entry.shortname, "line": entry.place.line, "service": account.shortname}
            for entry, account in found.case_twins
        ],
        "different": [
            {
                "shortname": entry.shortname,
                "line": entry.place.line,
                "fields": {each.field: {"file": each.declared, "service": each.live} for each in differences},
            }
            for entry, differences in found.different
        ],
        "equal": found.equal,
        "not_compared": list(found.not_compared),
    }


def _print(file: str, live: Live, found: Comparison) -> None:
    """Print the comparison, 80 columns wide if stdout isn't a terminal."""
    screen = Console(width=None if sys.stdout.isatty() else _COLUMNS, markup=False, emoji=False, highlight=False)
    counts = {
        "missing": len(found.missing),
        "elsewhere": len(found.elsewhere),
        "unmanaged": len(found.unmanaged),
        "in another case": len(found.case_twins),
        "different": len(found.different),
        "equal": found.equal,
    }
    counted = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no customers"
    screen.print(Text(f"{line(file)} / {line(live.account)}: {counted}", style="bold"))
    missing = ((each.shortname, f"line {each.place.line}") for each in found.missing)
    _table(screen, "Missing: in the file, not on the service", missing)
    elsewhere = (
        (entry.shortname, f"line {entry.place.line}", f"below {parent}" if parent else "")
        for entry, parent in found.elsewhere
    )
    _table(screen, f"Elsewhere: on the service, not a customer of {line(live.account)}", elsewhere, ("", "", ""))
    unmanaged = ((each.shortname, each.organization or "") for each in found.unmanaged)
    _table(screen, "Unmanaged: on the service, not in the file", unmanaged)
    twins = ((entry.shortname, f"{account.shortname} on the service") for entry, account in found.case_twins)
    _table(screen, "Only upper and lower case differ", twins)
    different = (
        (entry.shortname, label(each.field), shown(each.field, each.declared), shown(each.field, each.live))
        for entry, differences in found.different
        for each in differences
    )
    _table(screen, "Different", different, ("Customer", "Field", "File", "Service"))
    if found.not_compared:
        names = ", ".join(map(label, found.not_compared))
        screen.print(Text(f"\nNot compared, since the service doesn't return them: {names}.", style="dim"))


def _table(screen: Console, title: str, rows: Iterable[tuple[str, ...]], head: tuple[str, ...] = ("", "")) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(head), header_style="bold")
    for each in head:
        table.add_column(each, overflow="fold")
    for row in rows:
        table.add_row(*(Text(line(each)) for each in row))
    if table.row_count:
        screen.print()
        screen.print(Text(title, style="bold yellow"))
        screen.print(table)
