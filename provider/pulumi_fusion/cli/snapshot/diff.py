"""The command ``pulumi-fusion snapshot diff``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pulumi_fusion.characters import printable
from pulumi_fusion.cli.emulator_package import require_emulator
from pulumi_fusion.cli.output import print_json
from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.cli.snapshot.comparing import HIDDEN, Difference, compared
from pulumi_fusion.cli.snapshot.running import content, emulator_url, is_stdio, send
from pulumi_fusion.documentation import more

if TYPE_CHECKING:
    from fusion_emulator.snapshots import Snapshot

__all__ = ["diff"]

DIFFERENT: Final = 7
"""The exit code of the Pulumi CLI for changes although none are expected."""

_FIELDS: Final = (
    *("id", "organization", "type", "retention", "rollupRetention", "trial", "fps", "parent"),
    *("ingest_ip", "ingest_port", "allowed_ips", "users", "keys"),
)


@click.command(epilog=more("emulator", "snapshots"))
@click.argument("file", type=FilePath(dash=True))
@click.argument("file2", type=FilePath(dash=True), required=False)
@click.option(
    "--without",
    type=click.Choice(_FIELDS),
    metavar="FIELD",
    multiple=True,
    help="Leave out this field, such as id. A wrong name lists all. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def diff(ctx: click.Context, *, file: Path, file2: Path | None, without: tuple[str, ...], as_json: bool) -> None:
    """Show what changed from FILE to the running emulator, or to FILE2; - is stdin.

    Accounts are compared by their shortnames. A changed id means that an account was deleted and created again. To
    compare accounts of different runs, use --without id --without ingest_port; the same --seed for both emulators is
    enough only if all requests have the same order, and a run of Pulumi may create its customers in another one. The
    values of users and API keys are compared, but not shown.

    \b
    Examples:
      pulumi-fusion snapshot diff before.json
      pulumi-fusion snapshot diff expected.json after.json --without id --without ingest_port

    \b
    Exit codes: 0 no difference; 1 it failed, with the reason on stderr; 2 wrong usage; 7 there are differences.
    """
    if file2 is not None and is_stdio(file) and is_stdio(file2):
        raise click.BadParameter("only one of the two can be stdin.", param_hint="FILE2")
    require_emulator()
    if file2 is None:
        after_name = emulator_url()
        after = _snapshot(send(after_name), f"the emulator at {after_name}")
    else:
        after_name = str(file2)
        after = _snapshot(content(file2), after_name)
    before = _snapshot(content(file), str(file))
    found = compared(before, after, without=without)
    if as_json:
        print_json(_document(str(file), after_name, found))
    else:
        _print(str(file), after_name, found)
    ctx.exit(DIFFERENT if found else 0)


def _snapshot(text: bytes, name: str) -> Snapshot:
    from fusion_emulator.documents import InvalidStateError
    from fusion_emulator.snapshots import read_snapshot

    try:
        return read_snapshot(text)
    except InvalidStateError as wrong:
        raise click.ClickException(f"can't use {name}. {wrong}") from None


def _document(before: str, after: str, found: Difference) -> dict[str, Any]:
    changed = [
        {
            "shortname": name,
            "fields": {
                field: None if field in HIDDEN else {"before": first, "after": second}
                for field, (first, second) in fields.items()
            },
        }
        for name, fields in found.changed.items()
    ]
    return {
        "version": 1,
        "before": before,
        "after": after,
        "added": list(found.added),
        "removed": list(found.removed),
        "changed": changed,
        "equal": found.equal,
    }


def _print(before: str, after: str, found: Difference) -> None:
    counts = {
        "added": len(found.added),
        "removed": len(found.removed),
        "changed": len(found.changed),
        "equal": found.equal,
    }
    counted = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    lines = [f"{before} -> {after}: {counted or 'no accounts'}"]
    lines += [f"+ {name}" for name in found.added]
    lines += [f"- {name}" for name in found.removed]
    for name, fields in found.changed.items():
        lines.append(f"~ {name}")
        lines += [f"    {_change(field, *values)}" for field, values in fields.items()]
    click.echo("\n".join(printable(each) for each in lines))


def _change(field: str, before: Any, after: Any) -> str:
    if field in HIDDEN:
        return f"{field}: differ"
    first, second = (json.dumps(value, ensure_ascii=False) for value in (before, after))
    return f"{field}: {first} -> {second}"
