"""The process that ends a session whose helper died: ``python -m pulumi_fusion.sessions.guard NAME=VALUE``.

The helper holds the other end of its stdin and writes the child's process group there, then ``done`` when all ended
well. An end of file without that word is the helper's death, however it died.
"""

from __future__ import annotations

import sys

from pulumi_fusion.sessions.processes import end_all

__all__ = ["main"]


def main() -> None:
    """Wait for the word or for the end of stdin."""
    mark, group = sys.argv[1], 0
    for line in sys.stdin:
        if line.strip() == "done":
            return
        group = int(line)
    if group:
        sys.stderr.write("\r\n!! MASQUERADE ENDED: the helper of this session died, and so did its access.\r\n")
        sys.stderr.flush()
        end_all(group, mark)


if __name__ == "__main__":
    main()
