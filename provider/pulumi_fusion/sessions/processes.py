"""All processes of a session, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["GRACE", "alive", "end_all", "signal_all"]

GRACE: Final = 5.0
"""Seconds from TERM to KILL."""


def alive(group: int, mark: str) -> list[int]:
    """The processes of the group, and on Linux all that have ``mark`` (``NAME=VALUE``) in their environment.

    A shell puts its jobs into groups of their own, which is why the group alone would miss them.
    """
    if not Path("/proc/self/environ").exists():
        return [group] if _exists(group) else []
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        # Gone meanwhile, or of another user: neither is ours.
        with contextlib.suppress(OSError, IndexError):
            state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            if state in "ZX":
                continue
            if int(its_group) == group or mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


def signal_all(group: int, mark: str, number: int) -> None:
    """Send a signal to every process of the session."""
    with contextlib.suppress(OSError):
        os.killpg(group, number)
    for pid in alive(group, mark):
        if pid != group:
            with contextlib.suppress(OSError):
                os.kill(pid, number)


def end_all(group: int, mark: str, pause: Callable[[float], None] = time.sleep) -> None:
    """TERM, five seconds at most, KILL. ``pause`` waits for the seconds it is given, between looks."""
    signal_all(group, mark, signal.SIGTERM)
    signal_all(group, mark, signal.SIGCONT)  # what is stopped would not hear of it
    end = time.monotonic() + GRACE
    while alive(group, mark) and time.monotonic() < end:
        pause(0.05)
    signal_all(group, mark, signal.SIGKILL)
