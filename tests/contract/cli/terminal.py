"""Run the console script as a user's shell does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCRIPTS = Path(sys.executable).parent
COMMAND = SCRIPTS / "pulumi-fusion"


class Process(subprocess.Popen[str]):
    """A process that is ended if its test fails; Popen would wait for it and block all later tests."""

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        if kind is not None and self.poll() is None:
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signal.SIGKILL)
            self.kill()
        super().__exit__(kind, *rest)


@dataclass(frozen=True)
class Terminal:
    """``folder`` is the home and working directory; ``environ`` and PATH are the whole environment of the commands."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{SCRIPTS}{os.pathsep}{os.defpath}"
        return {"PATH": path, "HOME": str(self.folder), "PYTHONWARNINGS": "error", **self.environ, **more}

    def start(self, *arguments: str, **more: str) -> Process:
        return Process(
            [COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments, **more) as process:
            stdout, stderr = process.communicate(timeout=120)
        assert "Traceback" not in stderr, stderr
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


def patched(folder: Path, program: str) -> dict[str, str]:
    """The environment of a Python that runs the program before it does anything.

    https://docs.python.org/3/library/site.html#module-sitecustomize
    """
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(program)
    return {"PYTHONPATH": str(folder / "site")}
