"""The command ``pulumi-fusion catalog schema``."""

from __future__ import annotations

from pathlib import Path

import click

from pulumi_fusion.catalog.schema import MODELINE, as_json
from pulumi_fusion.cli.catalog.options import file_or_stdout, type_option, without_option
from pulumi_fusion.cli.output_file import write_file
from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.documentation import more

__all__ = ["schema"]


@click.command(epilog=more("catalog-check", "in-an-editor"))
@click.option(
    "-o",
    "--output",
    type=FilePath(dash=True),
    callback=file_or_stdout,
    help="Write the schema to this file, not to stdout.",
)
@type_option
@without_option
def schema(*, output: Path | None, types: tuple[str, ...], without: frozenset[str]) -> None:
    """Write the JSON Schema of a catalog, with which editors complete and check it.

    The schema is draft-07. An editor with the YAML language server, such as VS Code with its YAML extension, uses it if
    the first line of the catalog is the following one; the path is relative to the catalog.

    \b
      # yaml-language-server: $schema=./customers.schema.json

    A schema can't express every rule: use `pulumi-fusion catalog validate` before a commit and in a pipeline.

    \b
    Exit codes: 0 written; 1 the file can't be written; 2 wrong usage.
    """
    text = as_json(types=types, without=without)
    if output is None:
        click.echo(text, nl=False)
        return
    write_file(output, text)
    modeline = MODELINE.format(path=f"./{output.name}")
    report(f"Wrote {output.name}. The first line of a catalog in its folder:\n{modeline}")
