"""The process that ends a session whose helper died: ``python -m pulumi_fusion.sessions.guard NAME=VALUE FOLDER``.

The helper holds the other end of its stdin and writes the child's process group there, then ``done`` when all ended
well. An end of file without that word is the helper's death, however it died. FOLDER is what the helper would have
removed.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys

from pulumi_fusion.sessions.processes import alive, end_all

__all__ = ["READY", "main"]

READY = "ready"
"""The line on stdout that says that the guard stands."""


def main() -> None:
    """Wait for the word or for the end of stdin."""
    # What ends the helper is often meant for all processes that look like it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    (mark, folder), group = sys.argv[1:], 0
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        if line.strip() == "done":
            return
        group = int(line)
    if alive(group, mark):
        with contextlib.suppress(OSError):  # the terminal may be gone as well
            sys.stderr.write("\r\n!! MASQUERADE ENDED: its helper died, and its access with it. Ending the rest.\r\n")
            sys.stderr.flush()
        end_all(group, mark)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
