"""What was run with which versions: a file of the repository, and the versions that the locks pin."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.docs.blocks import ROOT

__all__ = ["FILE", "Run", "kept", "locked_cli", "locked_sdk", "pinned", "recorded"]

FILE: Final = Path(__file__).with_name("runs.json")


@dataclass(frozen=True, order=True)
class Run:
    """The life of a customer with one combination of versions; ``passed`` has the frontends with which it passed."""

    cli: str
    sdk: str
    python: str
    system: str
    date: str
    passed: tuple[str, ...]

    @property
    def combination(self) -> tuple[str, ...]:
        """Return what identifies the combination; a later run of the same replaces this one."""
        minor = ".".join(self.python.split(".")[:2])
        return self.cli, self.sdk, minor, self.system


def recorded() -> list[Run]:
    """Return the runs of the file."""
    return [Run(**{**run, "passed": tuple(run["passed"])}) for run in json.loads(FILE.read_text(encoding="utf-8"))]


def kept(runs: Sequence[Run], latest: Run) -> str:
    """Return the text of the file with a run added, the newest versions first."""
    others = [run for run in runs if run.combination != latest.combination]
    rows = sorted([*others, latest], key=lambda run: [_numbers(part) for part in run.combination[:3]], reverse=True)
    return json.dumps([asdict(run) for run in rows], indent=2) + "\n"


def locked_cli() -> str:
    """Return the version of the CLI that is built if the machine has none."""
    return pinned(ROOT / ".ci/engine/cli/go.mod", r"github.com/pulumi/pulumi/pkg/v3 v(\S+)")


def locked_sdk() -> str:
    """Return the version of the SDK in the environment of the tests."""
    return pinned(ROOT / ".ci/locks/test.txt", r"^pulumi==(\S+)")


def pinned(file: Path, pattern: str) -> str:
    """Return the version that a lock or go.mod pins."""
    found = re.search(pattern, file.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None, f"{file} has no {pattern}"
    return found[1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))
