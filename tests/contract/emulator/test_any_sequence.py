"""Requests to the API and the control routes, restarts and kills in any order: the state always loads and is valid."""

from __future__ import annotations

import shlex
import signal
import subprocess
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contract.cli.terminal import COMMAND, Process
from tests.contract.emulator.sequences import AnySequence
from tests.scale import NIGHTLY, scaled

PHASES = (Phase.explicit, Phase.generate, Phase.shrink) if NIGHTLY else (Phase.explicit, Phase.generate)


class Killed:
    """The command, which is killed with SIGKILL."""

    def __init__(self, path: Path) -> None:
        command: list[str | Path] = [COMMAND, "emulator", "--state", path]
        self.path = path
        self._process = Process(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        line = next(each for each in self._process.stdout if each.startswith("export NETOSECRET="))
        self.netosecret = shlex.split(line)[1].partition("=")[2]

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> Path:
        self._end(signal.SIGKILL)
        return self.path

    def _end(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        self._process.communicate()


class AnySequenceOfProcesses(AnySequence):
    start = Killed
    sequences = restarts = requests = 0


def run(machine: type[AnySequence], *, sequences: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=sequences,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            phases=PHASES,
        ),
    )
    assert machine.sequences >= sequences
    print(f"{machine.sequences} sequences, {machine.restarts} restarts, {machine.requests} requests")  # noqa: T201


def test_any_sequence() -> None:
    run(AnySequence, sequences=scaled(25, nightly=2_000), steps=scaled(40, nightly=60))


def test_any_sequence_with_kill_9() -> None:
    run(AnySequenceOfProcesses, sequences=scaled(2, nightly=100), steps=scaled(15, nightly=30))
