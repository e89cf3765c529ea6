"""``pulumi-fusion customers``"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import click

from pulumi_fusion.cli.connection import connect, service_options
from pulumi_fusion.cli.screen import print_json, print_table
from pulumi_fusion.customer.mapping import merge
from pulumi_fusion.customer.model import Account, State, label
from pulumi_fusion.settings import Settings

__all__ = ["customers"]


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with every field, for scripts.")
@service_options
def customers(*, as_json: bool, account: str | None, api_url: str | None) -> None:
    """List the customers of the account, as the service has them now.

    Organization and Type are shown where the service tells them; its documented record does not. With --json
    each customer is an object with the fields of pulumi_fusion.Account, null where the service is silent.

    \b
    Needs the credential in NETOSECRET or in a file named by FUSION_NETOSECRET_FILE.

    \b
    Examples:
      pulumi-fusion customers
      pulumi-fusion customers --account flowmore
      pulumi-fusion customers --json | jq -r '.[] | [.shortname, .ingest_ip, .ingest_port] | @tsv'

    \b
    Exit codes: 0 listed, also when there is none; 1 it failed; 2 wrong usage.
    """
    with connect(Settings.resolve({"account": account, "api_url": api_url})) as fusion:
        found = fusion.list_customers()
    if as_json:
        print_json([each.model_dump() for each in found])
    elif found:
        _print(found)
    else:
        click.echo(f"{fusion.account} has no customers.", err=True)


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
"""Columns that are left out where the service fills none of their cells."""


def _print(accounts: Sequence[Account]) -> None:
    shown = {
        title: cell
        for title, cell in _COLUMNS.items()
        if title not in _UNDOCUMENTED or any(cell(account) is not None for account in accounts)
    }
    print_table(list(shown), ([cell(account) for cell in shown.values()] for account in accounts))
