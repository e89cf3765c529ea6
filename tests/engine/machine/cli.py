"""The real CLI on a program of this process: an inline program as the Automation API runs it, with every flag of the
CLI, and with a process that can be killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.engine.machine import host
from tests.engine.machine.program import PROJECT, Program
from tests.engine.stack import quick_python


@dataclass(frozen=True)
class Ran:
    """How a command ended. ``killed`` is when the driver killed it (Unix seconds), None where it ended by itself."""

    command: str
    code: int
    text: str
    killed: float | None = None

    @property
    def ok(self) -> bool:
        return self.code == 0


@dataclass
class Workspace:
    """A project folder with a backend of files; ``host`` is the address of the host that runs its programs."""

    folder: Path
    home: Path
    host: str
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "backend").mkdir(parents=True, exist_ok=True)
        (self.folder / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")

    def checkpoint(self, stack: str) -> Path:
        """The file that holds the state of a stack."""
        return self.folder / "backend" / ".pulumi" / "stacks" / PROJECT / f"{stack}.json"

    def resources(self, stack: str) -> list[dict[str, Any]]:
        """The resources in the state, the stack itself and providers included."""
        return self._latest(stack, "resources")

    def pending(self, stack: str) -> list[dict[str, Any]]:
        """The operations that a killed CLI left in the state."""
        return self._latest(stack, "pending_operations")

    def _latest(self, stack: str, key: str) -> list[dict[str, Any]]:
        state = json.loads(self.checkpoint(stack).read_text())
        return (state["checkpoint"].get("latest") or {}).get(key) or []

    def restore(self) -> None:
        """Repair a backend that a killed CLI left unreadable, as the README documents it."""
        repair = Path(__file__).resolve().parents[3] / ".ci" / "engine" / "restore"
        subprocess.run([repair, self.folder / "backend"], capture_output=True, check=True)

    def run(self, *arguments: str, program: Program | None = None, kill_when: Callable[[], bool] | None = None) -> Ran:
        """Run a command to its end, or until it is to be killed."""
        command = ["pulumi", *arguments]
        served = []
        if program is not None:
            host.hand_over(program, self.folder)
            served = [f"--client={self.host}", "--exec-kind", "auto.inline"]
        said = self.folder / "said.txt"
        with said.open("w") as out:
            process = subprocess.Popen(
                [*command, *served, "--non-interactive", "--color", "never"],
                cwd=self.folder,
                env=self.environment(),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            killed = _wait(process, kill_when)
        return Ran(" ".join(command), process.returncode, said.read_text(), killed)

    def environment(self) -> dict[str, str]:
        if not os.environ.get("PULUMI_FUSION_ENGINE"):
            pytest.fail(f"no engine: {os.environ.get('PULUMI_FUSION_ENGINE_MISSING', 'start the tests by tests/run')}")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PULUMI_HOME": str(self.home / "pulumi"),
            "PULUMI_BACKEND_URL": f"file://{self.folder}/backend",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            **quick_python(),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_COLOR": "1",
            **self.environ,
        }


def _wait(process: subprocess.Popen[bytes], kill_when: Callable[[], bool] | None) -> float | None:
    """Wait for the end, and kill the CLI alone when it is time; return when that was, None where it ended before."""
    end = time.monotonic() + 180
    try:
        while process.poll() is None:
            if kill_when is not None and kill_when():
                killed = time.time()
                process.send_signal(signal.SIGKILL)
                process.wait()
                _until_alone(process.pid)
                return killed
            assert time.monotonic() < end, "a command that does not end"
            time.sleep(0.01)
    finally:
        for pid in _session(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
    return None


def _until_alone(session: int) -> None:
    """Give the providers of a killed engine the time to notice."""
    end = time.monotonic() + 40
    while _session(session) and time.monotonic() < end:
        time.sleep(0.05)


def _session(leader: int) -> list[int]:
    """The processes of a session (Linux); proc(5) has the format."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            after_name = stat.read_text().rpartition(")")[2].split()
            if int(after_name[3]) == leader and after_name[0] != "Z":
                found.append(int(stat.parent.name))
    return found
