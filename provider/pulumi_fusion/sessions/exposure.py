"""Find places from which a command in a session could read the real credential, as far as the helper can see them."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from pulumi_fusion.redaction import redact
from pulumi_fusion.secret_search import SecretSearch

__all__ = ["Exposure", "exposures", "plain_file", "warning"]

# The most processes that are named, so that an audit record stays small.
_MOST: Final = 8
# Bytes of a file that are searched; a credential is shorter.
_LONGEST: Final = 64 * 1024


@dataclass(frozen=True)
class Exposure:
    """A place that contains the credential: ``name`` for the audit, ``place`` as a phrase for people."""

    name: str
    place: str


def plain_file(path: str) -> Path | None:
    """Return the regular file that FUSION_NETOSECRET_FILE names, or None for a pipe, which is empty once read.

    Call it before the descriptor that it may name is closed.
    """
    try:
        real = Path(path).expanduser().resolve(strict=True)
        return real if path and stat.S_ISREG(real.stat().st_mode) else None
    except (OSError, RuntimeError, ValueError):
        return None


def exposures(file: Path | None) -> list[Exposure]:
    """Return the ``file`` and the ancestors of this process that contain a credential and can be read.

    Every process of a user can read the environment and arguments with which that user's other processes were started.
    A variable that a shell exported later isn't found: it is in the shell's memory and in the environment of its later
    children.
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
    """Return one line that names the exposures and how to prevent them."""
    return (
        f"CREDENTIAL EXPOSED: commands in this session can read it in {'; '.join(each.place for each in found)}. "
        "Keep it in a file that only another user can read and pass it through a pipe "
        "(FUSION_NETOSECRET_FILE=<(sudo cat FILE)), or run the session in a container"
    )


def _ancestors() -> list[psutil.Process]:
    try:
        return psutil.Process().parents()
    except (psutil.Error, OSError):
        return []


def _places(process: psutil.Process, search: SecretSearch) -> Iterator[str]:
    """Yield the readable parts of the process that contain a credential."""
    with suppress(psutil.Error, OSError):
        environ = process.environ()
        # A credential of another account isn't a known secret, so the variable's name counts as well.
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
