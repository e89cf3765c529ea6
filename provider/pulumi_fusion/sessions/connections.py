"""The connections to a session's endpoint: how many there may be, for how long, and which is closed for a new one.

Every user of the machine can connect to a port of 127.0.0.1. So until a connection has authenticated it has a few
seconds, gets no thread before it has sent a whole head, and is the first to be closed. Those of other users have a
small share of the places, and few of each user are served at once. When the share or all places are taken, the user
with most unauthenticated connections loses the oldest of them. So a client that sends a request at once is served,
however many idle connections there are.

This is written by hand because no HTTP server library limits connections by user: with a stream of asyncio for each
connection, clients waited ten times longer while another user opened connections all the time.
"""

from __future__ import annotations

import contextlib
import io
import itertools
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
from pulumi_fusion.sessions.peers import user_of
from pulumi_fusion.sessions.reading import LARGEST_HEAD

__all__ = ["Connection", "Connections"]

_UNAUTHENTICATED_SECONDS: Final = 5.0
"""How long a connection may take to authenticate."""

_SILENCE_SECONDS: Final = 300.0
"""How long a client may pause between two bytes."""

_TURNS: Final = 4
"""How many connections of another user are served at once before they authenticate."""

_PIECE: Final = 64 * 1024
_ACCEPTED_AT_ONCE: Final = 64
# An asynchronous client opens a hundred at once; each that finds the queue full waits for a second and more.
_QUEUE: Final = 1024
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


def _count_of_places() -> int:
    """Return how many connections there may be: the end of the session and its audit need descriptors as well.

    Each connection may need another one to the service.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 500 if limit == resource.RLIM_INFINITY else max(4, min(500, (limit - 64) // 2))


class Connections:
    """A port of 127.0.0.1, from :meth:`start` to :meth:`close`; ``serve`` is called for each connection with a head.

    The port is bound at once, so a client that connects early waits. ``refusal`` is called with what another user sent,
    up to the end of a head, and returns the response if the request can't authenticate; that saves a thread.
    """

    def __init__(self, serve: Callable[[Connection], None], refusal: Callable[[bytes], bytes | None]) -> None:
        self._serve = serve
        self._refusal = refusal
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=_QUEUE)
        self._listening.setblocking(False)
        self.port: int = self._listening.getsockname()[1]
        self._count = _count_of_places()
        self._share = self._count // 4
        self._lock = Lock()
        self._own = os.geteuid()
        # The unauthenticated ones by user, the oldest first.
        self._authenticated: set[Connection] = set()
        self._unauthenticated: dict[int | None, dict[Connection, None]] = {}
        self._turns: Counter[int | None] = Counter()
        # Those that aren't served yet, the oldest first; and by user those of them that have sent a whole head. Only
        # the thread that accepts uses these.
        self._unserved: dict[Connection, None] = {}
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
        """Begin to serve."""
        self._accepting.start()

    def close(self) -> None:
        """Stop serving: requests in flight are broken off, and the port is free."""
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
            connections = [*self._authenticated, *itertools.chain.from_iterable(self._unauthenticated.values())]
        for connection in connections:
            connection.break_off()
            if not connection.is_served:
                connection.socket.close()

    def admit(self, connection: Connection) -> bool:
        """Give a connection that has authenticated a lasting place, or return False if there is none."""
        with self._lock:
            if connection in self._authenticated:
                return True
            if len(self._authenticated) >= self._count - self._share or not self._remove_unauthenticated(connection):
                return False
            self._authenticated.add(connection)
        self._end_turn(connection)
        return True

    # Called by the thread that accepts.

    def _run(self) -> None:
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while not self._is_over:
            oldest = next(iter(self._unserved), None)
            timeout = None if oldest is None else max(0.0, oldest.until - time.monotonic())
            for key, _ in self._selector.select(timeout):
                if key.fileobj is self._listening:
                    self._accept()
                elif key.fileobj is self._woken:
                    self._serve_waiting()
                elif key.data in self._unserved:  # it wasn't closed for another one meanwhile
                    self._receive(key.data)
            self._expire()

    def _accept(self) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                connected, _ = self._listening.accept()
            except BlockingIOError:
                return
            except OSError:  # no descriptor is available, or the client has left
                with self._lock:
                    self._evict(self._unauthenticated)
                time.sleep(0.01)
                return
            close_in_child(connected)
            connected.setblocking(False)
            # A response is sent as a head and a body; the body mustn't wait until the client has received the head.
            with contextlib.suppress(OSError):  # the client may have left
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(connected, user_of(connected))
            if self._take_place(connection):
                self._unserved[connection] = None
                self._selector.register(connected, selectors.EVENT_READ, connection)
            else:
                connected.close()

    def _take_place(self, connection: Connection) -> bool:
        with self._lock:
            if connection.user != self._own:
                others = [user for user in self._unauthenticated if user != self._own]
                if sum(len(self._unauthenticated[user]) for user in others) >= self._share:
                    self._evict(others)
            if self._is_full():
                self._evict(self._unauthenticated)
            if self._is_full():
                return False
            self._unauthenticated.setdefault(connection.user, {})[connection] = None
        return True

    def _is_full(self) -> bool:
        return len(self._authenticated) + sum(map(len, self._unauthenticated.values())) >= self._count

    def _evict(self, users: Collection[int | None]) -> None:
        """End the oldest unauthenticated connection of the user who has most of them."""
        if not users:
            return
        most = max(users, key=lambda user: len(self._unauthenticated[user]))
        oldest = next(iter(self._unauthenticated[most]))
        self._remove_unauthenticated(oldest)
        oldest.break_off()
        if not oldest.is_served:
            self._unwatch(oldest)
            oldest.socket.close()

    def _remove_unauthenticated(self, connection: Connection) -> bool:
        """Remove it from the unauthenticated ones; return whether it was among them."""
        waiting = self._unauthenticated.get(connection.user, {})
        if connection not in waiting:
            return False
        del waiting[connection]
        if not waiting:
            del self._unauthenticated[connection.user]
        return True

    def _receive(self, connection: Connection) -> None:
        try:
            is_complete = connection.receive()
        except OSError:
            is_complete = None
        if is_complete is False:
            return
        if is_complete is None or self._refuse(connection):
            self._unwatch(connection)
            self._close(connection)
        else:
            self._selector.unregister(connection.socket)
            self._ready.setdefault(connection.user, {})[connection] = None
            self._serve_ready(connection.user)

    def _serve_waiting(self) -> None:
        """Serve the connections for which there is a turn."""
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(_PIECE)
        for user in [*self._ready]:
            self._serve_ready(user)

    def _serve_ready(self, user: int | None) -> None:
        while user in self._ready and self._take_turn(user):
            connection = next(iter(self._ready[user]))
            self._unwatch(connection)
            connection.is_served = connection.has_turn = True
            try:
                threading.Thread(target=self._serve_in_thread, args=(connection,), daemon=True).start()
            except RuntimeError:  # no thread is available
                self._close(connection)

    def _take_turn(self, user: int | None) -> bool:
        """Take a turn, or return False if the user has none left. Unknown users have no limit: they may be several."""
        with self._lock:
            if user not in (self._own, None) and self._turns[user] >= _TURNS:
                return False
            self._turns[user] += 1
            return True

    def _refuse(self, connection: Connection) -> bool:
        response = None if connection.user == self._own else self._refusal(connection.received)
        if response is not None:
            with contextlib.suppress(OSError):
                connection.socket.send(response)
        return response is not None

    def _expire(self) -> None:
        now = time.monotonic()
        while (oldest := next(iter(self._unserved), None)) is not None and oldest.until <= now:
            self._unwatch(oldest)
            self._close(oldest)

    def _unwatch(self, connection: Connection) -> None:
        del self._unserved[connection]
        ready = self._ready.get(connection.user, {})
        if connection not in ready:
            self._selector.unregister(connection.socket)
            return
        del ready[connection]
        if not ready:
            del self._ready[connection.user]

    # Called by the threads that serve.

    def _serve_in_thread(self, connection: Connection) -> None:
        # Not reported: clients leave in the middle, and stderr belongs to the command.
        with contextlib.suppress(Exception):
            self._serve(connection)
        self._close(connection)

    def _close(self, connection: Connection) -> None:
        connection.break_off()
        with self._lock:
            self._authenticated.discard(connection)
            self._remove_unauthenticated(connection)
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
        with contextlib.suppress(OSError):  # it is over, or is awake already
            self._waker.send(b"x")
