"""The page by the rules of axe-core: at two widths, in light and dark, in each of its states."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Page, expect

from fusion_emulator import Emulator
from tests.contract.page.browser import submit
from tests.contract.page.records import record_session
from tests.links import ROOT


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    if not shutil.which("npm"):
        # A laptop may do without; a pipeline that did would hide a fault.
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no npm on PATH")
    got = subprocess.run([ROOT / ".ci/tool", "axe-core"], capture_output=True, text=True, check=False)
    assert got.returncode == 0, got.stdout + got.stderr
    return (Path(got.stdout.strip()) / "axe.min.js").read_text(encoding="utf-8")


CASES: Final[tuple[tuple[int, Literal["light", "dark"], dict[str, list[str]]], ...]] = (
    (400, "light", {}),
    (1400, "light", {}),
    # The rules other than contrast don't depend on the colours.
    (1400, "dark", {"runOnly": ["color-contrast"]}),
)


def violations(page: Page, axe: str) -> list[str]:
    """Return what axe-core finds, whatever its impact, at two widths and in light and dark."""
    page.evaluate(axe)
    found = []
    for width, scheme, rules in CASES:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        result: dict[str, Any] = page.evaluate("rules => axe.run({resultTypes: ['violations'], ...rules})", rules)
        found += [
            f"{scheme}, {width} pixels, {each['impact']}: {each['help']}: {node['html'][:200]}"
            for each in result["violations"]
            for node in each["nodes"]
        ]
    return found


def test_the_empty_page_is_accessible(page: Page, axe: str) -> None:
    assert violations(page, axe) == []


def test_the_page_is_accessible_during_a_session(emulator: Emulator, page: Page, axe: str, tmp_path: Path) -> None:
    emulator.seed("harbor-msp", type="reseller")
    emulator.seed("lakeside", parent="harbor-msp", trial=True)
    emulator.faults.add("POST /customer 503 x2", "GET /users 503 x1", "* * delay=0.1")
    emulator.faults.draw("GET", "/api/v1/users")
    emulator.switch(absence=403)
    record_session(tmp_path / "audit.jsonl", customer="lakeside", mode="read and write")
    page.goto(f"{emulator.page_url}?done=fault")
    expect(page.locator(".red-line")).to_be_visible()
    page.locator("summary").filter(has_text="All kinds of faults").click()
    assert violations(page, axe) == []


def test_an_error_is_accessible(page: Page, axe: str) -> None:
    page.get_by_label("New fault").fill("wrong")
    submit(page, "Set the fault")
    expect(page.get_by_label("New fault")).to_have_attribute("aria-invalid", "true")
    assert violations(page, axe) == []
