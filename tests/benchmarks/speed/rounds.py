"""One round: all commands of a stack from the first preview to its destruction, each measured."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.speed import customers, process
from tests.benchmarks.speed.providers import Provider
from tests.benchmarks.speed.service import Service
from tests.engine.stack import Stack

__all__ = ["OPERATIONS", "Sample", "lived"]

_APPLY: Final = ("--yes", "--skip-preview")

OPERATIONS: Final[dict[str, tuple[str, ...]]] = {
    "preview of new": ("preview",),
    "up": ("up", *_APPLY),
    "no-op preview": ("preview",),
    "no-op up": ("up", *_APPLY),
    "one changed": ("up", *_APPLY),
    "refresh": ("refresh", *_APPLY),
    "destroy": ("destroy", *_APPLY),
}
"""In the order of a stack's life."""

_ROOT: Final = Path(__file__).parents[3]


@dataclass(frozen=True)
class Sample:
    """One command of one round; memory and state in bytes, ``state`` for each customer after the command."""

    provider: str
    count: int
    latency_ms: int
    operation: str
    seconds: float
    processor: float
    memory: int
    python: int
    requests: int
    connections: int
    at_once: int
    emulator: float
    state: float


def lived(provider: Provider, count: int, latency_ms: int) -> Iterator[Sample]:
    """Yield the samples of a round, as they are measured. Raises process.FailedError."""
    with tempfile.TemporaryDirectory(prefix="fusion-bench-") as name, Service(latency_ms / 1000) as service:
        folder = Path(name)
        provider.install(folder)
        environ = {
            **service.environ,
            **provider.environ,
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(_ROOT),
            "PYTHONDONTWRITEBYTECODE": "",
        }
        stack = Stack(folder, environ, program=provider.text)
        declared = customers.declared(count)
        stack.declare(declared)
        for operation, arguments in OPERATIONS.items():
            if operation == "one changed":
                next(iter(declared.values()))["rollupRetention"] = 365
                stack.declare(declared)
            service.forget()
            cost = process.run(stack.command(*arguments), folder, stack.environment())
            asked = service.asked()
            if operation == "up":
                _require_whole(stack, count)
            yield Sample(
                provider.name,
                count,
                latency_ms,
                operation,
                cost.seconds,
                cost.processor,
                cost.memory,
                cost.python,
                asked.requests,
                asked.connections,
                asked.at_once,
                asked.processor,
                stack.checkpoint.stat().st_size / count,
            )


def _require_whole(stack: Stack, count: int) -> None:
    """Raise FailedError if the state doesn't contain all customers."""
    kept = json.loads(stack.checkpoint.read_text())["checkpoint"]["latest"]["resources"]
    made = sum("customerId" in each.get("outputs", {}) for each in kept)
    if made != count:
        raise process.FailedError(f"{made} of {count} customers are in the state")
