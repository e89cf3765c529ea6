"""Relay between the helper's terminal and the pseudo terminal that the command gets in its place.

A program can insert input into its own terminal (TIOCSTI), which the shell that started the helper would then execute.
So the command gets a separate terminal, as with sudo's ``use_pty``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import termios
import time
import tty
from collections.abc import Collection
from typing import Any, Final

from pulumi_fusion.sessions.waiting import wait

__all__ = ["Terminal"]

_PIECE: Final = 64 * 1024

# Seconds after which the last output is dropped if the terminal doesn't accept it.
_LAST_OUTPUT_SECONDS: Final = 2.0


class Terminal:
    """Relays between the controlling terminal of this process and a new pseudo terminal.

    Input is relayed only while this process's job is in the foreground and the command reads the terminal. That is so
    from the start if stdin and stdout are the terminal; else once the command asks for it, since a pager in the same
    pipeline may read the same terminal. Raises OSError if this process has no controlling terminal, or if no pseudo
    terminal can be opened.
    """

    def __init__(self) -> None:
        # Opened again, since O_NONBLOCK applies to all programs that share an open terminal.
        self.outer = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC | os.O_NONBLOCK)
        """A descriptor of the controlling terminal (int)."""
        try:
            self._master, self._slave = pty.openpty()
        except OSError:
            os.close(self.outer)
            raise
        os.set_blocking(self._master, False)
        self._group = os.getpgrp()
        self.path = os.ttyname(self._slave)
        """The pseudo terminal (str)."""
        self.streams = [each for each in range(3) if _is_controlling(each)]
        """The standard streams that are the terminal, which the pseudo terminal replaces (list of int)."""
        self._wanted = {0, 1} <= {*self.streams}
        self._has_begun = self._relays_input = False
        self._modes: list[Any] | None = None
        self._typed = self._shown = b""
        self._lost = False
        if self._wanted and self._foreground_group() == self._group:
            # In the background the modes may be those of a shell or pager that reads single keys.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._slave, termios.TCSANOW, termios.tcgetattr(self.outer))
        self.resize()

    def begin(self) -> None:
        """Relay input from now on: the command has the pseudo terminal. A Ctrl-C before that would have no receiver."""
        self._has_begun = True

    def resize(self) -> None:
        """Give the pseudo terminal the size of the terminal."""
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(self.outer, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def enter(self) -> bool:
        """Relay input if the command reads the terminal and this job is in the foreground; return whether it does.

        The terminal is in raw mode then, so that the pseudo terminal interprets keys such as Ctrl-C.
        """
        self._relays_input = self._wanted and not self._lost and self._foreground_group() == self._group
        if self._relays_input:
            with contextlib.suppress(termios.error):
                # Only once: the terminal may be in raw mode already if this process was stopped and continued.
                self._modes = self._modes or termios.tcgetattr(self.outer)
                tty.setraw(self.outer, termios.TCSANOW)
        return self._relays_input

    def enter_on_request(self) -> bool:
        """Do the same after the command asked for the terminal."""
        self._wanted = True
        return self.enter()

    def leave(self) -> None:
        """Stop relaying input, and restore the modes of the terminal."""
        if self._relays_input and self._modes is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.outer, termios.TCSADRAIN, self._modes)
        self._relays_input, self._modes = False, None

    def readers(self) -> list[int]:
        """Return the descriptors to wait for before :meth:`relay`."""
        if self._lost:
            return []
        reads = self._has_begun and self._relays_input and not self._typed
        return [self.outer] * reads + [self._master] * (not self._shown)

    def writers(self) -> list[int]:
        """Return the descriptors that must accept more before :meth:`relay` can continue."""
        if self._lost:
            return []
        return [self._master] * bool(self._typed) + [self.outer] * bool(self._shown)

    def relay(self, ready: Collection[int]) -> None:
        """Relay what can be relayed without blocking."""
        if self.outer in ready and self._relays_input and not self._typed:
            self._typed = self._read(self.outer)
        if self._master in ready and not self._shown:
            self._shown = self._read(self._master)
        self._typed = self._write(self._master, self._typed)
        self._shown = self._write(self.outer, self._shown)

    def close(self) -> None:
        """Write the command's last output, and restore the terminal."""
        end = time.monotonic() + _LAST_OUTPUT_SECONDS
        while not self._lost and time.monotonic() < end:
            self.relay([self._master])
            if self._shown:
                wait([], [self.outer], seconds=0.1)
            elif not wait([self._master], seconds=0):
                break
        self.leave()
        for descriptor in (self.outer, self._slave):
            os.close(descriptor)
        if not self._lost:
            os.close(self._master)

    def _read(self, descriptor: int) -> bytes:
        piece = b""
        if not self._lost:
            try:
                piece = os.read(descriptor, _PIECE)
            except BlockingIOError:
                return b""
            except OSError:  # EIO: on Linux, the other side is closed
                piece = b""
            if not piece:
                self._hang_up()
        return piece

    def _write(self, descriptor: int, text: bytes) -> bytes:
        """Return what could not be written yet."""
        if not text or self._lost:
            return b""
        try:
            return text[os.write(descriptor, text) :]
        except BlockingIOError:
            return text
        except OSError:
            self._hang_up()
            return b""

    def _hang_up(self) -> None:
        """Close the pseudo terminal as well, since the terminal was closed."""
        if not self._lost:
            self._lost = True
            os.close(self._master)

    def _foreground_group(self) -> int | None:
        try:
            return os.tcgetpgrp(self.outer)
        except OSError as error:
            # The terminal was closed. The SIGCONT about that may be handled before the end of its input is read.
            if error.errno == errno.EIO:
                self._hang_up()
            return None


def _is_controlling(descriptor: int) -> bool:
    """Return whether it is the controlling terminal, the only one whose foreground group can be read."""
    try:
        os.tcgetpgrp(descriptor)
    except OSError:
        return False
    return True
