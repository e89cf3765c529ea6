"""The pipelines of the examples and of the project pass the linters of GitHub's and GitLab's files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
BIN: Final = Path(sys.executable).parent
FOLDERS: Final = {"github": (".github/workflows", "examples/gitops/github"), "gitlab": ("examples/gitops/gitlab",)}


def pipelines(service: str) -> list[str]:
    """Return the pipelines of the project for a service, as paths from the top level."""
    files = (file for folder in FOLDERS[service] for file in (ROOT / folder).rglob("*.y*ml"))
    return sorted(str(file.relative_to(ROOT)) for file in files)


def zizmor(file: str | Path) -> list[str | Path]:
    return [BIN / "zizmor", "--offline", "--no-progress", file]


def schema_of(service: str, file: str | Path) -> list[str | Path]:
    schema = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}[service]
    return [BIN / "check-jsonschema", "--builtin-schema", schema, file]


def actionlint(file: str | Path) -> list[str | Path]:
    if not shutil.which("go"):
        # A laptop may do without; a pipeline that did would hide a fault.
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no go on PATH, which builds actionlint")
    got = subprocess.run([ROOT / ".ci/tool", "actionlint"], capture_output=True, text=True, check=False)
    assert got.returncode == 0, got.stdout + got.stderr
    # The result must not depend on the other linters that a machine has.
    return [Path(got.stdout.strip()) / "actionlint", "-shellcheck=", "-pyflakes=", file]


def run(command: list[str | Path]) -> tuple[int, str]:
    """Return the exit code and the output of a linter that runs at the top level."""
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize("file", pipelines("github"))
def test_a_workflow_of_github_passes_zizmor_actionlint_and_its_schema(file: str) -> None:
    for command in (schema_of("github", file), zizmor(file), actionlint(file)):
        code, output = run(command)
        assert code == 0, output


@pytest.mark.parametrize("file", pipelines("gitlab"))
def test_a_pipeline_of_gitlab_passes_its_schema(file: str) -> None:
    code, output = run(schema_of("gitlab", file))
    assert code == 0, output


WORKFLOW: Final = """\
name: sample
on: pull_request
permissions: {}
jobs:
  sample:
    runs-on: ubuntu-24.04
    steps:
      - run: echo "$TITLE"
        env:
          TITLE: ${{ github.event.pull_request.title }}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "sample.yml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_linters_accept_a_workflow(tmp_path: Path) -> None:
    file = written(tmp_path, WORKFLOW)

    assert [run(linter)[0] for linter in (schema_of("github", file), zizmor(file), actionlint(file))] == [0, 0, 0]


def test_zizmor_refuses_an_injection(tmp_path: Path) -> None:
    file = written(tmp_path, WORKFLOW.replace('"$TITLE"', "${{ github.event.pull_request.title }}"))

    code, output = run(zizmor(file))

    assert code > 0
    assert "template-injection" in output


def test_actionlint_refuses_an_unknown_expression(tmp_path: Path) -> None:
    file = written(tmp_path, WORKFLOW.replace("github.event.pull_request.title", "git.title"))

    code, output = run(actionlint(file))

    assert code > 0
    assert 'undefined variable "git"' in output


@pytest.mark.parametrize(
    ("service", "text", "key"),
    [
        ("github", WORKFLOW.replace("runs-on", "runson"), "runs-on"),
        (
            "gitlab",
            "check:\n  script: [pulumi-fusion catalog validate customers.yaml]\n  resource_groups: x\n",
            "resource_groups",
        ),
    ],
)
def test_the_schemas_refuse_an_unknown_key(tmp_path: Path, service: str, text: str, key: str) -> None:
    code, output = run(schema_of(service, written(tmp_path, text)))

    assert code > 0
    assert key in output
