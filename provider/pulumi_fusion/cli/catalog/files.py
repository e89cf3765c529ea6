"""What the commands that read or write a catalog have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import click

from pulumi_fusion.catalog.entries import Catalog, is_csv
from pulumi_fusion.catalog.findings import Finding
from pulumi_fusion.catalog.live import Live
from pulumi_fusion.catalog.loading import load
from pulumi_fusion.catalog.writing import Scalar, catalog_text
from pulumi_fusion.cli.catalog.options import file_or_stdout
from pulumi_fusion.cli.output_file import write_file
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.customer.model import FIELDS
from pulumi_fusion.documentation import more
from pulumi_fusion.errors import capped
from pulumi_fusion.operations.cache import LONGEST_LIST

__all__ = ["catalog_path", "fill_in", "loaded", "named", "refuse", "warn_if_cut", "warn_if_deeper", "write_catalog"]


def named(path: Path) -> str:
    """Return a path as a person writes it: relative to the working directory if it is below."""
    folder = Path.cwd()
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def catalog_path(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """Return None, which is stdout, for ``-``. Refuse a path that would be read as CSV."""
    if path is not None and is_csv(path.name):
        raise click.BadParameter("a catalog is YAML; choose a name that ends with .yaml.")
    return file_or_stdout(ctx, param, path)


def loaded(path: str) -> Catalog:
    """Return the catalog of a file. Exits if it can't be read, or has findings about its structure."""
    try:
        catalog, findings = load(path, FIELDS)
    except OSError as failure:
        raise click.ClickException(f"can't read {path}: {capped(str(failure.strerror))}") from None
    refuse(findings)
    return catalog


def refuse(findings: Sequence[Finding]) -> None:
    """Show findings as `pulumi-fusion catalog validate` does, and exit if there are any."""
    for each in findings:
        click.echo(str(each), err=True)
    if findings:
        report(f"Error: {findings[0].file} has problems: {len(findings)}. Correct them first.")
        click.get_current_context().exit(1)


def write_catalog(
    output: Path | None, customers: Mapping[str, Mapping[str, Scalar]], *, source: str, own: Collection[str] = ()
) -> None:
    """Write a new catalog to a file, or to stdout, and report it.

    Args:
        output: The file.
        customers: The fields of each customer by Python name, by shortname.
        source: Where the customers are from.
        own: The Python names of fields that don't become defaults.
    """
    text = catalog_text(customers, own=own)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_file(output, text)
    where = f" to {named(output)}" if output else ""
    report(f"Wrote the customers of {source}{where}: {len(customers)}.{fill_in(text)}")


def fill_in(text: str) -> str:
    """Return a sentence about the values of a catalog that a person has to fill in, or an empty text."""
    count = text.count('""  # fill in')
    return f' Fill in the values marked with "# fill in": {count}.' if count else ""


def warn_if_deeper(live: Live, does: str) -> None:
    """Report that customers of customers were left out. ``does`` is what the command does: ``exports``."""
    if live.deeper:
        report(f"Left out: customers of customers ({live.deeper}). --account SHORTNAME {does} those of one customer.")


def warn_if_cut(live: Live) -> None:
    """Report that the account may have more customers than its list."""
    if live.is_cut:
        reference = more("troubleshooting", "the-list-is-full")
        report(f"The service lists at most {LONGEST_LIST} customers, so there may be more than these. {reference}")
