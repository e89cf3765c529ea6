"""Every Python example is a project like those of `pulumi new`, which the official host can install and run."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/__main__.py"))
PLUGIN = {"import", "providers"}


def runtime(folder: Path) -> Any:
    yaml = import_module("yaml")  # the SDK brings it along, without types
    return yaml.safe_load((folder / "Pulumi.yaml").read_text())["runtime"]


def requirements(folder: Path) -> list[str]:
    lines = (folder / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_the_examples_are_found() -> None:
    assert {folder.name for folder in EXAMPLES} > PLUGIN


@pytest.mark.parametrize("folder", [each for each in EXAMPLES if each.name != "quickstart"], ids=lambda path: path.name)
def test_each_example_lists_its_requirements(folder: Path) -> None:
    assert runtime(folder) == {"name": "python", "options": {"toolchain": "pip", "virtualenv": "venv"}}
    needed = requirements(folder)
    assert "pulumi>=3.216,<4" in needed
    # pip resolves a path relative to the folder in which the host runs it, that of the project.
    provider = [folder / re.sub(r"\[.*", "", line) for line in needed if line.startswith(".")]
    if folder.name in PLUGIN:
        assert "import pulumi_fusion_sdk" in (folder / "__main__.py").read_text()
        assert provider == []  # `pulumi package add` appends the SDK, and the provider has an environment of its own
    else:
        assert "from pulumi_fusion import" in (folder / "__main__.py").read_text()
        assert [path.resolve() for path in provider] == [ROOT]


def test_the_quick_start_runs_in_the_environment_that_its_script_makes() -> None:
    """With `virtualenv` the official host would use that environment; without, it uses the first Python on PATH."""
    assert runtime(ROOT / "examples" / "quickstart") == {"name": "python", "options": {"toolchain": "pip"}}
    assert 'export TOOLS="$bin:' in (ROOT / "examples" / "quickstart" / "run").read_text()


def test_the_plugin_runs_in_a_separate_environment() -> None:
    yaml = import_module("yaml")
    project = yaml.safe_load((ROOT / "PulumiPlugin.yaml").read_text())
    assert project["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": "venv"}}
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/venv/", "/examples/*/venv/", "/examples/*/sdks/"} <= set(ignored)
