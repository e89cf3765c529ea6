"""The commands ``pulumi-fusion catalog``, one module each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from pulumi_fusion.cli.lazy_group import LazyGroup
from pulumi_fusion.documentation import more

__all__ = ["COMMANDS", "catalog"]

COMMANDS: Final[Mapping[str, str]] = {
    "compare": "Compare a file with the customers of the account.",
    "convert": "Convert a spreadsheet to a catalog, offline.",
    "export": "Write the customers of the account as a catalog.",
    "schema": "Write the JSON Schema of a catalog, for editors.",
    "validate": "Find everything that is wrong with a file, offline.",
}


@click.group(cls=LazyGroup, package="pulumi_fusion.cli.catalog", summaries=COMMANDS, epilog=more("catalog"))
def catalog() -> None:
    """Work with customers.yaml, the customers of an account as a reviewed file.

    No command here changes a customer. A program declares those of the file, and `pulumi up` applies them.

    \b
    Exit codes: each command has its own; see `pulumi-fusion catalog COMMAND --help`.
    """
