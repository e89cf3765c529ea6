"""The command ``pulumi-fusion audit``."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pulumi_fusion.cli.output import print_table
from pulumi_fusion.cli.path_option import FilePath
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.documentation import more
from pulumi_fusion.sessions.audit import Break, default_path, examine, read, reason
from pulumi_fusion.sessions.audit.chain import CARRIED, ROTATED
from pulumi_fusion.sessions.audit.liveness import STARTED
from pulumi_fusion.sessions.audit.rotation import Archive, archive_of, rotate
from pulumi_fusion.sessions.counts import UNKNOWN
from pulumi_fusion.sessions.request import RAW, format_duration

__all__ = ["audit"]

_MOST_BREAKS = 100
_HIGHEST = 10**9

_STEP = "Name another file with FUSION_AUDIT_FILE or --audit-file."


@click.command(epilog=more("masquerade"))
@click.option("--json", "as_json", is_flag=True, help="Print the records as JSON lines, for log shippers.")
@click.option(
    "--rotate", "rotated", is_flag=True, help="Move the file to an archive in the same folder and begin a new one."
)
@click.option(
    "--audit-file",
    type=FilePath(),
    help="The file to read. Overrides FUSION_AUDIT_FILE.",
)
@click.pass_context
def audit(ctx: click.Context, *, as_json: bool, rotated: bool, audit_file: Path | None) -> None:
    """List the masquerade sessions that were opened on this machine, and check the chain of their records.

    Each record contains the hash of the one before it, so a change is detected, and so are an end without a start and a
    second start or end. The file alone can't show that its end was cut off, or that all of it was removed, rewritten or
    replaced by an older copy: ship the records to another machine. A session checks at its end that the record of its
    start is still there.

    --rotate prints the path of the archive, whose name contains the time in UTC. The new file continues its chain and
    carries over the sessions that have no end yet. Sessions may run meanwhile. Any other way to move the file, such as
    logrotate, breaks the chain.

    \b
    Examples:
      pulumi-fusion audit
      pulumi-fusion audit --rotate
      pulumi-fusion audit --json | jq 'select(.event == "start") | {time, os_user, customer, reason}'

    \b
    Exit codes: 0 the chain is unbroken, or there is no file yet; 1 it is broken (--rotate moves the file anyway), or
    the file can't be read or moved, with the reason on stderr; 2 wrong usage.
    """
    if as_json and rotated:
        raise click.UsageError("--json and --rotate exclude each other.")
    path = audit_file or default_path(os.environ)
    try:
        archive, data = (rotate(path), b"") if rotated else (None, read(path))
    except FileNotFoundError:
        report(f"No session was opened yet, or the file was removed: {path} doesn't exist.")
        return
    except OSError as wrong:
        what = "rotate" if rotated else "read"
        raise click.ClickException(f"cannot {what} the audit file {reason(path, wrong)}. {_STEP}") from None
    broken = _show_rotation(archive) if archive else _show(path, data, as_json=as_json)
    ctx.exit(1 if broken else 0)


def _show(path: Path, data: bytes, *, as_json: bool) -> bool:
    """Print the records and what is wrong with them; return whether anything is."""
    found = examine(data)
    if as_json:
        for record in found.records:
            click.echo(json.dumps(record))
    else:
        _print(found.records)
    breaks, archive = [*found.breaks], archive_of(path, found)
    if archive is not None:
        if archive.wrong:
            breaks.append(archive.wrong)
        else:
            report(_earlier_records(archive, found.records[0]["sequence"] - 1))
    _print_breaks(path, breaks)
    if not breaks:
        report(f"The chain of {len(found.records)} records is unbroken.")
    return bool(breaks)


def _earlier_records(archive: Archive, count: int) -> str:
    if archive.content is None:
        return f"The {count} earlier records were moved to {archive.path}, which doesn't exist any more."
    return f"Earlier records are in {archive.path}: `pulumi-fusion audit --audit-file {archive.path}` shows them."


def _show_rotation(archive: Archive) -> bool:
    """Print where the file went and what is wrong with it; return whether anything is."""
    assert archive.content is not None  # noqa: S101 - rotate() has read it
    click.echo(archive.path)
    carried = len(archive.content.open)
    still = f" {carried} of its sessions have no end yet and are carried over." if carried else ""
    report(f"The audit was moved to {archive.path}, with {len(archive.content.records)} records.{still}")
    _print_breaks(archive.path, archive.content.breaks)
    return bool(archive.content.breaks)


def _print_breaks(path: Path, breaks: Sequence[Break]) -> None:
    for broken in breaks[:_MOST_BREAKS]:
        report(f"Error: {path}:{broken.line}: {broken.what}.")
    if len(breaks) > _MOST_BREAKS:
        report(f"Error: {path}: {len(breaks) - _MOST_BREAKS} more.")


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
    seconds = end.get("seconds")
    # A forged record may contain anything, also infinity and NaN.
    took = f", {format_duration(seconds)}" if isinstance(seconds, (int, float)) and 0 <= seconds < _HIGHEST else ""
    return [
        # Without milliseconds, to keep the line short.
        re.sub(r"\.[0-9]+Z$", "Z", str(start.get(STARTED, start.get("time")))),
        start.get("os_user"),
        start.get("customer"),
        start.get("mode"),
        _requests(start, end),
        f"{end.get('ended') or 'no end yet'}{took}",
        " ".join(f"[{start['ticket']}] {start.get('reason')}".split()) if start.get("ticket") else start.get("reason"),
    ]


def _requests(start: Mapping[str, Any], end: Mapping[str, Any]) -> object:
    """Return how many requests were sent; those with a raw token aren't counted."""
    if start.get("mode") == RAW:
        return UNKNOWN
    sent = end.get("requests")
    counts = sent.values() if isinstance(sent, dict) else (None,)
    return sum(counts) if all(type(each) is int and 0 <= each < _HIGHEST for each in counts) else None
