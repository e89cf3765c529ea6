"""The connections of an endpoint: who gets one, for how long, and who has to give way.

Every user of the machine can connect to a port of 127.0.0.1. So a connection counts little until it has authenticated:
it has a few seconds, no thread before it sent a whole head, and it gives way. Those of other users have a small share
of the places, and few of each user are served at once; where the share or all places are taken, the user with most
connections that wait loses the oldest of them. So anyone who sends a request at once is answered, however many idle
connections there are.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import resource
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, Final

from pulumi_fusion.forking import Lock, close_in_child
from pulumi_fusion.sessions.heads import LARGEST_HEAD
from pulumi_fusion.sessions.peers import user_of

__all__ = ["Connection", "Connections"]

_UNKNOWN_SECONDS: Final = 5.0
"""How long a connection may take to authenticate."""

_SILENCE: Final = 300.0
"""How many seconds a client may pause between two bytes."""

_TURNS: Final = 4
"""How many connections of another user are served at once before they authenticate."""

_PIECE: Final = 64 * 1024
_AT_ONCE: Final = 64
# An asynchronous client opens a hundred at once; each that finds no place in the queue waits for a second and more.
_QUEUE: Final = 1024
_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")


class Connection(io.RawIOBase):
    """One connection, read and written by the thread that serves it. Reading raises OSError after :attr:`until`."""

    def __init__(self, connected: socket.socket, user: int | None) -> None:
        self.socket = connected
        self.user = user
        self.until = time.monotonic() + _UNKNOWN_SECONDS
        """The moment of ``time.monotonic`` by which what is read next must be there."""
        self.is_served = self.has_turn = False
        self._heard = bytearray()

    def hear(self) -> bool | None:
        """Take what is there; return whether it is the head of a request, or None where the client left."""
        heard = self.socket.recv(_PIECE)
        if not heard:
            return None
        self._heard += heard
        return len(self._heard) > LARGEST_HEAD or _END_OF_HEAD.search(self._heard) is not None

    @property
    def heard(self) -> bytes:
        """What was taken and not yet read."""
        return bytes(self._heard)

    def readable(self) -> bool:
        """As of every stream."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As of every stream."""
        if self._heard:
            size = min(len(buffer), len(self._heard))
            buffer[:size] = self._heard[:size]
            del self._heard[:size]
            return size
        left = min(_SILENCE, self.until - time.monotonic())
        if left <= 0:
            raise TimeoutError("the client took too long")
        self.socket.settimeout(left)
        return self.socket.recv_into(buffer)

    def send(self, data: bytes, seconds: float) -> None:
        """Write all of it. Raises OSError where the client does not take it in time."""
        self.socket.settimeout(seconds)
        self.socket.sendall(data)

    def break_off(self) -> None:
        """End whatever waits for it."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


def _most() -> int:
    """Return how many connections there may be: the end of the session and its audit need descriptors as well.

    Each connection may need another one to the service.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 500 if limit == resource.RLIM_INFINITY else max(4, min(500, (limit - 64) // 2))


class Connections:
    """A port of 127.0.0.1, from :meth:`start` to :meth:`close`; ``serve`` is called for each connection that asks.

    Bound when it is made, so that who connects early waits. ``turned_away`` gets what another user sent, up to the end
    of a head, and returns the answer if it is known already, which spares a thread.
    """

    def __init__(self, serve: Callable[[Connection], None], turned_away: Callable[[bytes], bytes | None]) -> None:
        self._serve = serve
        self._turned_away = turned_away
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=_QUEUE)
        self._listening.setblocking(False)
        self.port: int = self._listening.getsockname()[1]
        self._most = _most()
        self._share = self._most // 4
        self._lock = Lock()
        self._own = os.geteuid()
        # Those that have authenticated; and the others by user, the oldest first.
        self._known: set[Connection] = set()
        self._unknown: dict[int | None, dict[Connection, None]] = {}
        self._turns: Counter[int | None] = Counter()
        # Those that are not served yet, the oldest first; and by user those of them that have sent a whole head. Only
        # the thread that accepts uses these.
        self._silent: dict[Connection, None] = {}
        self._ready: dict[int | None, dict[Connection, None]] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        for each in (self._listening, self._woken, self._waker):
            close_in_child(each)  # a forked child would keep the port open, and could wake this process
        self._is_over = False
        self._accepting = threading.Thread(target=self._run, name="pulumi-fusion-endpoint", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._accepting.start()

    def close(self) -> None:
        """Stop answering; whatever is under way breaks off, and the port is free."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
        self._wake()
        if self._accepting.is_alive():
            self._accepting.join(10)
        for each in (self._listening, self._woken, self._waker):
            each.close()
        self._selector.close()
        with self._lock:
            hanging = [*self._known, *(each for waiting in self._unknown.values() for each in waiting)]
        for connection in hanging:
            connection.break_off()
            if not connection.is_served:
                connection.socket.close()

    def admit(self, connection: Connection) -> bool:
        """Give one that has authenticated a place of its own, or return False where there is none."""
        with self._lock:
            if connection in self._known:
                return True
            if len(self._known) >= self._most - self._share or not self._forget_unknown(connection):
                return False
            self._known.add(connection)
        self._end_turn(connection)
        return True

    # The thread that accepts.

    def _run(self) -> None:
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while not self._is_over:
            oldest = next(iter(self._silent), None)
            patience = None if oldest is None else max(0.0, oldest.until - time.monotonic())
            for key, _ in self._selector.select(patience):
                if key.fileobj is self._listening:
                    self._accept()
                elif key.fileobj is self._woken:
                    self._go_on()
                elif key.data in self._silent:  # one that has not given way meanwhile
                    self._hear(key.data)
            self._expire()

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connected, _ = self._listening.accept()
            except BlockingIOError:
                return
            except OSError:  # no descriptor is left, or the client has left
                with self._lock:
                    self._give_way(self._unknown)
                time.sleep(0.01)
                return
            close_in_child(connected)
            connected.setblocking(False)
            # The head of an answer and its body are written apart, and neither waits until the other was received.
            with contextlib.suppress(OSError):  # the client may have left
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(connected, user_of(connected))
            if self._find_place(connection):
                self._silent[connection] = None
                self._selector.register(connected, selectors.EVENT_READ, connection)
            else:
                connected.close()

    def _find_place(self, connection: Connection) -> bool:
        with self._lock:
            if connection.user != self._own:
                others = [user for user in self._unknown if user != self._own]
                if sum(len(self._unknown[user]) for user in others) >= self._share:
                    self._give_way(others)
            if self._is_full():
                self._give_way(self._unknown)
            if self._is_full():
                return False
            self._unknown.setdefault(connection.user, {})[connection] = None
        return True

    def _is_full(self) -> bool:
        return len(self._known) + sum(map(len, self._unknown.values())) >= self._most

    def _give_way(self, users: Collection[int | None]) -> None:
        """End the oldest connection of the one of these users who has most of those that wait."""
        if not users:
            return
        most = max(users, key=lambda user: len(self._unknown[user]))
        oldest = next(iter(self._unknown[most]))
        self._forget_unknown(oldest)
        oldest.break_off()
        if not oldest.is_served:
            self._forget(oldest)
            oldest.socket.close()

    def _forget_unknown(self, connection: Connection) -> bool:
        """Take it out of those that wait; return whether it was among them."""
        waiting = self._unknown.get(connection.user, {})
        if connection not in waiting:
            return False
        del waiting[connection]
        if not waiting:
            del self._unknown[connection.user]
        return True

    def _hear(self, connection: Connection) -> None:
        try:
            heard = connection.hear()
        except OSError:
            heard = None
        if heard is False:
            return
        if heard is None or self._turn_away(connection):
            self._forget(connection)
            self._drop(connection)
        else:
            self._selector.unregister(connection.socket)
            self._ready.setdefault(connection.user, {})[connection] = None
            self._serve_ready(connection.user)

    def _go_on(self) -> None:
        """Serve those whose turn has come."""
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(_PIECE)
        for user in [*self._ready]:
            self._serve_ready(user)

    def _serve_ready(self, user: int | None) -> None:
        while user in self._ready and self._has_turn(user):
            connection = next(iter(self._ready[user]))
            self._forget(connection)
            connection.is_served = connection.has_turn = True
            try:
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()
            except RuntimeError:  # no thread is left
                self._drop(connection)

    def _has_turn(self, user: int | None) -> bool:
        """Take a turn, or return False where the user has none left. Where no user is known, all would share them."""
        with self._lock:
            if user not in (self._own, None) and self._turns[user] >= _TURNS:
                return False
            self._turns[user] += 1
            return True

    def _turn_away(self, connection: Connection) -> bool:
        answer = None if connection.user == self._own else self._turned_away(connection.heard)
        if answer is not None:
            with contextlib.suppress(OSError):
                connection.socket.send(answer)
        return answer is not None

    def _expire(self) -> None:
        now = time.monotonic()
        while (oldest := next(iter(self._silent), None)) is not None and oldest.until <= now:
            self._forget(oldest)
            self._drop(oldest)

    def _forget(self, connection: Connection) -> None:
        del self._silent[connection]
        ready = self._ready.get(connection.user, {})
        if connection not in ready:
            self._selector.unregister(connection.socket)
            return
        del ready[connection]
        if not ready:
            del self._ready[connection.user]

    # The threads that serve.

    def _converse(self, connection: Connection) -> None:
        # Not reported: clients leave in the middle, and stderr belongs to the command.
        with contextlib.suppress(Exception):
            self._serve(connection)
        self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        connection.break_off()
        with self._lock:
            self._known.discard(connection)
            self._forget_unknown(connection)
        self._end_turn(connection)
        connection.socket.close()

    def _end_turn(self, connection: Connection) -> None:
        with self._lock:
            if not connection.has_turn:
                return
            connection.has_turn = False
            self._turns[connection.user] -= 1
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # it is over, or will be awake anyway
            self._waker.send(b"x")
