"""Wait in a test until something has happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["wait_until"]

T = TypeVar("T")


def wait_until(condition: Callable[[], T], *, seconds: float = 60) -> T:
    """Return the first true value of the condition; fail after so many seconds without one."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"the condition was not met within {seconds:g} s"
        time.sleep(0.01)
    return value
