"""The page about the service names every switch of the emulator, and tests that use it."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Final

import pytest

from fusion_emulator import Switches
from tests.docs.blocks import ROOT

PAGE: Final = ROOT / "provider/docs/service.md"
SWITCHES: Final = [field.name for field in dataclasses.fields(Switches)]


def linked_tests() -> dict[str, list[Path]]:
    """Return the tests that the page links after each switch, by the switch."""
    text = PAGE.read_text(encoding="utf-8").partition("## What is inferred")[2].partition("## Check it")[0]
    found: dict[str, list[Path]] = {}
    for names, links in re.findall(r"((?:`\w+`(?:, )?)+):((?: \[test_\w+\.py\]\([^)]*\),?)+)", text):
        paths = [(PAGE.parent / link).resolve() for link in re.findall(r"\(([^)]*)\)", links)]
        found |= dict.fromkeys(re.findall(r"\w+", names), paths)
    return found


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_has_tests_that_use_it(switch: str) -> None:
    linked = linked_tests().get(switch, [])
    assert linked, f"name a test of {switch} in {PAGE.name}"
    assert [path.name for path in linked if not re.search(rf"\b{switch}\b", path.read_text())] == []


def test_the_page_names_no_other_switch() -> None:
    assert {*linked_tests()} == {*SWITCHES}


def test_every_inference_of_the_code_is_on_the_page() -> None:
    linked = {(PAGE.parent / link).resolve() for link in re.findall(r"\]\((\S+\.py)\)", PAGE.read_text())}
    marked = {path for path in (ROOT / "provider/pulumi_fusion").rglob("*.py") if "Inference:" in path.read_text()}
    assert marked - linked == set()
