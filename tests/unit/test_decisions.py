"""The pages of the decisions have one form, and a decision that was replaced names the one that replaced it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.docs.blocks import ROOT

PAGES: Final = sorted((ROOT / "provider/docs/decisions").glob("[0-9]*.md"))
FACTS: Final = re.compile(r"Date: (20\d\d-\d\d-\d\d)\. Status: (accepted; supersedes|accepted|superseded)(.*)\.")


def facts(page: Path) -> re.Match[str]:
    """Return the date, the status, and the rest of the status with the link to another decision."""
    found = FACTS.fullmatch(page.read_text(encoding="utf-8").splitlines()[2])
    assert found is not None, f"{page.name}, line 3: Date: YYYY-MM-DD. Status: accepted."
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_decision_has_a_date_a_status_and_three_sections(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert facts(page)[2]
    assert re.findall(r"^#+ .*", text, re.MULTILINE)[1:] == ["## Context", "## Decision", "## Consequences"]
    assert 15 <= len(text.splitlines()) <= 40


def test_the_numbers_of_the_decisions_follow_their_dates() -> None:
    assert [page.name[:4] for page in PAGES] == [f"{number:04}" for number in range(1, len(PAGES) + 1)]
    assert [facts(page)[1] for page in PAGES] == sorted(facts(page)[1] for page in PAGES)


def test_both_pages_of_a_replaced_decision_link_the_other_one() -> None:
    links = {
        kind: {(page.name, facts(page)[3].partition("](")[2].rstrip(")")) for page in PAGES if facts(page)[2] == status}
        for kind, status in {"old": "superseded", "new": "accepted; supersedes"}.items()
    }

    assert links["old"] == {(other, page) for page, other in links["new"]}
    assert all(other for _, other in links["old"])
