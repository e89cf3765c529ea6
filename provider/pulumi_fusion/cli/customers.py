"""The command ``pulumi-fusion customers``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import click

from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.cli.connection import connect, service_options
from pulumi_fusion.cli.output import print_json, print_table, print_tree
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.customer.mapping import merge
from pulumi_fusion.customer.model import Account, State
from pulumi_fusion.customer.names import label
from pulumi_fusion.documentation import more
from pulumi_fusion.errors import RequestFailed, capped
from pulumi_fusion.operations.cache import LONGEST_LIST
from pulumi_fusion.settings import Settings

__all__ = ["customers"]

NO_ACCOUNTS: Final[frozenset[str]] = frozenset()


@click.command(epilog=more("permissions"))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with every field, for scripts.")
@click.option("--tree", is_flag=True, help="Also list the customers of each customer, as a tree.")
@service_options
def customers(*, as_json: bool, tree: bool, account: str | None, api_url: str | None) -> None:
    """List the customers of the account, as the service returns them now.

    Organization and Type are shown if the service returns them; its documented record doesn't have them. With --json
    each customer is an object with the fields of pulumi_fusion.Account, null if the service doesn't return the field.
    With --tree each customer that has customers is read from inside, as with --account, and has them in "customers".

    \b
    Needs the credential in NETOSECRET or in a file named by FUSION_NETOSECRET_FILE.

    \b
    Examples:
      pulumi-fusion customers
      pulumi-fusion customers --account flowmore
      pulumi-fusion customers --tree
      pulumi-fusion customers --json | jq -r '.[] | [.shortname, .ingest_ip, .ingest_port] | @tsv'

    \b
    Exit codes: 0 listed, also if there are none; 1 it failed; 2 wrong usage.
    """
    settings = Settings.resolve({"account": account, "api_url": api_url})
    with connect(settings) as fusion:
        found = fusion.list_customers()
        branches = _branches(found, fusion.account, settings) if tree else []
    if tree and as_json:
        print_json([branch.document() for branch in branches])
    elif tree:
        print_tree(fusion.account, branches)
    elif as_json:
        print_json([each.model_dump() for each in found])
    elif found:
        _print(found)
    else:
        report(f"{fusion.account} has no customers.")
    if len(found) >= LONGEST_LIST:
        reference = more("troubleshooting", "the-list-is-full")
        report(f"The service lists at most {LONGEST_LIST} customers, so there may be more than these. {reference}")


@dataclass(frozen=True)
class Branch:
    """One customer and those below it; ``unseen`` is the reason if those couldn't be read."""

    account: Account
    below: Sequence[Branch]
    unseen: str | None = None

    def document(self) -> dict[str, object]:
        """Return the fields of the account, and its customers, None if they couldn't be read."""
        below = None if self.unseen else [branch.document() for branch in self.below]
        return {**self.account.model_dump(), "customers": below}

    def lines(self) -> tuple[str, Sequence[Branch]]:
        """Return the text of this branch, and the branches below it."""
        kind = ", ".join(filter(None, (self.account.organization, merge(self.account, State()).status)))
        unseen = f"  (its customers can't be read: {self.unseen})" if self.unseen else ""
        return f"{self.account.shortname}{f'  {kind}' if kind else ''}{unseen}", self.below


def _branches(
    listed: Sequence[Account], top: str, settings: Settings, above: frozenset[str] = NO_ACCOUNTS
) -> list[Branch]:
    """Return the customers directly below ``top``; the list may contain the whole subtree or only one level of it."""
    seen = above | {top}
    listed = [account for account in listed if account.shortname not in seen]
    names = {account.shortname for account in listed}
    return [
        _branch(account, listed, settings, seen)
        for account in listed
        if account.parent in (top, None) or account.parent not in names
    ]


def _branch(account: Account, listed: Sequence[Account], settings: Settings, seen: frozenset[str]) -> Branch:
    name = account.shortname
    below = [each for each in listed if each.parent == name]
    try:
        if not below and (account.children or account.is_parent):
            with FusionClient(settings, account=name) as inside:
                below = inside.list_customers()
                return Branch(account, _branches(below, name, settings, seen))
    except RequestFailed as failure:
        return Branch(account, (), capped(failure.came_back))
    return Branch(account, [_branch(each, listed, settings, seen | {name}) for each in below])


def _ingest(account: Account) -> str | None:
    if account.ingest_ip is None or account.ingest_port is None:
        return account.ingest_ip
    host = f"[{account.ingest_ip}]" if ":" in account.ingest_ip else account.ingest_ip
    return f"{host}:{account.ingest_port}"


def _days(days: int | None) -> str | None:
    return None if days is None else f"{days} days"


# The columns of the vendor's own table: https://docs.netography.com/docs/customers
_COLUMNS: Final[dict[str, Callable[[Account], object]]] = {
    label("shortname"): lambda account: account.shortname,
    label("organization"): lambda account: account.organization,
    label("type"): lambda account: account.type,
    label("status"): lambda account: merge(account, State()).status,
    "Ingest IP & Port": _ingest,
    label("data_retention"): lambda account: _days(account.data_retention),
    label("rollup_retention"): lambda account: _days(account.rollup_retention),
    "Children": lambda account: account.children,
    "ID": lambda account: account.id,
}
_UNDOCUMENTED: Final = {label("organization"), label("type")}
"""Columns that are left out if the service returns no value for them."""


def _print(accounts: Sequence[Account]) -> None:
    shown = {
        title: cell
        for title, cell in _COLUMNS.items()
        if title not in _UNDOCUMENTED or any(cell(account) is not None for account in accounts)
    }
    print_table(list(shown), ([cell(account) for cell in shown.values()] for account in accounts))
