"""Options that several commands for a catalog have."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from pulumi_fusion.customer.model import FIELDS
from pulumi_fusion.customer.rules import nearest

__all__ = ["file_or_stdout", "type_option", "without_option"]


def _fields(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> frozenset[str]:
    names = [each.strip() for value in values for each in value.split(",")]
    for name in names:
        if name not in FIELDS or name == "shortname":
            raise click.BadParameter(f"{name!r} isn't a field{nearest(name, FIELDS)}.")
    return frozenset(names)


def file_or_stdout(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Return None, which is stdout, for ``-``."""
    return None if path == Path("-") else path


type_option: Final = click.option(
    "--type", "types", multiple=True, metavar="TYPE", help="Accept this account type of the service, too."
)

without_option: Final = click.option(
    "--without",
    multiple=True,
    metavar="FIELD",
    callback=_fields,
    help="A field that the program sets, so the catalog need not have it.",
)
