"""The address of this machine for its own programs, and a port on it that never accepts a connection."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Final

__all__ = ["LOOPBACK", "black_hole"]

LOOPBACK: Final = "127.0.0.1"


@contextlib.contextmanager
def black_hole() -> Iterator[str]:
    """Yield the URL of a port where connecting never ends: the queue of its listener is full and never emptied.

    Linux drops connections beyond the queue; other systems may refuse them instead.
    """
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        address = listener.getsockname()
        # A backlog of 0 still queues one connection, and some kernels one more.
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        yield f"http://{LOOPBACK}:{address[1]}"
