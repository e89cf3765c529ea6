"""The hooks of pre-commit run the checks of tests/run, by programs of the project's own environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = ".venv/test/bin/"


def programs(commands: list[str]) -> set[str]:
    """Return the programs, or the scripts of the project, that commands run."""
    return {re.sub(r"^(python |tests/)+", "", command.removeprefix(BIN)).split(" --")[0] for command in commands}


def test_a_hook_runs_each_check_of_tests_run() -> None:
    config = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    entries = re.findall(r"^ +entry: (.*)$", config, re.MULTILINE)
    checks = re.findall(r"^check (?!pytest)(.*)$", (ROOT / "tests/run").read_text(encoding="utf-8"), re.MULTILINE)

    assert programs(entries) == programs(checks)
    assert all(entry.startswith(BIN) for entry in entries)
    assert config.count("language: system") == config.count("- id: ") == len(entries)
    assert re.findall(r"repo: (.*)", config) == ["local"]
