"""The command ``pulumi-fusion catalog export``."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import click

from pulumi_fusion.catalog.editing import edited
from pulumi_fusion.catalog.entries import Catalog
from pulumi_fusion.catalog.live import Live, read_live
from pulumi_fusion.catalog.loading import load
from pulumi_fusion.catalog.merging import Changes, applied, changes, new_entries
from pulumi_fusion.catalog.writing import Scalar
from pulumi_fusion.cli.catalog.files import (
    catalog_path,
    fill_in,
    loaded,
    named,
    warn_if_cut,
    warn_if_deeper,
    write_catalog,
)
from pulumi_fusion.cli.catalog.options import without_option
from pulumi_fusion.cli.connection import connect, service_options
from pulumi_fusion.cli.output_file import write_file
from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.customer.model import FIELDS
from pulumi_fusion.customer.names import label
from pulumi_fusion.customer.rules import is_shortname
from pulumi_fusion.customer.stack import PLUGIN_TYPE
from pulumi_fusion.documentation import more
from pulumi_fusion.report.describe import shown
from pulumi_fusion.settings import Settings

__all__ = ["export"]


@click.command(epilog=more("catalog-export"))
@click.option(
    "-o",
    "--output",
    type=FilePath(dash=True),
    callback=catalog_path,
    help="The catalog to write or to update; by default stdout.",
)
@click.option("--import-file", type=FilePath(), help="Also write the file for `pulumi import --file` (plugin).")
@click.option("--adopt", is_flag=True, help="Set adopt in each entry (dynamic provider).")
@without_option
@service_options
def export(
    *,
    output: Path | None,
    import_file: Path | None,
    adopt: bool,
    without: frozenset[str],
    account: str | None,
    api_url: str | None,
) -> None:
    """Write the customers of an account as a catalog. Sends only reads.

    The catalog has the direct customers, and what most of them have in common as defaults. What the service doesn't
    return is "", with the comment "fill in"; `pulumi-fusion catalog validate` lists these places.

    A FILE that exists must be a catalog. Customers that it lacks are added, in order if they are sorted, else at the
    end. Values that differ are replaced. All else stays: comments, order, customers that the account doesn't have.
    Fields that the file doesn't manage aren't added.

    To manage the customers afterwards, the plugin needs --import-file, and the dynamic provider --adopt.

    \b
    Needs the credential in NETOSECRET or in a file named by FUSION_NETOSECRET_FILE.

    \b
    Examples:
      pulumi-fusion catalog export -o customers.yaml --import-file import.json
      pulumi-fusion catalog export -o customers.yaml --adopt
      pulumi-fusion catalog export --account flowmore

    \b
    Exit codes: 0 written, or nothing to change; 1 it failed, or FILE has problems; 2 wrong usage.
    """
    if adopt and import_file:
        raise click.UsageError("--adopt and --import-file are two ways to manage the same customers. Use one of them.")
    if output is not None and output == import_file:
        raise click.UsageError("--output and --import-file name the same file.")
    existing = loaded(named(output)) if output is not None and output.is_file() else None
    wanted = [each.shortname for each in existing.entries] if existing else []
    with connect(Settings.resolve({"account": account, "api_url": api_url})) as fusion:
        live = _usable(read_live(fusion, wanted, without=without))
    if existing is None or output is None:
        own = ["type"] if live.parents_without_type() else []
        write_catalog(output, new_entries(live, adopt=adopt), source=live.account, own=own)
    else:
        _update(output, existing, live, adopt=adopt)
    if import_file is not None:
        write_file(import_file, _imports(live.customers))
        report(f"Wrote {named(import_file)} for `pulumi import --file`.")
    _warn_of_twins({*wanted, *live.customers})
    _warn(live, adopt=adopt)


def _usable(live: Live) -> Live:
    """Return the customers that can be managed, and report the others."""
    wrong = [name for name in live.customers if not is_shortname(name)]
    for name in wrong:
        report(f"Left out: {name!r}, which the provider can't manage: it isn't a valid shortname.")
    return replace(live, customers={name: each for name, each in live.customers.items() if name not in wrong})


def _update(output: Path, existing: Catalog, live: Live, *, adopt: bool) -> None:
    found = changes(existing, live, adopt=adopt)
    text = ""
    if found.defaults or found.added or found.changed:
        text = _rewrite(output, found, applied(existing, found))
    _report(output, found, live, fill_in(text))


def _rewrite(output: Path, found: Changes, expected: Mapping[str, Mapping[str, Scalar]]) -> str:
    """Change the text of a catalog, and return it. Exits and writes nothing if it would have other customers."""
    raw = output.read_bytes().decode("utf-8")
    before = raw.removeprefix("\ufeff")
    after = edited(before, found.changed, found.added, found.defaults)

    def check(written: Path) -> None:
        catalog, findings = load(str(written), FIELDS)
        if findings or {each.shortname: catalog.fields(each) for each in catalog.entries} != expected:
            raise click.ClickException(
                f"can't change {named(output)} without losing a part of it. Nothing was written. Export to a new "
                "file, and copy what you need."
            )

    write_file(output, raw.removesuffix(before) + after, check=check)
    return after


def _report(output: Path, found: Changes, live: Live, blanks: str) -> None:
    counts = f"{len(found.added)} added, {len(found.changed)} changed, {len(found.absent)} not in {live.account}"
    report(f"{named(output)}: {counts}.{blanks}")
    if found.defaults:
        texts = [f"{label(name)} {shown(name, value)}" for name, value in found.defaults.items()]
        report(f"  defaults: {', '.join(texts)}")
    for name in found.added:
        report(f"  added {name}")
    for name, fields in found.changed.items():
        texts = [
            f"{label(each.field)} {shown(each.field, each.declared)} → {shown(each.field, each.live)}"
            for each in found.different.get(name, ())
            if each.live is not None
        ]
        report(f"  changed {name}: {', '.join([*texts, *(['adopt'] if 'adopt' in fields else [])])}")
    for name, differences in found.different.items():
        for each in (each for each in differences if each.live is None):
            value = shown(each.field, each.declared)
            report(f"  {name} has no {label(each.field)} in {live.account}. {value} was left as it is.")
    for name in found.absent:
        report(f"  not in {live.account}: {name}. It was left as it is.")


def _imports(shortnames: Iterable[str]) -> str:
    """Return the text of a file for `pulumi import --file`."""
    resources = [{"type": PLUGIN_TYPE, "name": name, "id": name} for name in shortnames]
    return json.dumps({"resources": resources}, indent=2) + "\n"


def _warn_of_twins(shortnames: Collection[str]) -> None:
    names: dict[str, str] = {}
    for name in sorted(shortnames):
        first = names.setdefault(name.casefold(), name)
        if first != name:
            report(
                f"{first} and {name} differ only in upper and lower case, which `catalog validate` refuses. If you "
                "want to manage both, move one to a catalog of its own."
            )


def _warn(live: Live, *, adopt: bool) -> None:
    for name in (name for name, each in live.customers.items() if adopt and each.id is None):
        report(f"No adopt for {name}: the service doesn't return its id. A preview refuses to create it.")
    for name in live.parents_without_type():
        report(f"{name} has customers of its own, so its type isn't that of a direct customer (SLG).")
    warn_if_deeper(live, "exports")
    warn_if_cut(live)
