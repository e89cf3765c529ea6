"""Where what runs in a session could read the real credential, as far as the helper can see that."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from pulumi_fusion.redaction import redact
from pulumi_fusion.unwrapping import SecretSearch

__all__ = ["Exposure", "exposures", "plain_file", "warning"]

# Processes that are named: a record of the audit stays small.
_MOST: Final = 8
# Bytes of a file that are searched; no credential is as long.
_LONGEST: Final = 64 * 1024


@dataclass(frozen=True)
class Exposure:
    """A place that holds the credential: ``name`` for the audit, ``place`` as a phrase for people."""

    name: str
    place: str


def plain_file(path: str) -> Path | None:
    """Return the plain file behind the value of FUSION_NETOSECRET_FILE, None for a pipe, which is empty once read.

    Ask before the descriptor that it may name is closed.
    """
    try:
        real = Path(path).expanduser().resolve(strict=True)
        return real if path and stat.S_ISREG(real.stat().st_mode) else None
    except (OSError, RuntimeError, ValueError):
        return None


def exposures(file: Path | None) -> list[Exposure]:
    """Return the ``file`` and the processes above this one that hold a credential and can be read.

    A process of the same user can be read by everything that this user runs. Only what a process was started with can
    be seen: what a shell exported later is in its memory alone, and in the environment of what it has started since.
    """
    search = SecretSearch()
    found = []
    for process in _ancestors():
        if places := [*_places(process, search)]:
            name = redact(f"{_name(process)} {process.pid}")
            found.append(Exposure(name, f"the {' and the '.join(places)} of {name}"))
    if file is not None and search.finds(_content(file)):
        found.insert(0, Exposure("FUSION_NETOSECRET_FILE", f"the file {file}"))
    return found[:_MOST]


def warning(found: Sequence[Exposure]) -> str:
    """Return one line on the exposures and on what helps."""
    return (
        f"CREDENTIAL EXPOSED: what runs in this session can read it in {'; '.join(each.place for each in found)}. "
        "Keep it in a file that only another user can read and hand it over by a pipe "
        "(FUSION_NETOSECRET_FILE=<(sudo cat FILE)), or run the session in a container"
    )


def _ancestors() -> list[psutil.Process]:
    try:
        return psutil.Process().parents()
    except (psutil.Error, OSError):
        return []


def _places(process: psutil.Process, search: SecretSearch) -> Iterator[str]:
    """Yield what of the process holds a credential, as far as it can be read."""
    with suppress(psutil.Error, OSError):
        environ = process.environ()
        # Of another account as well, which only its own name shows.
        if environ.get("NETOSECRET", "").strip() or any(map(search.finds, environ.values())):
            yield "environment"
    with suppress(psutil.Error, OSError):
        if any(map(search.finds, process.cmdline())):
            yield "arguments"


def _content(file: Path) -> str:
    try:
        with file.open(errors="replace") as content:
            return content.read(_LONGEST)
    except OSError:
        return ""


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return "process"
