"""Wait for file descriptors."""

from __future__ import annotations

import math
import select
from collections.abc import Iterable

__all__ = ["wait"]


def wait(readers: Iterable[int], writers: Iterable[int] = (), *, seconds: float) -> list[int]:
    """Return the descriptors that can be read or written, or have an error, within ``seconds``.

    It doesn't use select(2), which doesn't support descriptors above 1023.
    """
    events = dict.fromkeys(readers, select.POLLIN)
    for each in writers:
        events[each] = events.get(each, 0) | select.POLLOUT
    poll = select.poll()
    for descriptor, event in events.items():
        poll.register(descriptor, event)
    return [descriptor for descriptor, _ in poll.poll(math.ceil(seconds * 1000))]
