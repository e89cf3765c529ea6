"""Functions of the set-up scripts: progress on stderr, and a lock for one run at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


def speaker(step: str) -> Callable[[str], None]:
    """Return a function that writes a line of progress to stderr, prefixed with the name of `step`."""

    def say(text: str) -> None:
        print(f"{step}: {text}", file=sys.stderr, flush=True)

    return say


@contextlib.contextmanager
def alone(lock: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold `lock` in this process and in children that inherit descriptors.

    The kernel releases it when the last of them ends: after a run was killed, no other starts while a child still
    writes.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is doing this; waiting for its result")
            fcntl.flock(handle, fcntl.LOCK_EX)
        os.set_inheritable(handle.fileno(), True)
        yield
