"""Scripts of the example pipelines, with files instead of the commands before them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from pulumi_fusion.report.digest import digest
from pulumi_fusion.report.reading import read_plan
from tests.unit.report.samples import INPUTS, changed, preview, step

GITOPS: Final = Path(__file__).resolve().parents[2] / "examples" / "gitops"
WORKFLOWS: Final = GITOPS / "github" / "workflows"
BIN: Final = Path(sys.executable).parent
LONGEST: Final = 65536
"""How many characters the body of an issue on GitHub may have."""


def script(workflow: str, job: str, name: str) -> str:
    """Return the script of a step."""
    parsed: dict[str, Any] = yaml.safe_load((WORKFLOWS / workflow).read_text())
    [found] = [each["run"] for each in parsed["jobs"][job]["steps"] if each.get("name") == name]
    return str(found)


def run(text: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script in the folder, which gets the programs of a runner."""
    programs = folder / "venv" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    for program in ("python", "pulumi-fusion"):
        (programs / program).write_text(f'#!/bin/bash\nexec {shlex.quote(str(BIN / program))} "$@"\n')
        (programs / program).chmod(0o755)
    environ |= {"PATH": f"{programs}:{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("planned", "unmanaged"), [(1, 3), (1, 20_000), (2_000, 20_000)])
def test_the_drift_issue_is_short_enough_for_github(tmp_path: Path, planned: int, unmanaged: int) -> None:
    name = "Müller & Söhne | " * 10
    steps = [changed({"organization": f"{name}{each}"}, dataRetention=7) for each in range(planned)]
    (tmp_path / "preview.json").write_bytes(preview(*steps))
    (tmp_path / "compare.txt").write_text("".join(f"customer-{each:05}\n" for each in range(unmanaged)))

    ended = run(script("drift.yml", "drift", "Report"), tmp_path)

    assert ended.returncode == 0, ended.stderr
    body, summary = (tmp_path / "drift" / "report.md").read_text(), (tmp_path / "summary.md").read_text()
    assert f"\n    customer-{unmanaged - 1:05}\n" in summary
    assert "\n    customer-00000\n" in body
    assert len(body) < LONGEST
    is_cut = "This list is cut. The summary of the run of *Drift* has all of it." in body
    assert is_cut == (unmanaged > 3)
    assert is_cut or body == summary


def test_a_program_that_fails_is_reported_to_the_reviewer(tmp_path: Path) -> None:
    diagnostics = [{"severity": "error", "message": "error: customers.yaml:18:5: lakeside: Type must not be blank\n"}]
    (tmp_path / "preview.json").write_bytes(preview(diagnostics=diagnostics))
    run(script("preview.yml", "preview", "Begin the report"), tmp_path, HEAD_SHA="0" * 40)

    ended = run(script("preview.yml", "preview", "Report"), tmp_path, FUSION_MAX_DELETES="1")

    assert ended.returncode == 1
    assert "lakeside: Type must not be blank" in (tmp_path / "review" / "report.md").read_text()
    assert (tmp_path / "review" / "digest").read_text() == ""


def test_a_preview_without_an_output_names_the_check(tmp_path: Path) -> None:
    (tmp_path / "preview.json").write_text("")
    run(script("preview.yml", "preview", "Begin the report"), tmp_path, HEAD_SHA="0" * 40)

    ended = run(script("preview.yml", "preview", "Report"), tmp_path, FUSION_MAX_DELETES="1")

    assert ended.returncode == 1
    text = (tmp_path / "review" / "report.md").read_text()
    assert text.startswith(f"No preview of {'0' * 40}: the job *Preview* failed.")
    assert "*Validate*" in text


TRIAL: Final = {**INPUTS, "status": "Trial Active", "deletionProtection": False}
RED: Final[dict[str, tuple[str, str, str]]] = {
    "another plan": ("apply.yml", "plan", "Compare the plan with the reviewed one"),
    "not reviewed": ("apply.yml", "plan", "Compare the plan with the reviewed one"),
    "several deletions": ("apply.yml", "plan", "Compare the plan with the reviewed one"),
    "a protected deletion": ("apply.yml", "plan", "Compare the plan with the reviewed one"),
    "an old run": ("apply.yml", "plan", "Find the reviewed digest"),
    "a failed update": ("apply.yml", "apply", "Update"),
    "a conflict": ("preview.yml", "preview", "Take customers.yaml from the pull request"),
}


def red(folder: Path, case: str) -> str:
    """Return what a run prints and reports that fails for this reason."""
    kept = [step("delete", name, old={**TRIAL, "shortname": name}) for name in ("curious", "idle")]
    plan = preview(step("delete", old=INPUTS)) if case == "a protected deletion" else preview(*kept)
    reviewed = {"another plan": "0" * 64, "not reviewed": ""}.get(case, digest(read_plan(plan)))
    (folder / "preview.json").write_bytes(plan)
    (folder / "review").mkdir()
    for program, text in (("gh", "echo another-commit"), ("pulumi", "exit 1"), ("git", "exit 1")):
        file = folder / "venv" / "bin" / program
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/bash\n{text}\n")
        file.chmod(0o755)
    environ = {
        "CODE": "7",
        "REVIEWED": reviewed,
        "FUSION_MAX_DELETES": "1" if case == "several deletions" else "2",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_SHA": "a-commit",
        "HEAD_SHA": "a-commit",
    }

    ended = run(script(*RED[case]), folder, **environ)

    assert ended.returncode != 0
    summary = folder / "summary.md"
    return ended.stdout + ended.stderr + (summary.read_text() if summary.exists() else "")


def test_the_messages_in_the_readme_are_those_of_red_runs(tmp_path: Path) -> None:
    section = (GITOPS / "README.md").read_text().partition("\n## When a run is red\n")[2]
    quoted = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    folders = [tmp_path / str(number) for number in range(len(RED))]
    for each in folders:
        each.mkdir()
    shown = [red(folder, case) for folder, case in zip(folders, RED, strict=True)]

    # Each case has a row, and each row quotes what the run shows.
    assert [sum(message in each for each in shown) for message in quoted] == [1] * len(RED)
