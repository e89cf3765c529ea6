"""How long a command of the project takes as a whole process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

__all__ = ["fastest"]

ROUNDS: Final = 5
PROGRAM: Final = Path(sys.executable).with_name("pulumi-fusion")


def fastest(*arguments: str | Path) -> tuple[float, float]:
    """Return the least seconds of five runs of ``pulumi-fusion`` until its end, and the least of the processor."""
    runs = []
    for _ in range(ROUNDS):
        before, started = os.times(), time.perf_counter()
        subprocess.run([PROGRAM, *arguments], capture_output=True, check=False)
        taken, after = time.perf_counter() - started, os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        runs.append((taken, used))
    return min(taken for taken, _ in runs), min(used for _, used in runs)
