"""The port of a session's endpoint: it accepts connections, and serves each in a thread once it has sent a head.

Every user of the machine can connect to a port of 127.0.0.1. So a connection gets no thread before it has sent a whole
head, few of another user are served at once, and one without a place (see places.py) or in time is closed. A client
that sends a request at once is served, however many idle connections there are.

This is written by hand because no HTTP server library limits connections by user: with a stream of asyncio for each
connection, clients waited ten times longer while another user opened connections all the time.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from pulumi_fusion.forking import Lock, close_in_child
from pulumi_fusion.sessions.connection import Connection
from pulumi_fusion.sessions.peers import user_of
from pulumi_fusion.sessions.places import Places

__all__ = ["Listener"]

_TURNS: Final = 4
"""How many connections of another user are served at once before they authenticate."""

_ACCEPTED_AT_ONCE: Final = 64
# An asynchronous client opens a hundred at once; each that finds the queue full waits for a second and more.
_QUEUE: Final = 1024


class Listener:
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
        self._places = Places(self._evict)
        self._lock = Lock()
        self._own = os.geteuid()
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
        for connection in self._places.connections():
            connection.break_off()
            if not connection.is_served:
                connection.socket.close()

    def admit(self, connection: Connection) -> bool:
        """Give a connection that has authenticated a lasting place, or return False if there is none."""
        is_admitted = self._places.admit(connection)
        if is_admitted:
            self._end_turn(connection)
        return is_admitted

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
                self._places.make_way()
                time.sleep(0.01)
                return
            close_in_child(connected)
            connected.setblocking(False)
            # A response is sent as a head and a body; the body mustn't wait until the client has received the head.
            with contextlib.suppress(OSError):  # the client may have left
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(connected, user_of(connected))
            if self._places.enter(connection):
                self._unserved[connection] = None
                self._selector.register(connected, selectors.EVENT_READ, connection)
            else:
                connected.close()

    def _evict(self, connection: Connection) -> None:
        """End a connection that loses its place; if a thread serves it, that thread closes it."""
        connection.break_off()
        if not connection.is_served:
            self._unwatch(connection)
            connection.socket.close()

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
            self._woken.recv(4096)
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
        self._places.leave(connection)
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
