"""The time that one operation may take, and the interrupt that may end it sooner."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from pulumi_fusion.errors import Cancelled, DeadlineExceeded
from pulumi_fusion.forking import renew_in_child

__all__ = ["WORTHWHILE", "Both", "Deadline", "backoff"]

WORTHWHILE: Final = 1.0
"""Seconds. A request with less time left would only replace what went wrong by "no answer in time"."""

# Of what is left of the deadline, so that a lost answer leaves time to look what became of its request.
_READ_SHARE: Final = 0.5

# Seconds within which a wait notices the second of two interrupts.
_GLANCE: Final = 0.1


def backoff(base: float = 0.5, cap: float = 20.0) -> Iterator[float]:
    """Yield waits in seconds with full jitter: each drawn between 0 and a bound that doubles up to ``cap``.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    bound = base
    while True:
        yield random.uniform(0, bound)  # noqa: S311 - spreads load, protects nothing
        bound = min(cap, bound * 2)


class Deadline:
    """The end of one operation, ``seconds`` from now; setting ``cancelled`` ends every wait at once.

    ``alive`` returns whether anyone still waits for the result; where it returns False, no request starts.
    """

    def __init__(
        self,
        seconds: float,
        *,
        cancelled: threading.Event | None = None,
        alive: Callable[[], bool] = lambda: True,
    ) -> None:
        self.seconds = seconds
        self.cancelled = cancelled or threading.Event()
        self._alive = alive
        self._end = time.monotonic() + seconds
        renew_in_child(self)

    def after_fork(self) -> None:
        """Keep the end; the lock inside the event may be another thread's. It stays the event that others may set."""
        self.cancelled._at_fork_reinit()  # type: ignore[attr-defined]  # of which threading.Thread makes the same use

    def remaining(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self._end - time.monotonic())

    def interrupted(self) -> bool:
        """Return whether an interrupt ended it."""
        return self.cancelled.is_set()

    def read_time(self) -> float:
        """Return how many seconds one answer may take, so that time is left to find out what a lost one did."""
        return _READ_SHARE * self.remaining()

    def check(self, attempted: str) -> None:
        """Raise Cancelled or DeadlineExceeded if no further request may start."""
        if self.interrupted():
            raise Cancelled(attempted, "the operation was interrupted")
        if not self._alive():
            raise Cancelled(attempted, "the Pulumi engine that asked for it has ended")
        if self.remaining() <= 0:
            raise DeadlineExceeded(attempted, f"it took longer than the {self.seconds:g} seconds allowed")

    def wait(self, seconds: float, attempted: str = "wait for the service") -> None:
        """Sleep, but not past the end and not through an interrupt. Raises Cancelled or DeadlineExceeded."""
        self.cancelled.wait(min(seconds, self.remaining()))
        self.check(attempted)


class Both(Deadline):
    """Two deadlines at once: it ends with the first of them, and by the interrupts of both."""

    def __init__(self, one: Deadline, other: Deadline) -> None:  # no end and no interrupt of its own
        self.seconds = min(one.seconds, other.seconds)
        self.cancelled = one.cancelled
        self._both = (one, other)

    def remaining(self) -> float:
        """Seconds left, never below 0."""
        return min(each.remaining() for each in self._both)

    def interrupted(self) -> bool:
        """Return whether an interrupt ended one of them."""
        return any(each.interrupted() for each in self._both)

    def read_time(self) -> float:
        """Return the shorter of their times for one answer."""
        return min(each.read_time() for each in self._both)

    def check(self, attempted: str) -> None:
        """Raise what the first of them raises if no further request may start."""
        for each in self._both:
            each.check(attempted)

    def wait(self, seconds: float, attempted: str = "wait for the service") -> None:
        """Sleep, but not past the end and not through an interrupt. Raises as :meth:`check` does."""
        end = time.monotonic() + min(seconds, self.remaining())
        while not self.interrupted() and (left := end - time.monotonic()) > 0:
            self.cancelled.wait(min(left, _GLANCE))
        self.check(attempted)
