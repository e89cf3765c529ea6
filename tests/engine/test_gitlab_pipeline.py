"""The pipeline of examples/gitops/gitlab, job by job, with the real CLI and a small GitLab on loopback.

The scripts and rules are those of the pipeline. The checkout, the artifacts and the variables of an environment are
replaced by what GitLab does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from fusion_emulator import Emulator
from tests.docs.blocks import ROOT
from tests.pipelines.gitlab import PROJECT, GitLab
from tests.pipelines.leaks import leaks, parts
from tests.pipelines.machine import Machine
from tests.pipelines.repository import Repository

FILE: Final = ROOT / "examples" / "gitops" / "gitlab" / ".gitlab-ci.yml"
PASSPHRASE: Final = "passphrase-of-the-stack"
TOKEN: Final = "glpat-token-of-the-project"
HOSTILE: Final = "'/merge </details> | `x` @all $(id) <!-- pulumi-fusion production -->'"


REQUEST: Final = {
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": PROJECT,
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
}


@pytest.fixture
def machine(tmp_path: Path, emulator: Emulator) -> Machine:
    return Machine(tmp_path / "machine", {"FUSION_API_URL": emulator.url})


@pytest.fixture
def gitlab(tmp_path: Path, emulator: Emulator, machine: Machine) -> Iterator[GitLab]:
    (tmp_path / "backend").mkdir()
    backend = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/backend", "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
    repository = Repository(tmp_path / "team", machine, "gitlab", backend)
    variables = {
        "preview": {**backend, "NETOSECRET": emulator.key(role="readonly")},
        "production": {**backend, "NETOSECRET": emulator.netosecret},
    }
    with GitLab(tmp_path, machine, repository, TOKEN, variables) as hub:
        yield hub


def test_from_a_merge_request_to_drift(tmp_path: Path, gitlab: GitLab, machine: Machine, emulator: Emulator) -> None:
    team = gitlab.repository
    new = f"customers:\n  fresh-co:\n    organization: {HOSTILE}\n"
    head = team.propose("onboard", {"customers:\n": new})
    proposed = gitlab.pipeline(FILE, "merge_request_event", head, **REQUEST)
    assert [*proposed.jobs] == ["validate", "preview", "note"]
    fork = gitlab.pipeline(FILE, "merge_request_event", head, **REQUEST | {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "99"})
    assert [*fork.jobs] == ["validate"]

    # The note is written once, and then edited. Another user's note isn't.
    gitlab.data.notes["7"] = [{"id": 1, "author": {"id": 5}, "body": f"<!-- pulumi-fusion production {head} 0 -->"}]
    previewed = gitlab.run(proposed, "preview")
    assert previewed.code == 0, previewed.text
    for _ in range(2):
        written = gitlab.run(proposed, "note")
        assert written.code == 0, written.text
    [_, note] = gitlab.data.notes["7"]
    assert note["body"].startswith(f"<!-- pulumi-fusion production {head} ")
    assert "5 to create" in note["body"]
    for harmful_text in ("</details>", "@all", "`x`", "\n/", "<!-- pulumi-fusion production -->"):
        assert harmful_text not in note["body"]

    # The merge applies what was reviewed.
    merged = team.merge("onboard")
    gitlab.data.merge_requests.append({"iid": 7, "sha": head, "merge_commit_sha": merged, "squash_commit_sha": None})
    pushed = gitlab.pipeline(FILE, "push", merged, CI_COMMIT_BRANCH="main")
    assert [*pushed.jobs] == ["review", "plan", "apply"]
    for job in pushed.jobs:
        ended = gitlab.run(pushed, job)
        assert ended.code == 0, ended.text
    assert len(emulator.accounts()) == 5

    # A plan that nobody has reviewed is refused.
    started = gitlab.pipeline(FILE, "web", merged, CI_COMMIT_BRANCH="main")
    emulator.edit("acme-corp", retention=180)
    gitlab.run(started, "review")
    refused = gitlab.run(started, "plan")
    assert (refused.code, "1 to update" in refused.text) == (6, True)

    # Drift opens one issue, which later runs update.
    daily = gitlab.pipeline(FILE, "schedule", merged, CI_COMMIT_BRANCH="main")
    assert [*daily.jobs] == ["drift", "issue"]
    drifted = gitlab.run(daily, "drift")
    assert drifted.code == 0, drifted.text
    for _ in range(2):
        gitlab.run(daily, "issue")
    [issue] = gitlab.data.issues
    assert "Data Retention 180 → 90 days" in issue["description"]
    daily.dotenv["drift"]["DRIFT"] = "0"
    gitlab.run(daily, "issue")
    assert issue["state"] == "closed"

    # No job left a credential, and none showed a first admin.
    shown = [*machine.log, json.dumps([gitlab.data.notes, gitlab.data.issues])]
    planted = [TOKEN, PASSPHRASE, *(part for key in gitlab.credentials() for part in parts(key))]
    assert leaks(planted, shown, tmp_path / "backend", *tmp_path.glob("job-*")) == []
    assert leaks(["onboarding@msp.example.com", "eyJ"], shown, *tmp_path.glob("job-*.artifacts")) == []


def test_a_merge_request_runs_nothing_of_its_own(gitlab: GitLab) -> None:
    """An invalid file is reported, and only customers.yaml comes from the merge request, as it is after the merge."""
    team = gitlab.repository
    wrong = team.propose("wrong", {"data_retention: 45": "dataRetention: 45"})
    proposed = gitlab.pipeline(FILE, "merge_request_event", wrong, **REQUEST)
    validated = gitlab.run(proposed, "validate")
    assert (validated.code, "customers.yaml:18:5: " in validated.text) == (1, True)
    [finding] = json.loads((proposed.folders["validate"] / "quality.json").read_text())
    assert finding["location"] == {"path": "customers.yaml", "lines": {"begin": 18}}

    harmful = {"__main__.py": "harmful", "requirements.txt": "harmful", "Pulumi.yaml": "harmful"}
    head = team.propose("harmful", {"data_retention: 45": "data_retention: 7"}, files=harmful)
    team.propose("other", {"contractual_flows_per_second: 10000": "contractual_flows_per_second: 20000"})
    team.merge("other")
    proposed = gitlab.pipeline(FILE, "merge_request_event", head, **REQUEST)
    proposed.jobs["preview"]["script"] = ["git status --short", "git diff --unified=0", "cat *.*"]

    prepared = gitlab.run(proposed, "preview")

    assert prepared.text.startswith(" M customers.yaml\n?? review/\ndiff")
    assert "+    data_retention: 7\n" in prepared.text
    assert "contractual_flows_per_second: 20000" in prepared.text
    assert "harmful" not in prepared.text

    # A merge request that conflicts gets a note without a digest. A folder of it with that name has no effect.
    forged = {"review/digest": "0" * 64, "review/report.md": "harmful"}
    head = team.propose(
        "harmful", {"contractual_flows_per_second: 10000": "contractual_flows_per_second: 30000"}, files=forged
    )
    proposed = gitlab.pipeline(FILE, "merge_request_event", head, **REQUEST)
    assert gitlab.run(proposed, "preview").code == 1
    assert gitlab.run(proposed, "note").code == 0
    [note] = gitlab.data.notes["7"]
    assert note["body"].startswith(
        f"<!-- pulumi-fusion production {head}  -->\nNo preview of {head}: it conflicts with main:"
    )
