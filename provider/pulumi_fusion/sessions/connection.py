"""A client's connection to the endpoint of a session."""

from __future__ import annotations

import contextlib
import io
import re
import socket
import time
from typing import Any, Final

from pulumi_fusion.sessions.reading import LARGEST_HEAD

__all__ = ["Connection"]

_UNAUTHENTICATED_SECONDS: Final = 5.0
"""How long a connection may take to authenticate."""

_SILENCE_SECONDS: Final = 300.0
"""How long a client may pause between two bytes."""

_PIECE: Final = 64 * 1024
_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")


class Connection(io.RawIOBase):
    """A connection, read and written by the thread that serves it. Reading raises OSError after :attr:`until`."""

    def __init__(self, connected: socket.socket, user: int | None) -> None:
        self.socket = connected
        self.user = user
        self.until = time.monotonic() + _UNAUTHENTICATED_SECONDS
        """The moment of ``time.monotonic`` by which the next bytes must have been received."""
        self.is_served = self.has_turn = False
        self._received = bytearray()

    def receive(self) -> bool | None:
        """Receive without waiting; return whether there is a whole head, or None if the client has left."""
        received = self.socket.recv(_PIECE)
        if not received:
            return None
        self._received += received
        return len(self._received) > LARGEST_HEAD or _END_OF_HEAD.search(self._received) is not None

    @property
    def received(self) -> bytes:
        """What was received and not yet read."""
        return bytes(self._received)

    def readable(self) -> bool:
        """Return True, as every stream that can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into the buffer, and return how many bytes were read."""
        if self._received:
            size = min(len(buffer), len(self._received))
            buffer[:size] = self._received[:size]
            del self._received[:size]
            return size
        left = min(_SILENCE_SECONDS, self.until - time.monotonic())
        if left <= 0:
            raise TimeoutError("the client took too long")
        self.socket.settimeout(left)
        return self.socket.recv_into(buffer)

    def send(self, data: bytes, seconds: float) -> None:
        """Send all of it. Raises OSError if the client doesn't receive it in time."""
        self.socket.settimeout(seconds)
        self.socket.sendall(data)

    def break_off(self) -> None:
        """Wake the thread that waits for the client."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
