"""The processes of a session: find everything that its command started, and end it."""

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

__all__ = ["GRACE", "SessionProcesses", "adopt_orphans", "hide_memory", "require_proc"]

GRACE: Final = 5.0
"""Seconds from TERM to KILL."""

# Seconds for which KILL is repeated, since a process may fork just before it is killed.
_KILL_SECONDS: Final = 1.0

_FORKING_IN_TURN: Final = "a process that forks and exits in turn"

# https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html and PR_SET_CHILD_SUBREAPER.2const.html
_SET_DUMPABLE: Final = 4
_SET_CHILD_SUBREAPER: Final = 36


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends (Linux only).

    Then also a daemon is found as a descendant that left its process group and session and cleared its environment.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def require_proc() -> None:
    """Raise OSError on Linux if /proc doesn't show the processes of this PID namespace.

    The process ids in a /proc of another namespace belong to unrelated processes.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            if str(Path("/proc/self").readlink()) == str(os.getpid()):
                return
        raise OSError(
            None,
            "the end of the session couldn't be enforced, since /proc doesn't show the processes of this PID "
            "namespace. Mount it there (unshare needs --mount-proc)",
        )


def hide_memory() -> None:
    """Keep this process's memory from core files and, on Linux, from other processes of this user."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


@dataclass(frozen=True)
class SessionProcesses:
    """The descendants of this process, and all processes that have the variable ``mark`` (name, value).

    Args:
        mark: A variable that only processes of the session have. It finds processes that aren't descendants because
            another process such as atd started them, or on macOS because their parent ended.
        exclude: Process ids that don't belong to the session: the helper's, or those of its other children.
    """

    mark: tuple[str, str]
    exclude: Collection[int] = ()

    def members(self) -> list[psutil.Process]:
        """Return the running processes, without zombies, in the order of their ids."""
        me = psutil.Process()
        name, value = self.mark
        marked = (each for each in psutil.process_iter(["environ"]) if (each.info["environ"] or {}).get(name) == value)
        found = sorted({*me.children(recursive=True), *marked}, key=lambda each: each.pid)
        return [each for each in found if each.pid not in (me.pid, *self.exclude) and _runs(each)]

    def end(self, command: int | None = None, *, shell: bool = False) -> tuple[list[str], list[str]]:
        """Send TERM to all, and after :data:`GRACE` seconds KILL to those that still run.

        Args:
            command: The process id of the session's command if it still runs.
            shell: The command is an interactive shell. It ignores TERM, so it gets HUP first, as when its terminal is
                closed: it saves its history and exits.

        Returns:
            The names of the processes that were found, without the command, and of those that couldn't be ended.
        """
        # The kernel then reaps what exits: with many zombies each list of processes would take seconds.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        _reap()
        found = self.members()
        names = [_name(each) for each in found if each.pid != command]
        if shell:
            _send([each for each in found if each.pid == command], signal.SIGHUP)
        _send(found, signal.SIGTERM)
        _send(found, signal.SIGCONT)  # a stopped process does not act on TERM
        end = time.monotonic() + GRACE
        while self.members() and time.monotonic() < end:
            time.sleep(0.05)
        return names, self._kill()

    def _kill(self) -> list[str]:
        """Send KILL until no process is left or the time is over; return the names of those that are left."""
        end = time.monotonic() + _KILL_SECONDS
        while True:
            done = _kill_children(self.exclude)
            left = self.members()
            if not left or time.monotonic() > end:
                return [*map(_name, left), *([] if done or left else [_FORKING_IN_TURN])]
            _send(left, signal.SIGKILL)
            time.sleep(0.02)


def _kill_children(exclude: Collection[int]) -> bool:
    """Send KILL to the children of this process, except ``exclude``, until none is left; return whether none is left.

    A process that forks and exits in turn has another id each time a list of all processes is read. As an orphan it is
    a child of this process, and the kernel's list of children is read fast enough to kill it. A signal to its process
    group reaches it in any case, and a zombie still has the group.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    end = time.monotonic() + _KILL_SECONDS
    while time.monotonic() < end:
        try:
            listed = [int(each) for each in children.read_text().split()]
        except FileNotFoundError:  # not Linux, or a kernel without that list
            return True
        targets = [each for each in listed if each not in exclude]
        for each in targets:
            _kill_group(each)
        if not _reap() or (listed and not targets):
            return True
    return False


def _reap() -> bool:
    """Reap the children that exited; return whether others still run."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _kill_group(child: int) -> None:
    # It belongs to another user, or was reaped.
    with contextlib.suppress(OSError):
        os.kill(child, signal.SIGKILL)
        group = os.getpgid(child)
        if group != os.getpgrp():
            os.killpg(group, signal.SIGKILL)


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
