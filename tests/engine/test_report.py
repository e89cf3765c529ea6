"""The report of a preview by the real CLI, for both frontends."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import COMMAND
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import Ran

DELETED = "orchard"


def report(ran: Ran, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "report", *arguments], input=ran.stdout, capture_output=True, text=True, check=False, env={}
    )


def document(ran: Ran) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(report(ran, "--format", "json").stdout)
    return found


@pytest.mark.parametrize("name", FRONTENDS)
def test_the_report_of_a_preview(name: str, tmp_path: Path, emulator: Emulator) -> None:
    frontend = Frontend(name)
    stack = frontend.stack(tmp_path, emulator)
    acme, lakeside = frontend.customer("acme-corp"), frontend.customer("lakeside")
    stack.declare({"acme-corp": acme, "lakeside": lakeside, DELETED: frontend.customer(DELETED)})
    stack.up().ok()

    cut = frontend.customer("lakeside", data_retention=7)
    stack.declare({"acme-corp": acme, "lakeside": cut, "fresh-co": frontend.customer("fresh-co")})
    preview = stack.pulumi("preview", "--json", "--show-sames").ok()
    found = document(preview)
    assert [(each["op"], each["shortname"]) for each in found["customers"]] == [
        ("delete", DELETED),
        ("update", "lakeside"),
        ("create", "fresh-co"),
    ]
    assert found["customers"][1]["changes"] == {"data_retention": {"old": 90, "new": 7}}
    assert [each["kind"] for each in found["warnings"]] == ["deletion", "retention-cut"]
    assert (found["counts"]["unchanged"], found["unlisted"], found["messages"]) == (1, 0, [])
    assert report(preview, "--max-deletes", "0").returncode == 5

    # The update applies the plan with the same digest, as the preview in its output shows.
    updated = stack.pulumi("up", "--json", "--yes").ok()
    assert report(updated, "--expect-digest", found["digest"]).returncode == 0

    stack.declare({"acme-corp": acme, "lakeside": {**cut, "status": "Paused"}})
    failed = stack.pulumi("preview", "--json").failed()
    assert [(each["resource"], each["property"]) for each in document(failed)["failures"]] == [("lakeside", "status")]
    assert report(failed).returncode == 1
