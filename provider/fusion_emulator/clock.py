"""The clock of the service, which can be moved while it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Final

__all__ = ["Clock"]

EARLIEST: Final = 0.0
LATEST: Final = datetime(9000, 1, 1, tzinfo=timezone.utc).timestamp()


class Clock:
    """Unix seconds. Access tokens end and rate limits recover by it; call it for the present time.

    It runs on from the time to which it is set. Dates of responses and the age of request tokens follow ``machine``,
    since the clocks of clients don't move with this one; the fault ``clock-skew`` is for clocks that disagree.
    """

    def __init__(self, machine: Callable[[], float]) -> None:
        """Follow a clock that returns Unix seconds."""
        self.machine = machine
        self._lock = threading.Lock()
        self._ahead = 0.0

    def __call__(self) -> float:
        """Return the time in Unix seconds."""
        return self.machine() + self._ahead

    @property
    def ahead(self) -> float:
        """Seconds by which this clock is ahead of the machine's; negative if it is behind."""
        return self._ahead

    def set(self, time: float) -> None:
        """Set the time in Unix seconds, or raise ValueError for one before 1970 or after the year 8999."""
        with self._lock:
            self._move(time - self.machine())

    def advance(self, seconds: float) -> None:
        """Let seconds pass, or raise ValueError as ``set`` does. A negative number moves the clock back."""
        with self._lock:
            self._move(self._ahead + seconds)

    def reset(self) -> None:
        """Show the machine's time again."""
        self._ahead = 0.0

    def _move(self, ahead: float) -> None:
        if not EARLIEST <= self.machine() + ahead <= LATEST:
            raise ValueError("the time is outside the years 1970 to 8999")
        self._ahead = ahead
