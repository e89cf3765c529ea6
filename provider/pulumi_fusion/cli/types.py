"""The command ``pulumi-fusion types``."""

from __future__ import annotations

import click

from pulumi_fusion.cli.connection import connect, service_options
from pulumi_fusion.cli.output import print_json, print_table
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.documentation import more
from pulumi_fusion.settings import Settings

__all__ = ["types"]


@click.command(epilog=more("customer"))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of value, label, description.")
@service_options
def types(*, as_json: bool, account: str | None, api_url: str | None) -> None:
    """List the account types that the service supports: each is accepted as `type` of a customer.

    Value is the API's value, Label the text in the form.

    \b
    Needs the credential in NETOSECRET or in a file named by FUSION_NETOSECRET_FILE.

    \b
    Example:
      pulumi-fusion types --json | jq -r '.[].value'

    \b
    Exit codes: 0 listed; 1 it failed; 2 wrong usage.
    """
    with connect(Settings.resolve({"account": account, "api_url": api_url})) as fusion:
        found = fusion.list_customer_types()
    if as_json:
        print_json([each.model_dump() for each in found])
    elif found:
        print_table(["Value", "Label", "Description"], ([each.value, each.label, each.description] for each in found))
    else:
        report("The service lists no account types.")
