"""Servers of terminal multiplexers, whose windows are outside of a session that is started later."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["outside"]


def outside(environ: Mapping[str, str]) -> str | None:
    """Return a sentence that names the multiplexers of this user that run already; None where none does.

    A server gives each window the environment that it was started with, so a window that is opened from within a
    session has the credential from before (tmux#3041).
    """
    names = []
    if environ.get("TMUX") or any(_answers(each) for each in _entries(_tmux_folder(environ))):
        names.append("tmux")
    if environ.get("STY") or any(_runs(each) for folder in _screen_folders(environ) for each in _entries(folder)):
        names.append("screen")
    if environ.get("ZELLIJ"):
        names.append("zellij")
    if not names:
        return None
    return (
        f"OUTSIDE this session: {' and '.join(names)} of yours, already running. Its windows, also new ones, have the "
        "environment of its own start, with your real credential where that was set"
    )


def _tmux_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("TMUX_TMPDIR") or "/tmp") / f"tmux-{os.getuid()}"  # noqa: S108  # tmux's own


def _screen_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """The place that the user chose, else those of screen itself and of the distributions' packages."""
    if named := environ.get("SCREENDIR"):
        yield Path(named)
        return
    with contextlib.suppress(KeyError):
        mine = f"S-{pwd.getpwuid(os.getuid()).pw_name}"
        yield from (Path(folder, mine) for folder in ("/run/screen", "/tmp/screens", "/tmp/uscreens"))  # noqa: S108
    if own := environ.get("HOME"):
        yield Path(own, ".screen")


def _entries(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _answers(path: Path) -> bool:
    """Whether a server listens; a killed one leaves its socket behind."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(1)
        asking.connect(str(path))
        return True
    return False


def _runs(path: Path) -> bool:
    """Whether the process that screen names its socket after is there."""
    found = re.match(r"([0-9]+)\.", path.name)
    with contextlib.suppress(OSError, OverflowError):
        if found and int(found[1]):
            os.kill(int(found[1]), 0)
            return True
    return False
