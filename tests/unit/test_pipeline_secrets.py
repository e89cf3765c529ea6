"""Which jobs of the example pipelines have credentials and tokens, and how the tests search for these."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.pipelines.leaks import leaks

GITOPS: Final = Path(__file__).resolve().parents[2] / "examples" / "gitops"
WORKFLOWS: Final = sorted((GITOPS / "github" / "workflows").glob("*.yml"))
GITLAB: Final[dict[str, Any]] = yaml.safe_load((GITOPS / "gitlab" / ".gitlab-ci.yml").read_text())


def parsed(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(file.read_text(), Loader=yaml.BaseLoader)
    return found


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in WORKFLOWS:
        for name, job in parsed(file)["jobs"].items():
            yield f"{file.stem}: {name}", job


JOBS: Final = dict(jobs())


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_has_no_permission_of_its_own_and_one_run_of_the_stack(file: Path) -> None:
    workflow = parsed(file)

    assert workflow["permissions"] == {}
    assert workflow["defaults"] == {"run": {"shell": "bash"}}
    if workflow["concurrency"]["group"] == "production":
        assert workflow["concurrency"]["cancel-in-progress"] == "false"
    # Each action is pinned by a commit, and the comment names its version.
    assert re.findall(r"uses: (?!\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+\n).*", file.read_text()) == []


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_either_secrets_or_a_token_that_writes(name: str) -> None:
    job = JOBS[name]
    writes = "write" in job["permissions"].values()
    with_secrets = [step for step in job["steps"] if "secrets." in str(step)]

    assert "env" not in job
    assert job["timeout-minutes"]
    assert not (writes and with_secrets)
    assert bool(with_secrets) == ("environment" in job)
    # Only the commands that need the credential have it.
    for step in with_secrets:
        assert re.search("^ *(pulumi (preview|up)|.*catalog compare) ", step["run"], re.MULTILINE)
        assert "github.token" not in str(step)
    if writes:
        assert "pip install" not in str(job)


@pytest.mark.parametrize("name", JOBS)
def test_no_script_of_github_contains_a_value(name: str) -> None:
    assert [step["name"] for step in JOBS[name]["steps"] if "${{" in step.get("run", "")] == []


def test_the_full_key_is_only_in_the_job_that_applies() -> None:
    assert [name for name, job in JOBS.items() if job.get("environment") == "production"] == ["apply: apply"]
    assert [
        name for name, job in GITLAB.items() if isinstance(job, dict) and job.get("environment") == "production"
    ] == ["apply"]


def test_the_jobs_of_gitlab_that_write_notes_install_nothing() -> None:
    reporting = [name for name, job in GITLAB.items() if isinstance(job, dict) and job.get("extends") == ".report"]

    assert reporting == ["note", "review", "issue"]
    assert GITLAB[".report"]["environment"]["name"] == "report"
    assert GITLAB[".report"]["before_script"][0] == 'cd "$(mktemp -d)"'
    for name in reporting:
        assert {"before_script", "environment", "variables"}.isdisjoint(GITLAB[name])


@pytest.mark.parametrize("form", ['a/"b', 'a/\\"b', "a%2F%22b", "YS8iYg"], ids=["plain", "JSON", "URL", "base64"])
def test_a_planted_credential_is_found_in_any_form(tmp_path: Path, form: str) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "log").write_text(f"before {form} after")

    assert leaks(['a/"b'], [f"before {form} after"], tmp_path) == ["a text", str(tmp_path / "job" / "log")]
    assert leaks(["another"], [f"before {form} after"], tmp_path) == []


def test_all_files_but_the_catalog_have_owners() -> None:
    lines = (GITOPS / "github" / "CODEOWNERS").read_text().splitlines()

    # GitHub uses the last line that matches.
    assert [line.split() for line in lines if not line.startswith("#")] == [["*", "@OWNER/TEAM"], ["/customers.yaml"]]
