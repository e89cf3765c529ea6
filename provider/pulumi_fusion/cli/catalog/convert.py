"""The command ``pulumi-fusion catalog convert``."""

from __future__ import annotations

from pathlib import Path

import click

from pulumi_fusion.catalog.entries import is_csv
from pulumi_fusion.catalog.writing import BLANK, Scalar
from pulumi_fusion.cli.catalog.files import catalog_path, loaded, named, write_catalog
from pulumi_fusion.cli.catalog.options import without_option
from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.customer.model import FIELDS
from pulumi_fusion.documentation import more

__all__ = ["convert"]


@click.command(epilog=more("catalog-export", "start-from-a-spreadsheet"))
@click.argument("file", metavar="FILE.csv")
@click.option(
    "-o",
    "--output",
    type=FilePath(dash=True),
    callback=catalog_path,
    help="The catalog to write; by default stdout.",
)
@without_option
def convert(*, file: str, output: Path | None, without: frozenset[str]) -> None:
    """Convert a spreadsheet to a catalog. Needs no network, no engine and no credential.

    FILE.csv has a row for each customer. Its first row has the Python names of the fields, such as shortname,
    organization and data_retention. What most customers have in common becomes a default, and a required field that a
    row lacks is "", with the comment "fill in". The rules of the fields aren't applied: `pulumi-fusion catalog
    validate` does that.

    \b
    Example:
      pulumi-fusion catalog convert customers.csv -o customers.yaml

    \b
    Exit codes: 0 written; 1 it failed, or the file has problems; 2 wrong usage.
    """
    if not is_csv(file):
        raise click.UsageError(f"{file} isn't a CSV file: its name must end with .csv.")
    if output is not None and output.is_file():
        raise click.UsageError(f"{named(output)} exists. Choose another file, or remove it.")
    catalog = loaded(file)
    required: dict[str, Scalar] = {
        name: BLANK for name, spec in FIELDS.items() if spec.required and name not in {"shortname", *without}
    }
    customers = {
        entry.shortname: {**required, **{name: each.value for name, each in entry.own.items()}}
        for entry in catalog.entries
    }
    write_catalog(output, customers, source=file)
