"""Runs the pipeline of examples/gitops/gitlab as GitLab does, with a small GitLab on loopback.

A job's ``before_script`` and ``script`` are the text of the pipeline, in one bash. The checkout, the artifacts, the
variables of an environment and the rules are those of GitLab.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import yaml

from tests.pipelines.machine import Machine, Shell
from tests.pipelines.repository import Repository

__all__ = ["GitLab", "Pipeline"]

PROJECT: Final = "17"
BOT: Final = {"id": 900}
PAGE: Final = 2


@dataclass
class Data:
    """What the small GitLab stores, and the requests with their method and path."""

    token: str
    merge_requests: list[dict[str, Any]] = field(default_factory=list)
    notes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, method: str, path: str, fields: dict[str, Any]) -> Any:
        """Return what the API responds, or raise KeyError for an unknown route."""
        if path == "user":
            return BOT
        route = path.removeprefix(f"projects/{PROJECT}/")
        if found := re.fullmatch(r"repository/commits/(\w{40})/merge_requests", route):
            return [each for each in self.merge_requests if each["merge_commit_sha"] == found[1]]
        if found := re.fullmatch(r"merge_requests/(\d+)/notes(?:/(\d+))?", route):
            return self._change(method, self.notes.setdefault(found[1], []), "id", found[2], fields)
        if found := re.fullmatch(r"issues(?:/(\d+))?", route):
            shown = [each for each in self.issues if each["state"] == "opened"] if method == "GET" else self.issues
            return self._change(method, shown, "iid", found[1], fields)
        raise KeyError(path)

    def _change(
        self, method: str, those: list[dict[str, Any]], key: str, number: str | None, fields: dict[str, Any]
    ) -> Any:
        if method == "GET":
            return those
        if method == "POST":
            those.append({key: 100 + len(those), "author": BOT, "state": "opened", **fields})
            return those[-1]
        [one] = [each for each in those if str(each[key]) == number]
        if fields.pop("state_event", "") == "close":
            one["state"] = "closed"
        one.update(fields)
        return one


class _Handler(BaseHTTPRequestHandler):
    data: Data

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""

    def _serve(self) -> None:
        path, _, query = self.path.removeprefix("/api/v4/").partition("?")
        fields = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        self.data.requests.append((self.command, path))
        if self.headers["PRIVATE-TOKEN"] != self.data.token:
            self._answer(401, {"message": "401 Unauthorized"})
            return
        try:
            found = self.data.answer(self.command, path, fields)
        except KeyError:
            self._answer(404, {"message": "404 Not Found"})
            return
        if page := re.search(r"\bpage=(\d+)", query):
            start = (int(page[1]) - 1) * PAGE
            found = found[start : start + PAGE]
        self._answer(200, found)

    do_GET = do_POST = do_PUT = _serve

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@dataclass
class Pipeline:
    """The jobs of a pipeline that its rules selected, the variables, and what the jobs left."""

    jobs: dict[str, dict[str, Any]]
    variables: dict[str, str]
    commit: str
    artifacts: dict[str, Path] = field(default_factory=dict)
    dotenv: dict[str, dict[str, str]] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)


class GitLab:
    """A project on GitLab, which answers on loopback inside ``with``.

    Args:
        folder: Where the folders of the jobs are.
        machine: The runner.
        repository: Its content.
        token: The project access token.
        variables: The variables of each environment.
    """

    def __init__(
        self,
        folder: Path,
        machine: Machine,
        repository: Repository,
        token: str,
        variables: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.repository = repository
        self.machine = machine
        self.data = Data(token)
        self._folder = folder
        self._variables = {**variables, "report": {"REPORT_TOKEN": token}}
        self._started = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"data": self.data}))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> GitLab:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def credentials(self) -> list[str]:
        """Return the credentials that the jobs had."""
        return [each["NETOSECRET"] for each in self._variables.values() if "NETOSECRET" in each]

    def pipeline(
        self, file: Path, source: str, commit: str, changed: str = "customers.yaml", **variables: str
    ) -> Pipeline:
        """Start a pipeline: the jobs whose rules apply."""
        parsed = yaml.safe_load(file.read_text())
        given = {name: str(_value(each)) for name, each in parsed["variables"].items()}
        given |= {
            "CI_PIPELINE_SOURCE": source,
            "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_SHA": commit,
            "CI_PROJECT_ID": PROJECT,
            "CI_API_V4_URL": f"http://127.0.0.1:{self._server.server_port}/api/v4",
            **variables,
        }
        if not any(_applies(rule, given, changed) for rule in parsed["workflow"]["rules"]):
            return Pipeline({}, given, commit)
        jobs = {}
        for name, declared in parsed.items():
            if "stage" in declared:
                job = {**parsed["default"], **parsed.get(declared.get("extends"), {}), **declared}
                if any(_applies(rule, given, changed) for rule in job["rules"]):
                    jobs[name] = job
        return Pipeline(jobs, given, commit)

    def run(self, pipeline: Pipeline, name: str) -> Shell:
        """Run a job of a pipeline."""
        job = pipeline.jobs[name]
        self._started += 1
        folder = pipeline.folders[name] = self._folder / f"job-{self._started}"
        variables = {**pipeline.variables, **job.get("variables", {}), "CI_PROJECT_DIR": str(folder)}
        if job.get("variables", {}).get("GIT_STRATEGY") == "none":
            folder.mkdir()
            # A job before this one, in the same folder, left a file of the merge request.
            (folder / "json.py").write_text("raise SystemExit('a file of the merge request ran')\n")
        else:
            self.repository.checkout(pipeline.commit, folder, remote=True)
        for needed in job.get("needs", pipeline.artifacts):
            if needed in pipeline.artifacts:
                shutil.copytree(pipeline.artifacts[needed], folder, dirs_exist_ok=True)
            variables |= pipeline.dotenv.get(needed, {})
        environment = job.get("environment", "")
        scope = environment if isinstance(environment, str) else environment["name"]
        variables |= self._variables.get(scope, {})
        script = "\n".join([*job["before_script"], *job["script"]])
        ended = self.machine.run(script, folder, variables, ("python", "pulumi"))
        self._keep(pipeline, name, job.get("artifacts", {}), folder, succeeded=ended.code == 0)
        return ended

    def _keep(
        self, pipeline: Pipeline, name: str, artifacts: Mapping[str, Any], folder: Path, *, succeeded: bool
    ) -> None:
        if not succeeded and artifacts.get("when") != "always":
            return
        kept = folder.with_suffix(".artifacts")
        for path in artifacts.get("paths", []):
            shutil.copytree(folder / path, kept / path)
            pipeline.artifacts[name] = kept
        if file := artifacts.get("reports", {}).get("dotenv"):
            pipeline.dotenv[name] = dict(line.split("=", 1) for line in (folder / file).read_text().splitlines())


def _value(declared: Any) -> Any:
    return declared["value"] if isinstance(declared, dict) else declared


def _applies(rule: Mapping[str, Any], variables: Mapping[str, str], changed: str) -> bool:
    """Return whether a rule applies: comparisons with ``==``, combined by ``&&``, and the names of changed files."""
    for comparison in rule["if"].split("&&"):
        left, right = (_operand(each.strip(), variables) for each in comparison.split("=="))
        if left != right:
            return False
    return changed in rule.get("changes", [changed])


def _operand(text: str, variables: Mapping[str, str]) -> str | None:
    return variables.get(text[1:]) if text.startswith("$") else text.strip('"')
