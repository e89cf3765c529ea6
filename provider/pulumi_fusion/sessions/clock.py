"""The clock of sessions."""

from __future__ import annotations

import time

__all__ = ["now"]


def now() -> float:
    """Return the seconds of a monotonic clock, which is the same for all processes of the machine.

    It includes the time for which the machine was suspended if the system has such a clock (Linux).
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
