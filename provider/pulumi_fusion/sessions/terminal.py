"""The helper's terminal, and the pseudo terminal that the command has in its place.

A program can type into its own terminal (TIOCSTI), and so into the shell that started the helper. It can therefore not
be given that terminal. What is typed and shown passes through here, as with sudo's ``use_pty``.
"""

from __future__ import annotations

import contextlib
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

# Seconds in which the last output is written to a terminal that does not take it.
_PATIENCE: Final = 2.0


class Terminal:
    """Relays between the controlling terminal of this process and a new pseudo terminal.

    Input is relayed only while this process's job is in the foreground and the command wants the terminal: from the
    start where stdin and stdout are the terminal, else once it asks, since a pager beside it may read the same one.
    Raises OSError where this process has no controlling terminal, or no pseudo terminal can be had.
    """

    def __init__(self) -> None:
        # Opened anew: O_NONBLOCK would otherwise hold for all programs that share the open terminal.
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
        """Which of the standard streams are the terminal, and are to be the pseudo terminal."""
        self._wanted = {0, 1} <= {*self.streams}
        self._has_begun = self._relays_input = False
        self._modes: list[Any] | None = None
        self._typed = self._shown = b""
        self._lost = False
        if self._wanted and self._front() == self._group:
            # Elsewhere the modes may be those of a shell or a pager that reads single keys.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._slave, termios.TCSANOW, termios.tcgetattr(self.outer))
        self.resize()

    def begin(self) -> None:
        """Relay input from now on: the command has the pseudo terminal. A Ctrl-C before that would be for nobody."""
        self._has_begun = True

    def resize(self) -> None:
        """Give the pseudo terminal the size of the terminal."""
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(self.outer, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def enter(self) -> bool:
        """Relay input from now on where that is wanted and this process's job is in the foreground; return whether.

        The terminal is in raw mode then: what keys such as Ctrl-C do is decided by the pseudo terminal.
        """
        self._relays_input = self._wanted and not self._lost and self._front() == self._group
        if self._relays_input:
            with contextlib.suppress(termios.error):
                # Once, for the terminal is in raw mode where this process was stopped and continued meanwhile.
                self._modes = self._modes or termios.tcgetattr(self.outer)
                tty.setraw(self.outer, termios.TCSANOW)
        return self._relays_input

    def enter_on_request(self) -> bool:
        """Do so because the command asked for the terminal."""
        self._wanted = True
        return self.enter()

    def leave(self) -> None:
        """Relay no input, and restore the modes of the terminal."""
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
        """Return the descriptors that must take more before :meth:`relay` can go on."""
        if self._lost:
            return []
        return [self._master] * bool(self._typed) + [self.outer] * bool(self._shown)

    def relay(self, ready: Collection[int]) -> None:
        """Pass on what can be passed on without waiting."""
        if self.outer in ready and self._relays_input and not self._typed:
            self._typed = self._read(self.outer)
        if self._master in ready and not self._shown:
            self._shown = self._read(self._master)
        self._typed = self._write(self._master, self._typed)
        self._shown = self._write(self.outer, self._shown)

    def close(self) -> None:
        """Show what the command wrote last, and give the terminal back as it was."""
        end = time.monotonic() + _PATIENCE
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
            except OSError:  # EIO, which is how Linux reports that the other side has gone
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
        """Pass on that the terminal has gone: closing the master ends the pseudo terminal the same way."""
        if not self._lost:
            self._lost = True
            os.close(self._master)

    def _front(self) -> int | None:
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(self.outer)
        return None


def _is_controlling(descriptor: int) -> bool:
    """Return whether it is the controlling terminal; no other tells its foreground group."""
    try:
        os.tcgetpgrp(descriptor)
    except OSError:
        return False
    return True
