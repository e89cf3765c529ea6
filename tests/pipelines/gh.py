"""The command ``gh api`` with a small GitHub behind it, whose data is a JSON file.

It enforces the permissions of the job's token, returns pages of two, and records each request.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

FILE = Path(os.environ["FAKE_GITHUB"])
BOT = {"login": "github-actions[bot]"}
PAGE = 2


def refuse(status: int, why: str) -> NoReturn:
    sys.stderr.write(f"gh: {why} (HTTP {status})\n")
    sys.exit(1)


def answer(hub: dict[str, Any], method: str, path: str, fields: dict[str, str]) -> Any:
    """Return what the API responds, and change the data."""
    route = path.partition("?")[0].removeprefix("repos/msp/fusion-customers/")
    if route == "commits/main":
        return {"sha": hub["main"]}
    if found := re.fullmatch(r"commits/(\w{40})/pulls", route):
        return [each for each in hub["pulls"] if each["merge_commit_sha"] == found[1]]
    if found := re.fullmatch(r"issues/(\d+)/comments", route):
        comments = hub["comments"].setdefault(found[1], [])
        if method == "GET":
            return comments
        comments.append({"id": 1000 + sum(map(len, hub["comments"].values())), "user": BOT, **fields})
        return comments[-1]
    if found := re.fullmatch(r"issues/comments/(\d+)", route):
        [comment] = [each for of in hub["comments"].values() for each in of if each["id"] == int(found[1])]
        comment.update(fields)
        return comment
    if route == "issues" and method == "GET":
        return [each for each in hub["issues"] if each["state"] == "open"]
    if route == "issues":
        hub["issues"].append({"number": 50 + len(hub["issues"]), "user": BOT, "state": "open", **fields})
        return hub["issues"][-1]
    if found := re.fullmatch(r"issues/(\d+)", route):
        [issue] = [each for each in hub["issues"] if each["number"] == int(found[1])]
        issue.update(fields)
        return issue
    refuse(404, f"Not Found: {method} {path}")


def required(method: str, path: str) -> tuple[str, str]:
    """Return the permission that a request needs."""
    if path.endswith("/commits/main"):
        return "contents", "read"
    of_a_pull = "/comments" in path or path.endswith("/pulls")
    return "pull-requests" if of_a_pull else "issues", "read" if method == "GET" else "write"


def main(arguments: list[str]) -> None:
    assert arguments.pop(0) == "api"
    flags, fields, options, paths = set(), {}, {"--method": "GET"}, []
    while arguments:
        each = arguments.pop(0)
        if each in ("--paginate", "--silent"):
            flags.add(each)
        elif each in ("--field", "--raw-field"):
            name, _, value = arguments.pop(0).partition("=")
            is_file = each == "--field" and value.startswith("@")
            fields[name] = Path(value[1:]).read_text() if is_file else value
        elif each in ("--method", "--jq"):
            options[each] = arguments.pop(0)
        else:
            paths.append(each)
    [path] = paths
    method = options["--method"]
    hub = json.loads(FILE.read_text())
    area, level = required(method, path)
    granted = hub["tokens"].get(os.environ.get("GH_TOKEN", ""), {}).get(area)
    if granted not in (level, "write"):
        refuse(403, f"Resource not accessible by integration: {method} {path}")
    if len(fields.get("body", "")) > 65536:
        refuse(422, "body is too long")
    found = answer(hub, method, path, fields)
    hub["requests"].append([method, path])
    FILE.write_text(json.dumps(hub))
    if "--silent" in flags:
        return
    pages = [found]
    if isinstance(found, list):
        pages = [found[start : start + PAGE] for start in range(0, len(found), PAGE)] or [[]]
        pages = pages if "--paginate" in flags else pages[:1]
    for page in pages:
        subprocess.run(["jq", "--raw-output", options.get("--jq", ".")], input=json.dumps(page), text=True, check=True)


main(sys.argv[1:])
