"""The hooks of pre-commit: those of the project run the checks of tests/run, that for others checks catalogs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.unit.catalog.test_check import VALID

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


@pytest.fixture
def hook() -> dict[str, Any]:
    """The hook for other repositories."""
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert isinstance(hook, dict)
    return hook


def run(hook: dict[str, Any], *files: str, folder: Path) -> tuple[int, str]:
    """Run a hook of the language Python as pre-commit does: its entry, then the files, in the repository."""
    program, *arguments = shlex.split(hook["entry"])
    command = [str(Path(sys.executable).with_name(program)), *arguments, *files]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout


def test_the_hook_for_other_repositories_accepts_a_valid_catalog(hook: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "customers.yaml").write_text(VALID, encoding="utf-8")

    assert run(hook, "customers.yaml", folder=tmp_path) == (0, "")


def test_the_hook_for_other_repositories_refuses_a_wrong_catalog(hook: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "customers.yaml").write_text(VALID.replace("SLG", "Gold"), encoding="utf-8")

    code, output = run(hook, "customers.yaml", folder=tmp_path)

    assert code == 1
    assert output.startswith("customers.yaml:6:9: Type must be one of ")


@pytest.mark.parametrize(
    ("file", "is_catalog"),
    [
        ("customers.yaml", True),
        ("eu/customers.yml", True),
        ("customers.schema.json", False),
        ("old-customers.yaml", False),
        ("customers.yaml.bak", False),
    ],
)
def test_the_hook_for_other_repositories_checks_catalogs_only(
    hook: dict[str, Any], file: str, *, is_catalog: bool
) -> None:
    assert bool(re.search(hook["files"], file)) == is_catalog


def test_the_hook_for_other_repositories_has_what_pre_commit_requires(hook: dict[str, Any]) -> None:
    assert set(hook) == {"id", "name", "description", "language", "entry", "files"}
    assert (hook["id"], hook["language"]) == ("pulumi-fusion-catalog", "python")
