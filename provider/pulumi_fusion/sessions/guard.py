"""The watchdog: the process that ends a session whose helper died.

The helper holds the other end of its stdin, where it writes the orders, then the child's process group, and ``done``
when all ended well. An end of file without that word is the helper's death, however it died.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from typing import NamedTuple

from pulumi_fusion.sessions.processes import alive, end_all

__all__ = ["READY", "Orders", "main"]

READY = "ready"
"""The line on stdout that says that the guard stands."""


class Orders(NamedTuple):
    """What to do when the helper died.

    ``mark`` and ``shell`` are those of :func:`end_all`, ``words`` are written to the descriptor ``stderr``, ``folder``
    is removed unless it is "".
    """

    mark: str
    shell: bool
    words: str
    folder: str
    stderr: int


def main() -> None:
    """Wait for the word or for the end of stdin."""
    # What ends the helper is often meant for all processes that look like it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    orders, group = Orders(*json.loads(sys.stdin.readline())), 0
    # Until here stderr was a pipe to the helper, which reports why this process did not start.
    os.dup2(orders.stderr, 2)
    os.close(orders.stderr)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        if line.strip() == "done":
            return
        group = int(line)
    if alive(group, orders.mark):
        with contextlib.suppress(OSError):  # the terminal may be gone as well
            sys.stderr.write(orders.words)
            sys.stderr.flush()
        end_all(group, orders.mark, shell=orders.shell)
    if orders.folder:
        shutil.rmtree(orders.folder, ignore_errors=True)
