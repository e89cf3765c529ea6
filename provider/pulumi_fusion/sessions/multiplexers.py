"""Find running terminal multiplexers, whose windows are outside a session that is started later."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["multiplexer_warning"]


def multiplexer_warning(environ: Mapping[str, str]) -> str | None:
    """Return a sentence that names this user's running multiplexers, or None if none runs.

    A server gives each window the environment with which the server was started. So a window that is opened from within
    a session has the real credential (tmux#3041).
    """
    names = []
    if environ.get("TMUX") or any(_listens(each) for each in _entries(_tmux_folder(environ))):
        names.append("tmux")
    if environ.get("STY") or any(_runs(each) for folder in _screen_folders(environ) for each in _entries(folder)):
        names.append("screen")
    if environ.get("ZELLIJ"):
        names.append("zellij")
    if not names:
        return None
    return (
        f"OUTSIDE this session: {' and '.join(names)}, which already runs. Its windows, also new ones, have the "
        "environment with which it was started, including your real credential if that was set"
    )


def _tmux_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("TMUX_TMPDIR") or "/tmp") / f"tmux-{os.getuid()}"  # noqa: S108  # tmux's own


def _screen_folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folder that the user chose, else the defaults of screen and of the distributions' packages."""
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


def _listens(path: Path) -> bool:
    """Return whether a server listens; a killed one leaves its socket file."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        client.connect(str(path))
        return True
    return False


def _runs(path: Path) -> bool:
    """Return whether the process exists whose id is in the name of screen's socket."""
    found = re.match(r"([0-9]+)\.", path.name)
    with contextlib.suppress(OSError, OverflowError):
        if found and int(found[1]):
            os.kill(int(found[1]), 0)
            return True
    return False
