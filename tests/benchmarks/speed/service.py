"""The emulator in a separate process, so that its cost isn't counted as the provider's."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import requests

from tests.benchmarks.speed.process import FailedError, processor_seconds

__all__ = ["Asked", "Service"]


@dataclass(frozen=True)
class Asked:
    """What a command asked of the service: requests, the connections for them, the most requests under way at once,
    and the processor seconds that the answers cost the emulator.
    """

    requests: int
    connections: int
    at_once: int
    processor: float


class Service:
    """Run an empty service that delays each response by ``latency`` seconds, until the block ends."""

    def __init__(self, latency: float) -> None:
        self._latency = latency

    def __enter__(self) -> Service:
        faults = ["--fault", f"* * delay={self._latency}"] if self._latency else []
        self._process = subprocess.Popen(
            ["pulumi-fusion", "emulator", *faults], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        lines = [shlex.split(self._process.stdout.readline()) for _ in range(2)]
        if not all(lines):
            self._process.kill()
            self._process.wait()
            raise FailedError(f"the emulator ended with exit code {self._process.returncode} before it served")
        self.environ = dict(words[1].split("=", 1) for words in lines)
        """Return the settings that a command needs to connect."""
        self._spent = 0.0
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(10)

    def forget(self) -> None:
        """Reset the counts."""
        requests.delete(self._journal, timeout=10)
        self._spent = processor_seconds(self._process.pid)

    def asked(self) -> Asked:
        """Return the counts since the reset."""
        spent = processor_seconds(self._process.pid) - self._spent
        entries = requests.get(self._journal, timeout=60).json()
        return Asked(len(entries), len({each["connection"] for each in entries}), _at_once(entries), spent)

    @property
    def _journal(self) -> str:
        return f"{self.environ['FUSION_API_URL']}/_emulator/requests"


def _at_once(entries: Sequence[dict[str, Any]]) -> int:
    """Return the largest number of overlapping entries; one that ends when another starts doesn't overlap it."""
    moments = sorted(moment for each in entries for moment in ((each["time"], 1), (each["time"] + each["seconds"], -1)))
    most = under_way = 0
    for _, step in moments:
        under_way += step
        most = max(most, under_way)
    return most
