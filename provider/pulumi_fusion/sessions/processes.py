"""All processes of a session, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Final

__all__ = ["GRACE", "alive", "end_all", "signal_all"]

GRACE: Final = 5.0
"""Seconds from TERM to KILL."""


def alive(group: int, mark: str) -> list[int]:
    """The processes of the group, and on Linux all that have ``mark`` (``NAME=VALUE``) in their environment.

    A shell puts its jobs into groups of their own, which is why the group alone would miss them. Who left the group
    and dropped the environment is not found, but dropped the session's key with it.
    """
    if not Path("/proc/self/environ").exists():
        return [group] if group and _exists(group) else []
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        # Gone meanwhile, or of another user: neither is ours.
        with contextlib.suppress(OSError, IndexError):
            state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            if state in "ZX":
                continue
            in_group = group and int(its_group) == group  # the kernel's own threads are in group 0
            if in_group or mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


def signal_all(group: int, mark: str, number: int) -> None:
    """Send a signal to every process of the session; ``group`` is 0 where it is not known."""
    if group:
        with contextlib.suppress(OSError):
            os.killpg(group, number)
    for pid in alive(group, mark):
        if pid != group:
            with contextlib.suppress(OSError):
                os.kill(pid, number)


def end_all(group: int, mark: str, *, shell: bool) -> None:
    """TERM, five seconds at most, KILL. ``shell`` says that the group's leader is an interactive shell.

    Do not bury the leader meanwhile: its number could become another's.
    """
    if shell and group:
        # It does not mind TERM. This is what it gets from a terminal that is closed: it keeps its history and leaves,
        # and does not greet the end of its jobs with another prompt.
        with contextlib.suppress(OSError):
            os.kill(group, signal.SIGHUP)
    signal_all(group, mark, signal.SIGTERM)
    signal_all(group, mark, signal.SIGCONT)  # what is stopped would not hear of it
    end = time.monotonic() + GRACE
    while alive(group, mark) and time.monotonic() < end:
        time.sleep(0.05)
    end = time.monotonic() + 1.0
    while alive(group, mark) and time.monotonic() < end:
        # Again, for who was about to fork may have done so.
        signal_all(group, mark, signal.SIGKILL)
        time.sleep(0.01)
