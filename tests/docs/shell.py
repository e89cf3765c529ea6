"""Runs the blocks of a document in one bash, and compares their output."""

from __future__ import annotations

import contextlib
import doctest
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.docs.blocks import Step

__all__ = ["run"]

SECONDS: Final = 300
_COMPARED: Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

# Each step runs in this shell, so that variables, the folder and background jobs remain for the next one. A failing
# command ends the shell, unless the step documents its exit code.
_STEP: Final = """
trap 'echo "$?" > {log}/exit' EXIT
exec > {log}/output 2>&1 < /dev/null
{strict}
. {log}/script
code=$?
set +e
echo "$code" > {log}/exit
trap - EXIT
"""


def run(page: Sequence[Step], folder: Path, logs: Path, environment: Mapping[str, str]) -> str | None:
    """Run the steps in the folder and return a description of the first one that fails, or None.

    Args:
        page: The steps in their order.
        folder: The working folder of the first step.
        logs: A folder outside of it, for the scripts and outputs.
        environment: The environment of the shell.

    """
    if not page:
        return None
    runner = []
    for number, step in enumerate(page):
        log = logs / str(number)
        log.mkdir(parents=True)
        (log / "script").write_text(step.script, encoding="utf-8")
        runner.append(_STEP.format(log=shlex.quote(str(log)), strict="" if step.exit else "set -e"))
    shell = subprocess.Popen(
        ["bash", "--norc", "-c", "".join(runner)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        shell.wait(SECONDS)
    except subprocess.TimeoutExpired:
        pass  # the step that didn't end has no exit code
    finally:
        # The jobs that the page started in the background.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.wait()
    return next((found for number, step in enumerate(page) if (found := _failure(step, logs / str(number)))), None)


def _failure(step: Step, log: Path) -> str | None:
    """Return how the result of a step differs from the documented one, or None."""
    output = _text(log / "output")
    ended = _text(log / "exit").strip() or f"nothing within {SECONDS} seconds"
    if ended != str(step.exit):
        return f"line {step.line}: exit code {ended} instead of {step.exit}\n{step.script}\n{output}"
    if step.output is None or doctest.OutputChecker().check_output(step.output, output, _COMPARED):
        return None
    example = doctest.Example(step.script, step.output)
    difference = doctest.OutputChecker().output_difference(example, output, doctest.ELLIPSIS)
    return f"line {step.line}: {step.script}\n{difference}"


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
