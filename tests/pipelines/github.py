"""Runs the workflows of examples/gitops/github as GitHub does.

``uses:`` steps are replaced by what they do: checkout clones, setup-python and pulumi/actions add programs to PATH,
upload-artifact and download-artifact copy files. Each ``run:`` step is the text of the workflow, in bash.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.pipelines.expressions import evaluate, substitute
from tests.pipelines.machine import Machine
from tests.pipelines.repository import Repository

__all__ = ["GitHub", "Job"]

NAME: Final = "msp/fusion-customers"


@dataclass
class Job:
    """How a job ended: its result, the failed step with its exit code, and the job summary."""

    result: str
    failed: str = ""
    code: int = 0
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    text: str = ""


class GitHub:
    """A repository on GitHub.

    Args:
        folder: Where its data and the folders of the jobs are.
        machine: The runner.
        repository: Its content.
        secrets: The secrets of each environment.
        variables: The variables of each environment.
    """

    def __init__(
        self,
        folder: Path,
        machine: Machine,
        repository: Repository,
        secrets: Mapping[str, dict[str, str]],
        variables: Mapping[str, str],
    ) -> None:
        self.folder = folder
        self.machine = machine
        self.repository = repository
        self.secrets = secrets
        self.variables = variables
        self.file = folder / "github.json"
        self._save({"tokens": {}, "pulls": [], "comments": {}, "issues": [], "requests": []})
        self._started = 0
        gh = Path(__file__).with_name("gh.py")
        machine.program("gh", "gh", f'#!/bin/bash\nexec {sys.executable} -I {gh} "$@"\n')

    @property
    def data(self) -> dict[str, Any]:
        """The pull requests, comments, issues, and the requests with their method and path."""
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found

    def _save(self, data: Mapping[str, Any]) -> None:
        self.file.write_text(json.dumps(data))

    def credentials(self) -> list[str]:
        """Return the credentials that the jobs had."""
        return [each["NETOSECRET"] for each in self.secrets.values()]

    def open(self, number: int, head: str, *, fork: bool = False) -> dict[str, Any]:
        """Open a pull request or push to it, and return the event."""
        data = self.data
        data["pulls"] = [each for each in data["pulls"] if each["number"] != number]
        owner = "someone/fusion-customers" if fork else NAME
        pull = {"number": number, "merge_commit_sha": None, "head": {"sha": head, "repo": {"full_name": owner}}}
        data["pulls"].append(pull)
        self._save(data)
        return {"pull_request": pull}

    def merge(self, number: int, commit: str) -> None:
        """Record the commit that merged a pull request."""
        data = self.data
        [pull] = [each for each in data["pulls"] if each["number"] == number]
        pull["merge_commit_sha"] = commit
        self._save(data)

    def comment(self, number: int, login: str, body: str) -> None:
        """Write a comment of another user."""
        data = self.data
        data["comments"].setdefault(str(number), []).append({"id": 1, "user": {"login": login}, "body": body})
        self._save(data)

    def run(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any] | None = None,
        inputs: Mapping[str, str] | None = None,
        again: str | None = None,
    ) -> dict[str, Job]:
        """Run a workflow for an event, and return its jobs.

        ``pull_request`` runs the file of the pull request's commit, every other event that of main. ``again`` is the
        commit of an earlier run that is started again.
        """
        is_head = event == "pull_request"
        sha = again or (payload["pull_request"]["head"]["sha"] if is_head and payload else self.repository.main)
        self._save({**self.data, "main": self.repository.main})
        self._started += 1
        source = self.folder / f"source-{self._started}"
        self.repository.checkout(sha, source, remote=False)
        parsed = yaml.load((source / ".github" / "workflows" / workflow).read_text(), Loader=yaml.BaseLoader)
        assert event in parsed["on"]
        github = {"event": payload or {}, "event_name": event, "repository": NAME, "sha": sha, "ref": "refs/heads/main"}
        github["run_attempt"] = 2 if again else 1
        contexts = {"github": github, "inputs": {"digest": "", "max-deletes": "", **(inputs or {})}}
        run = _Run(self, parsed, contexts, self.folder / f"artifacts-{self._started}")
        return {name: run.job(name) for name in parsed["jobs"]}

    def start(self, declared: Mapping[str, Any]) -> tuple[Path, str, dict[str, str]]:
        """Return the folder of a job, its token, and the secrets of its environment."""
        self._started += 1
        folder = self.folder / f"job-{self._started}"
        folder.mkdir()
        data = self.data
        token = f"ghs_token-of-job-{self._started}"
        data["tokens"][token] = declared["permissions"]
        self._save(data)
        return folder, token, dict(self.secrets.get(declared.get("environment", ""), {}))


class _Run:
    """A run of a workflow."""

    def __init__(self, hub: GitHub, workflow: Mapping[str, Any], contexts: Mapping[str, Any], artifacts: Path) -> None:
        self._hub = hub
        self._workflow = workflow
        self._contexts = contexts
        self._artifacts = artifacts
        self._jobs: dict[str, Job] = {}

    def job(self, name: str) -> Job:
        declared = self._workflow["jobs"][name]
        needs = {each: self._jobs[each] for each in _several(declared.get("needs"))}
        contexts: dict[str, Any] = {
            **self._contexts,
            "needs": {each: {"result": job.result, "outputs": _Missing(job.outputs)} for each, job in needs.items()},
            "cancelled()": False,
        }
        condition = _plain(declared.get("if", ""))
        ready = all(job.result == "success" for job in needs.values()) or "cancelled()" in condition
        if not ready or (condition and not evaluate(condition, contexts)):
            self._jobs[name] = Job("skipped")
        else:
            self._jobs[name] = self._steps(declared, contexts)
        return self._jobs[name]

    def _steps(self, declared: Mapping[str, Any], contexts: dict[str, Any]) -> Job:
        folder, token, secrets = self._hub.start(declared)
        contexts |= {"secrets": _Missing(secrets), "vars": self._hub.variables, "steps": _Steps()}
        contexts["github"] = {**contexts["github"], "token": token}
        job = Job("success")
        programs: list[str] = ["gh"]
        for step in declared["steps"]:
            if job.failed and "cancelled()" not in step.get("if", ""):
                continue
            outputs: dict[str, str] = {}
            if "uses" in step:
                self._use(step, folder, contexts["github"]["sha"], programs)
            else:
                outputs = self._script(step, job, folder, contexts, tuple(programs))
            if "id" in step:
                contexts["steps"][step["id"]] = {"outputs": _Missing(outputs)}
        job.result = "failure" if job.failed else "success"
        job.outputs = {name: substitute(each, contexts) for name, each in declared.get("outputs", {}).items()}
        return job

    def _use(self, step: Mapping[str, Any], folder: Path, sha: str, programs: list[str]) -> None:
        action, given = step["uses"].partition("@")[0], step.get("with", {})
        if action == "actions/checkout":
            assert given["persist-credentials"] == "false"
            folder.rmdir()
            self._hub.repository.checkout(given.get("ref", sha), folder, remote=False)
        elif action in _PROGRAMS:
            programs.append(_PROGRAMS[action])
        elif action == "actions/upload-artifact":
            if (folder / given["path"]).exists():
                shutil.copytree(folder / given["path"], self._artifacts / given["name"])
        else:
            assert action == "actions/download-artifact"
            shutil.copytree(self._artifacts / given["name"], folder / given["path"])

    def _script(
        self, step: Mapping[str, Any], job: Job, folder: Path, contexts: Mapping[str, Any], programs: tuple[str, ...]
    ) -> dict[str, str]:
        assert self._workflow["defaults"]["run"]["shell"] == "bash"  # with pipefail
        assert "${{" not in step["run"]
        output, summary = folder.with_suffix(".output"), folder.with_suffix(".summary")
        output.write_text("")
        environ = {**self._workflow.get("env", {}), **step.get("env", {})}
        ended = self._hub.machine.run(
            step["run"],
            folder,
            {
                "GITHUB_REPOSITORY": NAME,
                "GITHUB_SHA": contexts["github"]["sha"],
                "GITHUB_EVENT_NAME": contexts["github"]["event_name"],
                "GITHUB_RUN_ATTEMPT": str(contexts["github"]["run_attempt"]),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(summary),
                "FAKE_GITHUB": str(self._hub.file),
                **{name: substitute(value, contexts) for name, value in environ.items()},
            },
            programs,
        )
        job.text += ended.text
        job.summary = summary.read_text() if summary.exists() else ""
        if ended.code:
            job.failed, job.code = step["name"], ended.code
        return dict(line.split("=", 1) for line in output.read_text().splitlines())


class _Missing(dict[str, str]):
    """A context in which a missing name is an empty text."""

    def __missing__(self, name: str) -> str:
        return ""


class _Steps(dict[str, Any]):
    """The context of the steps, in which one that didn't run has no outputs."""

    def __missing__(self, name: str) -> Any:
        return {"outputs": _Missing()}


_PROGRAMS: Final = {"actions/setup-python": "python", "pulumi/actions": "pulumi"}


def _plain(condition: str) -> str:
    return condition.removeprefix("${{").removesuffix("}}").strip()


def _several(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)
