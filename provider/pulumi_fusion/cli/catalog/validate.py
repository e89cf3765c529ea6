"""The command ``pulumi-fusion catalog validate``."""

from __future__ import annotations

import gc

import click

from pulumi_fusion.catalog.check import validate as find
from pulumi_fusion.catalog.findings import Finding
from pulumi_fusion.catalog.formats import FORMATS
from pulumi_fusion.cli.catalog.options import type_option, without_option
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.documentation import more
from pulumi_fusion.errors import capped

__all__ = ["validate"]


@click.command(epilog=more("catalog", "check-it"))
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--format",
    "output",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="github: annotations in a pull request. gitlab: a Code Quality report. sarif: for code scanning.",
)
@type_option
@without_option
@click.pass_context
def validate(
    ctx: click.Context, files: tuple[str, ...], *, output: str, types: tuple[str, ...], without: frozenset[str]
) -> None:
    """Find everything that is wrong with catalogs. Needs no network, no engine and no credential.

    FILE is a catalog in YAML, or in CSV if its name ends with .csv. Each problem is one line on stdout,
    FILE:LINE:COLUMN: MESSAGE, or a part of a document in another format. The column of a CSV file is the number of the
    cell. The values must satisfy the rules that the provider enforces at preview.

    \b
    Examples:
      pulumi-fusion catalog validate customers.yaml
      pulumi-fusion catalog validate --format gitlab customers.yaml > gl-code-quality-report.json
      pulumi-fusion catalog validate --without email,given_name,family_name customers.yaml

    \b
    Exit codes: 0 nothing is wrong; 1 something is, or a file can't be read; 2 wrong usage.
    """
    # A check keeps nearly all that it allocates, so the search for garbage would be a third of its time.
    gc.disable()
    ctx.call_on_close(gc.enable)
    found: list[Finding] = []
    unreadable = False
    for file in files:
        try:
            found += find(file, types=types, without=without)
        except OSError as failure:
            report(f"Error: can't read {file}: {capped(str(failure.strerror))}")
            unreadable = True
    click.echo(FORMATS[output](found), nl=False)
    if found:
        report(f"Problems: {len(found)}.")
    ctx.exit(1 if found or unreadable else 0)
