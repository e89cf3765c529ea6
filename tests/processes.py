"""The processes of this machine."""

from __future__ import annotations

import subprocess

__all__ = ["is_running"]


def is_running(pid: int) -> bool:
    """Return whether the process exists and isn't a zombie."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return done.stdout.strip()[:1] not in ("", "Z")
