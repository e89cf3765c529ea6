"""A pseudo terminal that the test controls: it types, and waits for output."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

PATIENCE = 60.0
"""Seconds; so long that a loaded machine causes no failure."""


class PseudoTerminal:
    """Runs ``command`` as the leader of a session with this terminal."""

    def __init__(self, command: Sequence[str | Path], *, folder: Path, environ: Mapping[str, str]) -> None:
        self._here, there = pty.openpty()
        self.resize(40, 160)
        # The first terminal that the leader of a new session opens becomes its controlling terminal.
        opening = 'exec "$@" <>"$0" >&0 2>&0'
        self.process = subprocess.Popen(
            ["sh", "-c", opening, os.ttyname(there), *command],
            cwd=folder,
            env={"TERM": "xterm-256color", **environ},
            start_new_session=True,
        )
        self._there = there
        self.shown = ""
        """All output so far."""
        self._seen = 0

    def resize(self, lines: int, columns: int) -> None:
        """Change the size of the window."""
        fcntl.ioctl(self._here, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def press(self, keys: str) -> None:
        """Type keys: ``\\x03`` is Ctrl-C, ``\\x1a`` Ctrl-Z."""
        os.write(self._here, keys.encode())

    def enter(self, line: str) -> None:
        """Type a line."""
        self.press(line + "\r")

    def see(self, pattern: str, *, again: str = "") -> str:
        """Wait for the pattern in what was shown after the last one that was seen; return what it matched.

        ``again`` are keys that somebody would press once more where a second passes and nothing comes.
        """
        end = time.monotonic() + PATIENCE
        while not (found := re.compile(pattern).search(self.shown, self._seen)):
            left = end - time.monotonic()
            shown = left > 0 and self._read(min(left, 1) if again else left)
            if not shown and left > 0 and again:
                self.press(again)
                continue
            assert shown, f"no {pattern!r} in {self.shown[self._seen :]!r}"
        self._seen = found.end()
        return found[0]

    def end(self) -> int:
        """Wait for the command's end, and return its exit code."""
        self._close_there()
        while self._read(PATIENCE):
            pass
        return self.process.wait(timeout=PATIENCE)

    def modes(self) -> list[object]:
        """Return the terminal's modes, as termios returns them."""
        return list(termios.tcgetattr(self._here))

    def hang_up(self) -> None:
        """Close the window."""
        self._close_there()
        if self._here >= 0:
            os.close(self._here)
            self._here = -1

    def _close_there(self) -> None:
        # It was open so that output isn't lost while no process has the terminal open.
        if self._there >= 0:
            os.close(self._there)
            self._there = -1

    def _read(self, seconds: float) -> bool:
        if not select.select([self._here], [], [], seconds)[0]:
            return False
        try:
            got = os.read(self._here, 65536)
        except OSError as wrong:
            assert wrong.errno == errno.EIO
            return False
        self.shown += got.decode(errors="replace")
        return bool(got)

    def __enter__(self) -> PseudoTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()
        try:
            self.process.wait(timeout=PATIENCE if kind is None else 1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


def plain(text: str) -> str:
    """Return the text without control sequences."""
    return re.sub(r"\x1b\][^\a]*\a|\x1b\[[0-9;?]*[A-Za-z]|\x1b[78>=]|\r", "", text)
