"""The workflows of examples/gitops/github, step by step, with the real CLI and a small GitHub.

The scripts are the text of the workflows. Actions (``uses:``) are replaced by what they do, and ``gh`` by
tests/pipelines/gh.py, which enforces the permissions of the job's token.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.pipelines.github import GitHub, Job
from tests.pipelines.leaks import leaks, parts
from tests.pipelines.machine import Machine
from tests.pipelines.repository import Repository

PASSPHRASE = "passphrase-of-the-stack"
HOSTILE = "'</details> | `x` @all ::error::owned $(id) ${{ github.token }} <!-- pulumi-fusion production -->'"


@pytest.fixture
def machine(tmp_path: Path, emulator: Emulator) -> Machine:
    return Machine(tmp_path / "machine", {"FUSION_API_URL": emulator.url})


@pytest.fixture
def github(tmp_path: Path, emulator: Emulator, machine: Machine) -> GitHub:
    if not shutil.which("jq"):
        # A laptop may do without; a pipeline that did would hide a fault.
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no jq on PATH, which the filters of gh need here")
    (tmp_path / "backend").mkdir()
    backend = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/backend"}
    repository = Repository(tmp_path / "team", machine, "github", {**backend, "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE})
    secrets = {
        "preview": {"NETOSECRET": emulator.key(role="readonly"), "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE},
        "production": {"NETOSECRET": emulator.netosecret, "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE},
    }
    return GitHub(tmp_path, machine, repository, secrets, backend)


def test_from_a_pull_request_to_drift(tmp_path: Path, github: GitHub, machine: Machine, emulator: Emulator) -> None:
    team = github.repository

    # Nobody has reviewed the first plan: a person starts the apply with its digest.
    first = github.run("apply.yml", "workflow_dispatch")
    assert (first["plan"].code, first["apply"].result) == (6, "skipped")
    assert "4 to create" in first["plan"].summary
    applied = github.run("apply.yml", "workflow_dispatch", inputs={"digest": digest(first["plan"])})
    assert applied["apply"].result == "success", applied
    assert applied["apply"].summary.endswith("**Applied.**\n")
    assert {each.shortname for each in emulator.accounts()} == {"acme-corp", "lakeside", "north-mssp", "try-it-out"}

    # An onboarding. Another user writes a comment that looks like the one of the workflow.
    new = f"customers:\n  fresh-co:\n    organization: {HOSTILE}\n    deletion_protection: false\n"
    head = team.propose("onboard", {"customers:\n": new})
    event = github.open(7, head)
    validated = github.run("validate.yml", "pull_request", event)["validate"]
    assert validated.result == "success", validated.text
    github.comment(7, "mallory", f"<!-- pulumi-fusion production {head} {'0' * 64} -->")
    assert github.run("preview.yml", "pull_request_target", event)["comment"].result == "success"
    [comment] = comments(github, 7)
    assert comment.startswith(f"<!-- pulumi-fusion production {head} ")
    assert "1 to create" in comment
    for harmful in ("</details>", "<!-- pulumi-fusion production -->", "@all", "`x`"):
        assert harmful not in comment

    # Another commit of the same pull request: the comment is edited, and has the digest for the last commit.
    head = team.propose("onboard", {"data_retention: 45": "data_retention: 7"})
    event = github.open(7, head)
    github.run("preview.yml", "pull_request_target", event)
    [comment] = comments(github, 7)
    assert comment.startswith(f"<!-- pulumi-fusion production {head} ")
    assert "Data Retention 45 → 7 days" in comment

    # The merge applies what was reviewed.
    before = team.main
    github.merge(7, team.merge("onboard"))
    applied = github.run("apply.yml", "push")
    assert applied["apply"].result == "success", applied
    assert {each.shortname: each.retention for each in emulator.accounts()}["lakeside"] == 7

    # An old run that is started again would undo that.
    outdated = github.run("apply.yml", "push", again=before)
    assert (outdated["plan"].failed, outdated["apply"].result) == ("Find the reviewed digest", "skipped")
    assert "main has changed since this run began" in outdated["plan"].text

    # More deletions than allowed: the reviewer sees it, and the merge doesn't apply it.
    text = (team.clone / "customers.yaml").read_text()
    fresh, trial = text[text.index("  fresh-co:") : text.index("  acme-corp:")], text[text.index("  try-it-out:") :]
    event = github.open(8, team.propose("offboard", {fresh: "", trial: ""}))
    previewed = github.run("preview.yml", "pull_request_target", event)
    assert (previewed["preview"].code, previewed["comment"].result) == (5, "success")
    assert "2 to delete" in comments(github, 8)[0]
    github.merge(8, team.merge("offboard"))
    refused = github.run("apply.yml", "push")
    assert (refused["plan"].code, refused["apply"].result) == (5, "skipped")

    # The account changes after the review, so the plan is another one than the reviewed one.
    emulator.edit("acme-corp", retention=180)
    refused = github.run("apply.yml", "push")
    assert (refused["plan"].failed, refused["plan"].code) == ("Compare the plan with the reviewed one", 6)
    assert "this is another plan than the reviewed one" in refused["plan"].text
    assert {"fresh-co", "try-it-out"} < {each.shortname for each in emulator.accounts()}

    # Drift opens one issue, which later runs update and close.
    drifted = github.run("drift.yml", "schedule")
    assert (drifted["drift"].result, drifted["issue"].result) == ("success", "success"), drifted["drift"].text
    drifted = github.run("drift.yml", "schedule")
    [issue] = github.data["issues"]
    assert (issue["title"], issue["state"]) == ("Drift: production differs from main", "open")
    assert "Data Retention 180 → 90 days" in issue["body"]
    assert github.data["requests"][-1] == ["PATCH", f"repos/msp/fusion-customers/issues/{issue['number']}"]

    # A failure isn't drift.
    github.secrets["preview"]["NETOSECRET"], key = "", github.secrets["preview"]["NETOSECRET"]
    failed = github.run("drift.yml", "schedule")
    assert (failed["drift"].failed, failed["drift"].code, failed["issue"].result) == ("Preview", 1, "skipped")
    assert "netosecret is not set" in failed["drift"].summary
    github.secrets["preview"]["NETOSECRET"] = key

    reviewed = digest(refused["plan"])
    repaired = github.run("apply.yml", "workflow_dispatch", inputs={"digest": reviewed, "max-deletes": "2"})
    assert repaired["apply"].result == "success", repaired
    assert {each.shortname for each in emulator.accounts()} == {"acme-corp", "lakeside", "north-mssp"}
    github.run("drift.yml", "schedule")
    [issue] = github.data["issues"]
    assert issue["state"] == "closed"

    # No job left a credential, and none showed a first admin.
    hub = github.data
    planted = [*hub.pop("tokens"), PASSPHRASE, *(part for key in github.credentials() for part in parts(key))]
    folders = [tmp_path / "backend", *tmp_path.glob("job-*"), *tmp_path.glob("artifacts-*")]
    summaries = [each.read_text() for each in tmp_path.glob("job-*.summary")]
    shown = [*machine.log, *summaries, json.dumps(hub)]
    assert leaks(planted, shown, *folders) == []
    assert leaks(["onboarding@msp.example.com", "eyJ"], shown, *tmp_path.glob("artifacts-*")) == []


def test_a_pull_request_runs_nothing_of_its_own(github: GitHub, emulator: Emulator) -> None:
    """An invalid file is annotated, a fork gets no preview, and only customers.yaml comes from the pull request."""
    team = github.repository
    name = 'organization: "Lake\\n::error::side"'
    wrong = team.propose("wrong", {"data_retention: 45": "dataRetention: 45", "organization: Lakeside County": name})
    event = github.open(7, wrong, fork=True)
    emulator.requests.clear()

    validated = github.run("validate.yml", "pull_request", event)["validate"]
    assert (validated.failed, validated.code) == ("Validate", 1)
    assert "::error file=customers.yaml,line=" in validated.text
    assert "\n::error::side" not in validated.text

    assert {job.result for job in github.run("preview.yml", "pull_request_target", event).values()} == {"skipped"}
    assert [*emulator.requests] == []

    # Another program, other packages and another pipeline have no effect.
    harmful = {
        "__main__.py": "raise SystemExit('the program of the pull request ran')",
        "requirements.txt": "harmful",
        "Pulumi.yaml": "name: another",
        ".github/workflows/preview.yml": "harmful",
    }
    head = team.propose("harmful", {"data_retention: 45": "data_retention: 90"}, files=harmful)
    # main changes meanwhile: the preview is that of the merge.
    team.propose("other", {"contractual_flows_per_second: 10000": "contractual_flows_per_second: 20000"})
    team.merge("other")
    event = github.open(7, head)
    previewed = github.run("preview.yml", "pull_request_target", event)
    assert previewed["comment"].result == "success", previewed["preview"].text
    [comment] = comments(github, 7)
    assert "4 to create" in comment
    assert "20000" in comment

    # A preview that fails replaces the comment, so that no digest stays.
    team.propose("conflict", {"data_retention: 45": "data_retention: 60"})
    team.merge("conflict")
    assert github.run("preview.yml", "pull_request_target", event)["comment"].result == "success"
    [comment] = comments(github, 7)
    assert comment.startswith(
        f"<!-- pulumi-fusion production {head}  -->\nNo preview of {head}: it conflicts with main:"
    )
    head = team.propose("other", {"contractual_flows_per_second: 20000": "contractual_flows_per_second: 30000"})
    team.propose("broken", {"data_retention: 60": "data_retention: 30"}, files={"requirements.txt": "unknown"})
    team.merge("broken")
    previewed = github.run("preview.yml", "pull_request_target", github.open(7, head))
    assert (previewed["preview"].failed, previewed["comment"].result) == ("Install", "success")
    [comment] = comments(github, 7)
    assert comment.startswith(
        f"<!-- pulumi-fusion production {head}  -->\nNo preview of {head}: the job *Preview* failed"
    )


def comments(github: GitHub, number: int) -> list[str]:
    """Return the comments of the workflow."""
    return [each["body"] for each in github.data["comments"][str(number)] if "[bot]" in each["user"]["login"]]


def digest(job: Job) -> str:
    """Return the digest in the report of a job."""
    return job.summary.rpartition("Digest: `")[2][:64]
