"""SIGINT and SIGTERM: the first of them ends the emulator in good order, a second one at once, whatever hangs.

While a command runs in the foreground of a terminal, Ctrl-C belongs to the command and doesn't count.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType

import psutil

__all__ = ["Signals"]


class Signals:
    """The signals of this process while an emulator runs, and the command that gets them."""

    def __init__(self) -> None:
        """Handle nothing before ``handled``."""
        self._received: int | None = None
        self._runs = False
        self._terminates = False
        self._command: subprocess.Popen[bytes] | None = None
        # The kernel may deliver a signal to any thread. Python writes to this socket in each case, which wakes the main
        # thread, in which the handlers run.
        self._wakeup, self._woken = socket.socketpair()
        self._woken.setblocking(False)

    @contextlib.contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals, in the main thread; restore the previous handlers at the end."""
        with self._wakeup, self._woken:
            before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
            before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda number, frame: None)
            wakeup = signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
            try:
                yield
            finally:
                signal.set_wakeup_fd(wakeup)
                for number, handler in before.items():
                    signal.signal(number, handler)

    def wait(self) -> None:
        """Return after the first signal."""
        while self._received is None:
            self._wakeup.recv(4096)

    def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run the command and return its exit code; 128 + N if signal N ended it, as in shells."""
        if self._received is not None:
            return 128 + self._received
        self._runs = True
        with subprocess.Popen(list(command), env=dict(environment)) as process:  # noqa: S603  # the user's own command
            self._command = process
            if self._terminates:
                # It came while the command was started. A SIGINT of its process group has reached the command as well.
                process.terminate()
            while (code := process.poll()) is None:
                self._wakeup.recv(4096)
            self._command, self._runs = None, False
        return code if code >= 0 else 128 - code

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._runs and number == signal.SIGINT and _in_foreground():
            # The terminal has sent it to the command as well, which may use it for something else than its end.
            return
        if self._received is not None:
            if self._command:
                _kill(self._command)
            # The process 1 of a container has no default handlers, so the exit is explicit.
            os._exit(128 + number)
        self._received = number
        self._terminates = number == signal.SIGTERM
        if self._command and self._terminates:
            self._command.terminate()


def _kill(command: subprocess.Popen[bytes]) -> None:
    """Kill a command and what it started, such as the programs that a shell runs."""
    started: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        started = psutil.Process(command.pid).children(recursive=True)
    # It first, so that it doesn't start another one.
    command.kill()
    for process in started:
        with contextlib.suppress(psutil.Error):
            process.kill()


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
