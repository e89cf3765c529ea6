"""What the set-up scripts share: progress on stderr, and one run at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


def speaker(step: str) -> Callable[[str], None]:
    """A function that writes a line of progress under the name of `step`; stdout is for the answer alone."""

    def say(text: str) -> None:
        print(f"{step}: {text}", file=sys.stderr, flush=True)

    return say


@contextlib.contextmanager
def alone(lock: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Holds `lock` for this process and those children that inherit descriptors.

    The kernel frees it when the last of them ends: a killed run is followed by no other while its child still writes.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is at it; waiting for its result")
            fcntl.flock(handle, fcntl.LOCK_EX)
        os.set_inheritable(handle.fileno(), True)
        yield
