"""How long a command takes as a whole process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

__all__ = ["fastest", "measured"]

ROUNDS: Final = 5
PROGRAM: Final = Path(sys.executable).with_name("pulumi-fusion")


def measured(
    command: Sequence[str | Path],
    *,
    code: int = 0,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[float, float]:
    """Run a command that ends with this code, and return the seconds until then, and those of the processor."""
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, check=False)
    taken, after = time.perf_counter() - started, os.times()
    assert done.returncode == code, done.stderr.decode()
    return taken, after.children_user + after.children_system - before.children_user - before.children_system


def fastest(*arguments: str | Path, code: int = 0) -> tuple[float, float]:
    """Return the least seconds of five runs of ``pulumi-fusion``, and the least seconds of the processor."""
    runs = [measured([PROGRAM, *arguments], code=code) for _ in range(ROUNDS)]
    return min(taken for taken, _ in runs), min(used for _, used in runs)
