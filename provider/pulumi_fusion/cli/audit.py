"""``pulumi-fusion audit``"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.cli.screen import print_table
from pulumi_fusion.paths import owner_problem
from pulumi_fusion.sessions.audit import default_path, examine
from pulumi_fusion.sessions.terms import spoken

__all__ = ["audit"]


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

    Each record holds the hash of the one before it, so a change in the middle shows. What shows in no file is that its
    end was cut off, or that all of it was written anew: ship the records elsewhere against that.

    \b
    Examples:
      pulumi-fusion audit
      pulumi-fusion audit --json | jq 'select(.event == "start") | {time, os_user, customer, reason}'

    \b
    Exit codes: 0 the chain holds, or there is no file yet; 1 it is broken, and stderr says where; 2 wrong usage.
    """
    path = audit_file or default_path(os.environ)
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        click.echo(f"No session was opened yet: there is no {path}.", err=True)
        return
    except OSError as wrong:
        owner = owner_problem(path, os.environ)
        step = "Name another file with FUSION_AUDIT_FILE or --audit-file."
        reason = " ".join(filter(None, (f"{wrong.strerror}.", owner, step)))
        raise click.ClickException(f"cannot read the audit file {path}: {reason}") from None
    found = examine(lines)
    if as_json:
        for record in found.records:
            click.echo(json.dumps(record))
    else:
        _print(found.records)
    for broken in found.breaks:
        click.echo(f"Error: {path}:{broken.line}: {broken.what}.", err=True)
    if not found.breaks:
        click.echo(f"The chain of {len(found.records)} records holds.", err=True)
    ctx.exit(1 if found.breaks else 0)


def _print(records: Iterable[Mapping[str, Any]]) -> None:
    sessions: dict[str, dict[str, Any]] = {}
    for record in records:
        sessions.setdefault(record["session"], {})[str(record.get("event"))] = record
    columns = ["Started", "User", "Customer", "Mode", "Requests", "Ended", "Reason"]
    print_table(columns, (_row(events) for events in sessions.values()))


def _row(events: Mapping[str, Mapping[str, Any]]) -> list[object]:
    end = events.get("end") or events.get("unclosed") or {}
    start = events.get("start") or end
    sent, seconds = end.get("requests"), end.get("seconds")
    took = f", {spoken(seconds)}" if isinstance(seconds, (int, float)) and math.isfinite(seconds) else ""
    return [
        # Without the milliseconds: a line of a terminal is short.
        re.sub(r"\.[0-9]+Z$", "Z", str(start.get("time"))),
        start.get("os_user"),
        start.get("customer"),
        start.get("mode"),
        sum(sent.values()) if isinstance(sent, dict) and all(type(each) is int for each in sent.values()) else None,
        f"{end.get('ended') or 'no end yet'}{took}",
        " ".join(f"[{start['ticket']}] {start.get('reason')}".split()) if start.get("ticket") else start.get("reason"),
    ]
