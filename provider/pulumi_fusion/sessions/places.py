"""The places of a session's endpoint: how many connections there may be, and which is closed for a new one.

Every user of the machine can connect to a port of 127.0.0.1, so a connection counts little until it has authenticated.
Those of other users have a share of the places. When the share or all places are taken, the user with most
unauthenticated connections loses the oldest of them.
"""

from __future__ import annotations

import itertools
import os
import resource
from collections.abc import Callable, Collection

from pulumi_fusion.forking import Lock
from pulumi_fusion.sessions.connection import Connection

__all__ = ["Places"]


class Places:
    """The connections that are open. Safe to use from several threads.

    ``evict`` is called, in the thread that calls :meth:`enter` or :meth:`make_way`, for one that loses its place.
    """

    def __init__(self, evict: Callable[[Connection], None]) -> None:
        self._evict = evict
        self._count = _count()
        self._share = self._count // 4
        self._own = os.geteuid()
        self._lock = Lock()
        self._authenticated: set[Connection] = set()
        # By user, the oldest first.
        self._unauthenticated: dict[int | None, dict[Connection, None]] = {}

    def connections(self) -> list[Connection]:
        """Return all that have a place."""
        with self._lock:
            return [*self._authenticated, *itertools.chain.from_iterable(self._unauthenticated.values())]

    def enter(self, connection: Connection) -> bool:
        """Give a new connection a place until it authenticates, or return False if there is none."""
        with self._lock:
            if connection.user != self._own:
                others = [user for user in self._unauthenticated if user != self._own]
                if sum(len(self._unauthenticated[user]) for user in others) >= self._share:
                    self._make_way(others)
            if self._is_full():
                self._make_way(self._unauthenticated)
            if self._is_full():
                return False
            self._unauthenticated.setdefault(connection.user, {})[connection] = None
        return True

    def admit(self, connection: Connection) -> bool:
        """Give a connection that has authenticated a lasting place, or return False if there is none.

        A quarter of the places stays free for connections that haven't authenticated.
        """
        with self._lock:
            if connection in self._authenticated:
                return True
            if len(self._authenticated) >= self._count - self._share or not self._remove(connection):
                return False
            self._authenticated.add(connection)
        return True

    def leave(self, connection: Connection) -> None:
        """Free the place of a connection, if it has one."""
        with self._lock:
            self._authenticated.discard(connection)
            self._remove(connection)

    def make_way(self) -> None:
        """Evict an unauthenticated connection, if there is one."""
        with self._lock:
            self._make_way(self._unauthenticated)

    def _make_way(self, users: Collection[int | None]) -> None:
        if users:
            most = max(users, key=lambda user: len(self._unauthenticated[user]))
            oldest = next(iter(self._unauthenticated[most]))
            self._remove(oldest)
            self._evict(oldest)

    def _remove(self, connection: Connection) -> bool:
        """Remove it from the unauthenticated ones; return whether it was one of them."""
        unauthenticated = self._unauthenticated.get(connection.user, {})
        if connection not in unauthenticated:
            return False
        del unauthenticated[connection]
        if not unauthenticated:
            del self._unauthenticated[connection.user]
        return True

    def _is_full(self) -> bool:
        return len(self._authenticated) + sum(map(len, self._unauthenticated.values())) >= self._count


def _count() -> int:
    """Return how many connections there may be: the end of the session and its audit need descriptors as well.

    Each connection may need another one to the service.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 500 if limit == resource.RLIM_INFINITY else max(4, min(500, (limit - 64) // 2))
