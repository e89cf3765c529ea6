"""The processes of a session: everything that its command started, and how it is ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

__all__ = ["GRACE", "Family", "adopt_orphans", "hide_memory"]

GRACE: Final = 5.0
"""Seconds from TERM to KILL."""

# Seconds in which KILL is repeated, for a process may fork just before it is hit.
_KILLING: Final = 1.0

# https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html and PR_SET_CHILD_SUBREAPER.2const.html
_SET_DUMPABLE: Final = 4
_SET_CHILD_SUBREAPER: Final = 36


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends; only Linux can do that.

    A daemon that left its group and its session and cleared its environment is still found as a descendant then.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def hide_memory() -> None:
    """Keep this process's memory from core files and, on Linux, from other processes of this user."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


@dataclass(frozen=True)
class Family:
    """The descendants of this process, and all processes that have the variable ``mark`` (name, value).

    Args:
        mark: A variable that only processes of the session have. By it those are found that another process started
            for them, such as atd, or on macOS those whose parent has ended.
        spare: Process ids that do not belong to the session: the watchdog's, or the helper's.
    """

    mark: tuple[str, str]
    spare: Collection[int] = ()

    def members(self) -> list[psutil.Process]:
        """Return the processes that run, by process id; zombies have ended already."""
        me = psutil.Process()
        name, value = self.mark
        marked = (each for each in psutil.process_iter(["environ"]) if (each.info["environ"] or {}).get(name) == value)
        found = sorted({*me.children(recursive=True), *marked}, key=lambda each: each.pid)
        return [each for each in found if each.pid not in (me.pid, *self.spare) and _runs(each)]

    def end(self, command: int | None = None, *, shell: bool = False) -> tuple[list[str], list[str]]:
        """Send TERM to all, and after five seconds KILL to those that still run.

        Args:
            command: The process id of the session's command, where it still runs.
            shell: The command is an interactive shell. It ignores TERM, so it gets HUP first, as from a terminal that
                is closed: it saves its history and exits.

        Returns:
            The names of the processes besides the command that were there, and of those that could not be ended.
        """
        found = self.members()
        if shell:
            _send([each for each in found if each.pid == command], signal.SIGHUP)
        _send(found, signal.SIGTERM)
        _send(found, signal.SIGCONT)  # a stopped process does not act on TERM
        names = [_name(each) for each in found if each.pid != command]
        end = time.monotonic() + GRACE
        while (left := self.members()) and time.monotonic() < end:
            time.sleep(0.05)
        end = time.monotonic() + _KILLING
        while left and time.monotonic() < end:
            _send(left, signal.SIGKILL)
            time.sleep(0.02)
            left = self.members()
        unseen = [] if left or _kill_children() else ["a process that forks and exits in turn"]
        return names, [*map(_name, left), *unseen]


def _kill_children() -> bool:
    """Send KILL to this process's own children until there is none; return whether that was reached.

    A process that forks and exits in turn has another number each time a list of processes is read. The kernel's list
    of children is read fast enough to hit it; as an orphan it is a child of this process.
    """
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    end = time.monotonic() + _KILLING
    while time.monotonic() < end:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            for each in children.read_text().split():
                os.kill(int(each), signal.SIGKILL)
        except ChildProcessError:
            return True
        except FileNotFoundError:  # not Linux, or a kernel without that list
            return True
        except OSError:  # it belongs to another user, or is another one by now
            continue
    return False


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def _send(processes: Iterable[psutil.Process], number: int) -> None:
    for each in processes:
        # It has ended, or belongs to another user, as a setuid program does.
        with contextlib.suppress(psutil.Error):
            each.send_signal(number)


def _name(process: psutil.Process) -> str:
    name = "?"
    with contextlib.suppress(psutil.Error):
        name = "".join(char if char.isprintable() else "?" for char in process.name())
    return f"{name} (pid {process.pid})"
