"""The script .ci/tool without what it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

TOOL: Final = Path(__file__).resolve().parents[2] / ".ci" / "tool"


def run(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run the script with a PATH without programs."""
    environment = {"PATH": "", "XDG_CACHE_HOME": str(cache)}
    command = [sys.executable, str(TOOL), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("name", "builder"), [("actionlint", "go"), ("axe-core", "npm"), ("yaml-language-server", "npm")]
)
def test_a_program_that_cannot_be_made_is_not_available(tmp_path: Path, name: str, builder: str) -> None:
    done = run(name, cache=tmp_path)

    assert (done.returncode, done.stdout) == (1, f"{name} is not available: no `{builder}` on PATH\n")
    assert not [each for each in tmp_path.rglob("*") if each.suffix != ".lock" and each.is_file()]


@pytest.mark.parametrize("arguments", [[], ["shellcheck"], ["actionlint", "actionlint"]])
def test_another_name_is_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    done = run(*arguments, cache=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "usage: .ci/tool actionlint|axe-core|yaml-language-server\n"
