"""The clock of sessions."""

from __future__ import annotations

import time

__all__ = ["now"]


def now() -> float:
    """Return the seconds of a clock that nobody can set and that includes the time a machine sleeps, where it exists.

    All processes of a machine read the same clock.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
