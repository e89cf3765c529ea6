"""A command that runs while the test does something else."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Running:
    """A running command in its own process group, with its output so far."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._said = folder / "said.txt"
        with self._said.open("w") as said:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
            )

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        """End it and all that it started."""
        for pid in [*self.descendants(""), self._process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def text(self) -> str:
        return self._said.read_text()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def until(self, condition: Callable[[], bool], seconds: float = 180) -> None:
        """Wait until the condition is met; fail if the command ends before, or after so many seconds."""
        end = time.monotonic() + seconds
        while not condition():
            assert self._process.poll() is None, f"it ended before: {self.text()}"
            assert time.monotonic() < end, f"the condition was not met: {self.text()}"
            time.sleep(0.02)

    def end(self, seconds: float = 180) -> str:
        """Return its whole output, once it has ended by itself."""
        self._process.wait(seconds)
        return self.text()

    def descendants(self, word: str) -> list[int]:
        """Processes that it started, directly or not, with the word in their command line (Linux).

        They are known by their session: a provider whose engine was killed has init for its parent.
        """
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                # The name before the parenthesis may hold anything: proc(5).
                pid, session = int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[3])
                if session == self._process.pid != pid and word in self.command_line(pid):
                    found.append(pid)
        return found

    @staticmethod
    def command_line(pid: int) -> str:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
