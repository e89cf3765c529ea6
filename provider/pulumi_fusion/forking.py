"""Reset what a forked child must not share with its parent: locks, connections, and work of other threads.

A child has the memory of its parent and only the thread that forked. A lock that another thread held stays locked
forever, a request that another thread sent never ends, and a connection that both use mixes up their responses
(https://github.com/psf/requests/issues/4323). So objects that have one of these register here and drop it in the child.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import weakref
from typing import Final, Protocol

__all__ = ["Lock", "Owner", "close_in_child", "renew_in_child"]


class Owner(Protocol):
    """An object with resources of one process."""

    def after_fork(self) -> None:
        """Reset these resources to those of a new process. Called in the child; must not block or send."""


_owners: Final[weakref.WeakSet[Owner]] = weakref.WeakSet()
_sockets: Final[weakref.WeakSet[socket.socket]] = weakref.WeakSet()


def renew_in_child(owner: Owner) -> None:
    """Call ``owner.after_fork`` in every child that is forked from now on, for as long as the owner exists."""
    _owners.add(owner)


class Lock:
    """A lock for ``with`` that is free in a forked child, also when another thread of the parent held it."""

    def __init__(self) -> None:
        self.after_fork()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Replace the lock by one that isn't locked."""
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(RuntimeError):  # after_fork() has replaced it if a signal handler forked meanwhile
            self._lock.release()


def close_in_child(connection: object) -> None:
    """Close the descriptor of a socket in every child, and send nothing over it."""
    inner = getattr(connection, "socket", connection)  # for TLS through a TLS proxy
    if isinstance(inner, socket.socket):
        _sockets.add(inner)


def _after_fork() -> None:
    for each in tuple(_sockets):
        # The method of the plain socket: the TLS layer could send a close_notify, which would end the parent's
        # connection.
        descriptor = socket.socket.detach(each)
        if descriptor >= 0:
            os.close(descriptor)
    # Locks first, since the others may use them.
    for owner in sorted(_owners, key=lambda owner: not isinstance(owner, Lock)):
        owner.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
