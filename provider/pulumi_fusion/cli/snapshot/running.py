"""The emulator of this environment, and the files of snapshots."""

from __future__ import annotations

import json
import os
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from pulumi_fusion.api_url import api_base
from pulumi_fusion.binding import EMULATOR
from pulumi_fusion.characters import printable
from pulumi_fusion.errors import capped

__all__ = ["accounts_in", "content", "emulator_url", "is_stdio", "send"]

_ROUTE: Final = "/_emulator/snapshot"

_TIMEOUT: Final = 300.0
"""Seconds without a byte of the answer. Many accounts take a while to check."""


_LONGEST: Final = 2000
"""Characters of a message of the emulator, which names several problems."""


def emulator_url() -> str:
    """Return the address of the environment's emulator, or raise ClickException."""
    url = os.environ.get(EMULATOR, "").strip()
    if not url:
        raise click.ClickException(
            f"no emulator: {EMULATOR} is not set. Run this inside `pulumi-fusion emulator -- COMMAND`, or in a shell "
            "that has run what `pulumi-fusion emulator` prints."
        )
    try:
        base = api_base(url, named_by_owner=False)
    except ValueError as wrong:
        raise click.ClickException(f"{EMULATOR} {wrong}") from None
    if not base.startswith("http://"):
        raise click.ClickException(f"{EMULATOR} must be the http url of an emulator on this machine")
    return base


def send(url: str, body: bytes | None = None) -> bytes:
    """Return the snapshot of the emulator, after it was replaced by a body if there is one.

    Raises:
        ClickException: The emulator doesn't respond, which leaves open whether it has taken the body, or refuses it.
    """
    parts = urlsplit(url)
    # A plain connection, since no proxy leads to this machine.
    connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=_TIMEOUT)
    outcome = ""
    try:
        connection.connect()
        if body is not None:
            outcome = ". The outcome is unknown: `pulumi-fusion snapshot diff FILE` shows whether it was loaded"
        connection.request("GET" if body is None else "PUT", _ROUTE, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        status, received = answer.status, answer.read()
    except (OSError, HTTPException) as failure:
        raise click.ClickException(
            f"the emulator at {url} doesn't respond, and may have ended: {capped(str(failure))}{outcome}"
        ) from None
    finally:
        connection.close()
    if status != 200:
        reason = _message(received) or f"It answered {status}."
        raise click.ClickException(f"the emulator at {url} refused. {printable(reason)[:_LONGEST]}")
    return received


def _message(received: bytes) -> str | None:
    try:
        return str(json.loads(received)["message"])
    except (ValueError, KeyError, TypeError):
        return None


def is_stdio(path: Path) -> bool:
    """Return whether a path is ``-``, a standard stream."""
    return path == Path("-")


def content(path: Path) -> bytes:
    """Return the content of a file, or of stdin for ``-``, or raise ClickException."""
    try:
        return sys.stdin.buffer.read() if is_stdio(path) else path.read_bytes()
    except OSError as failure:
        raise click.ClickException(f"can't read {path}: {capped(str(failure.strerror))}") from None


def accounts_in(snapshot: bytes) -> str:
    """Return the number of accounts in a snapshot of the emulator, as a phrase."""
    found: Any = json.loads(snapshot)
    count = len(found["accounts"])
    return "1 account" if count == 1 else f"{count} accounts"
