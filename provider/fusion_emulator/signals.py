"""SIGINT and SIGTERM: the first one ends the emulator in good order, the second one at once, whatever hangs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from queue import SimpleQueue
from types import FrameType

__all__ = ["Signals"]


class Signals:
    """The signals of this process while an emulator runs, and the command that gets them."""

    def __init__(self) -> None:
        """Handle nothing before ``handled``."""
        self._numbers: list[int] = []
        # Its put() is reentrant, which a handler needs: https://docs.python.org/3/library/queue.html#simplequeue-objects
        self._first: SimpleQueue[int] = SimpleQueue()
        self._command: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals, in the main thread; restore the previous handlers at the end."""
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def wait(self) -> None:
        """Return after the first signal."""
        self._first.get()

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run the command and return its exit code; 128 + N if signal N ended it, as in shells."""
        with subprocess.Popen(list(command), env=dict(environment)) as process:  # noqa: S603  # the user's own command
            self._command = process
            if signal.SIGTERM in self._numbers:
                process.terminate()
            code = process.wait()
        return code if code >= 0 else 128 - code

    def _handle(self, number: int, frame: FrameType | None) -> None:
        command = self._command
        if command is None or command.returncode is not None:
            # The process 1 of a container has no default handlers, so the exit is explicit.
            if self._numbers:
                os._exit(128 + number)
        elif number == signal.SIGINT and _in_foreground():
            # The terminal has sent it to the command as well, which may use it for something else than its end.
            return
        elif number in self._numbers:
            command.kill()
            os._exit(128 + number)
        elif number == signal.SIGTERM:
            command.terminate()
        self._numbers.append(number)
        self._first.put(number)


def _in_foreground() -> bool:
    """Return whether this process is in the group to which its terminal sends the signals of keys."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
