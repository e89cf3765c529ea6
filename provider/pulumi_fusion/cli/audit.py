"""``pulumi-fusion audit``"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.cli.screen import print_table
from pulumi_fusion.sessions.audit import Break, default_path, examine, read, reason
from pulumi_fusion.sessions.audit.chain import CARRIED, ROTATED
from pulumi_fusion.sessions.audit.liveness import STARTED
from pulumi_fusion.sessions.terms import spoken

__all__ = ["audit"]

_MOST_BREAKS = 100

_STEP = "Name another file with FUSION_AUDIT_FILE or --audit-file."


@click.command
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON lines, for log shippers.")
@click.option(
    "--audit-file",
    type=FilePath(),
    help="The file to read. Overrides FUSION_AUDIT_FILE.",
)
@click.pass_context
def audit(ctx: click.Context, *, as_json: bool, audit_file: Path | None) -> None:
    """List the masquerade sessions that were opened on this machine, and check that their records are unbroken.

    Each record holds the hash of the one before it, so a change in the middle shows, as do an end without a start and
    a second start or end. No file shows that its end was cut off, or that all of it was removed, written anew or
    replaced by an older copy: ship the records elsewhere against that. A session that ends checks that its own start is
    still there.

    \b
    Examples:
      pulumi-fusion audit
      pulumi-fusion audit --json | jq 'select(.event == "start") | {time, os_user, customer, reason}'

    \b
    Exit codes: 0 the chain is unbroken, or there is no file yet; 1 it is broken, or the
    file can't be read, and stderr says why; 2 wrong usage.
    """
    path = audit_file or default_path(os.environ)
    try:
        breaks = _show(path, as_json=as_json)
    except FileNotFoundError:
        click.echo(f"No session was opened yet, or the file was removed: there is no {path}.", err=True)
        return
    except OSError as wrong:
        raise click.ClickException(f"cannot read the audit file {reason(path, wrong)}. {_STEP}") from None
    ctx.exit(1 if breaks else 0)


def _show(path: Path, *, as_json: bool) -> bool:
    """Print the records and what is wrong with them; return whether anything is."""
    found = examine(read(path))
    if as_json:
        for record in found.records:
            click.echo(json.dumps(record))
    else:
        _print(found.records)
    breaks = found.breaks
    _print_breaks(path, breaks)
    if not breaks:
        click.echo(f"The chain of {len(found.records)} records holds.", err=True)
    return bool(breaks)


def _print_breaks(path: Path, breaks: Sequence[Break]) -> None:
    for broken in breaks[:_MOST_BREAKS]:
        click.echo(f"Error: {path}:{broken.line}: {broken.what}.", err=True)
    if len(breaks) > _MOST_BREAKS:
        click.echo(f"Error: {path}: {len(breaks) - _MOST_BREAKS} more.", err=True)


def _print(records: Iterable[Mapping[str, Any]]) -> None:
    sessions: dict[str, dict[str, Any]] = {}
    for record in records:
        if record.get("event") != ROTATED:
            sessions.setdefault(record["session"], {})[str(record.get("event"))] = record
    columns = ["Started", "User", "Customer", "Mode", "Requests", "Ended", "Reason"]
    print_table(columns, (_row(events) for events in sessions.values()))


def _row(events: Mapping[str, Mapping[str, Any]]) -> list[object]:
    end = events.get("end") or events.get("unclosed") or {}
    start = events.get("start") or events.get(CARRIED) or end
    sent, seconds = end.get("requests"), end.get("seconds")
    took = f", {spoken(seconds)}" if isinstance(seconds, (int, float)) and math.isfinite(seconds) else ""
    return [
        # Without the milliseconds: a line of a terminal is short.
        re.sub(r"\.[0-9]+Z$", "Z", str(start.get(STARTED, start.get("time")))),
        start.get("os_user"),
        start.get("customer"),
        start.get("mode"),
        sum(sent.values()) if isinstance(sent, dict) and all(type(each) is int for each in sent.values()) else None,
        f"{end.get('ended') or 'no end yet'}{took}",
        " ".join(f"[{start['ticket']}] {start.get('reason')}".split()) if start.get("ticket") else start.get("reason"),
    ]
