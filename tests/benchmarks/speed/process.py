"""Run a command and measure time, processor and memory of its process tree. Linux only, since it reads /proc."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Cost", "FailedError", "processor_seconds", "run"]

_SUBREAPER: Final = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_TICK: Final = os.sysconf("SC_CLK_TCK")

# Seconds between looks at the memory, and those that what outlives the command gets to end.
_SAMPLE_SECONDS: Final = 0.1
_OUTLIVE_SECONDS: Final = 3.0


class FailedError(Exception):
    """The command failed, so its figures are invalid; the text is its output."""


@dataclass(frozen=True)
class Cost:
    """``seconds`` on the clock, ``processor`` seconds of the whole tree, peaks in bytes of the tree and of the
    processes of Python in it: the program and the provider, without the engine.
    """

    seconds: float
    processor: float
    memory: int
    python: int


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Cost:
    """Run the command to its end. Raises FailedError."""
    # Whatever the command leaves behind becomes a child of this process, which so learns its processor time as well.
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryFile("w+") as said:
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        memory = _Memory(process.pid)
        try:
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - began
        except BaseException:
            process.kill()
            raise
        finally:
            memory.stop()
            outlived = _orphans(process.pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        processor = usage.ru_utime + usage.ru_stime + outlived
        if process.returncode:
            said.seek(0)
            raise FailedError(f"{' '.join(command)}: exit code {process.returncode}\n{said.read()[-3000:]}")
    return Cost(seconds, processor, memory.all, memory.python)


def processor_seconds(pid: int) -> float:
    """Return the processor time that a running process has used so far."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICK


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; the name before them may contain any character."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _members(session: int) -> list[int]:
    """Return the running processes of a session: the engine gives its plugins separate groups, but not sessions."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            fields = _stat(int(folder.name))
            if int(fields[3]) == session and fields[0] not in "ZX":
                found.append(int(folder.name))
    return found


def _orphans(session: int) -> float:
    """Wait for processes that outlive the command, kill those that don't end, and return their processor time."""
    spent, end = 0.0, time.monotonic() + _OUTLIVE_SECONDS
    while members := _members(session):
        if time.monotonic() > end:
            for pid in members:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        spent += _reaped(session)
        time.sleep(0.02)
    return spent + _reaped(session)


def _reaped(session: int) -> float:
    spent = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            pid, fields = int(folder.name), _stat(int(folder.name))
            if int(fields[1]) == os.getpid() and int(fields[3]) == session:
                done, _, usage = os.wait4(pid, os.WNOHANG)
                if done:
                    spent += usage.ru_utime + usage.ru_stime
    return spent


class _Memory:
    """The peaks of the memory of a session's processes, sampled by a thread."""

    def __init__(self, session: int) -> None:
        self.all = self.python = 0
        self._session = session
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_SECONDS):
            resident = {"python": 0, "other": 0}
            for pid in _members(self._session):
                with suppress(OSError, IndexError):
                    is_python = Path(f"/proc/{pid}/exe").readlink().name.startswith("python")
                    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                    resident["python" if is_python else "other"] += pages * _PAGE
            self.all = max(self.all, sum(resident.values()))
            self.python = max(self.python, resident["python"])
