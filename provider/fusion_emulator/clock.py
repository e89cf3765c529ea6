"""The clock of the service, which can be moved while it runs."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Final

__all__ = ["Clock", "seconds_of", "text_of"]

EARLIEST: Final = 0.0
LATEST: Final = datetime(9000, 1, 1, tzinfo=timezone.utc).timestamp()

# RFC 3339 section 5.6; datetime reads some, but not all, of the further forms of ISO 8601.
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,6}))?(Z|[+-][0-9]{2}:[0-9]{2})"
)


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


def seconds_of(text: str) -> float:
    """Return the Unix seconds of a time such as ``2027-01-01T00:00:00Z``, or raise ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError("not a time with a zone, such as 2027-01-01T00:00:00Z")
    time, fraction, zone = found.groups("")
    try:
        return datetime.fromisoformat(f"{time}.{fraction:0<6}{zone.replace('Z', '+00:00')}").timestamp()
    except ValueError as wrong:
        raise ValueError(f"no such time: {wrong}") from None


def text_of(seconds: float) -> str:
    """Return Unix seconds as a time such as ``2027-01-01T00:00:00.000Z``."""
    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
