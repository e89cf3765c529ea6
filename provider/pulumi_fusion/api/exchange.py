"""One request in flight, and what ends it early."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import NotSent
from pulumi_fusion.forking import renew_in_child

__all__ = ["Exchange", "Watch"]

# Seconds between two checks of the requests in flight.
_POLL: Final = 0.1


class Exchange:
    """One request in flight. Another thread may break it off: its socket is shut down, which wakes the one that waits.

    A name lookup, a TCP connection and a TLS handshake can't be broken off; they end by the timeouts of the resolver
    and of the connection, and nothing is sent then.

    Args:
        operation: An infinitive for error texts.
        deadline: The end of the operation.
        shortname: The customer that the request is about.
        seconds: How long the response may take, from the connection to its last byte; None for as long as the deadline.
    """

    def __init__(
        self, operation: str, deadline: Deadline, *, shortname: str | None = None, seconds: float | None = None
    ) -> None:
        self.operation = operation
        self.deadline = deadline
        self.shortname = shortname
        self.broken_off: str | None = None
        """Why it was broken off."""
        self._seconds = seconds
        self._since = time.monotonic()
        self.has_started = False
        """Whether sending has started."""
        self._socket: socket.socket | None = None
        self.after_fork()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Break off in a forked child: the connection is the parent's."""
        self._lock = threading.Lock()
        if self.has_started:
            self.broken_off = "the process was forked meanwhile"

    @property
    def elapsed(self) -> float:
        """Seconds since it was started, or since it has a connection."""
        return time.monotonic() - self._since

    def opened(self, connection: object) -> None:
        """Note the socket, which may not have completed its TLS handshake."""
        inner = getattr(connection, "socket", connection)  # of TLS through a TLS proxy
        with self._lock:
            self._socket = inner if isinstance(inner, socket.socket) else None

    def start_sending(self, connection: object) -> None:
        """Note that the connection is made. Raises FusionError for a request that must not be sent any more."""
        self.opened(connection)
        self.deadline.check(self.operation)
        with self._lock:
            if self.broken_off is not None:
                raise NotSent(self.operation, self.broken_off, shortname=self.shortname)
            self._since = time.monotonic()
            self.has_started = True

    def break_off(self, reason: str) -> None:
        """Wake the thread that waits, and send nothing from now on."""
        with self._lock:
            self.broken_off = self.broken_off or reason
            if self._socket is not None:
                # Of the plain socket: SSLSocket.shutdown would take the TLS layer away from the thread that reads.
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def break_off_if_over(self) -> None:
        """Break off at an interrupt, at the deadline, and where the response takes too long."""
        if self.deadline.interrupted():
            self.break_off("it was interrupted while it waited for the answer")
        elif self.deadline.remaining() <= 0 or (self.has_started and self.elapsed > (self._seconds or float("inf"))):
            self.break_off(self.too_slow())

    def too_slow(self) -> str:
        """Return the reason for the end of one that took too long."""
        return f"no {'answer' if self.has_started else 'connection'} within {self.elapsed:.1f} s"

    def end(self) -> None:
        """Forget the socket, which may serve another exchange."""
        with self._lock:
            self._socket = None


class Watch:
    """Breaks off exchanges whose time is over, in one thread that runs while any is in flight."""

    def __init__(self) -> None:
        self.after_fork()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Have nothing in flight."""
        self._lock = threading.Lock()
        self._in_flight: set[Exchange] = set()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, exchange: Exchange) -> Iterator[None]:
        """Watch the exchange for the length of the block. Raises NotSent where the system allows no further thread."""
        try:
            with self._lock:
                self._in_flight.add(exchange)
                if self._thread is None:
                    self._thread = _started(threading.Thread(target=self._run, name="pulumi-fusion-watch", daemon=True))
                is_watched = self._thread is not None
            if not is_watched:
                raise _no_thread(exchange)
            yield
        finally:
            with self._lock:
                self._in_flight.discard(exchange)

    def in_flight(self) -> tuple[Exchange, ...]:
        """Return the exchanges in flight."""
        with self._lock:
            return tuple(self._in_flight)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._in_flight:
                    self._thread = None
                    return
            for exchange in self.in_flight():
                exchange.break_off_if_over()
            time.sleep(_POLL)


def _started(thread: threading.Thread) -> threading.Thread | None:
    """Return the thread after its start, or None where the system allows no further one."""
    try:
        thread.start()
    except RuntimeError:
        return None
    return thread


def _no_thread(exchange: Exchange) -> NotSent:
    return NotSent(
        exchange.operation,
        "the system lets this process start no further thread",
        shortname=exchange.shortname,
        next_step="Nothing was sent. End other processes of this user, or raise its limit (`ulimit -u`, or that of "
        "the container), then run it again.",
    )
