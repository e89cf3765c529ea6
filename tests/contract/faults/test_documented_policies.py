"""The row of this provider in the table of retry policies of provider/docs/safety.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.benchmarks.faults.__main__ import FAULTS, tried
from tests.benchmarks.faults.policies import POLICIES, READ_TIMEOUT
from tests.contract.faults.timing import set_read_timeout

_PAGE: Final = Path(__file__).parents[3] / "provider" / "docs" / "safety.md"


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "not-unique"])
@pytest.mark.parametrize("fault", FAULTS.values())
def test_a_create_with_a_fault_is_kept_as_documented(fault: str, unique: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    set_read_timeout(monkeypatch, READ_TIMEOUT)

    _, counts = tried(POLICIES[0], fault, unique=unique)

    assert +counts == {"kept": 1}


def test_the_documented_number_of_creates_is_that_of_the_benchmark() -> None:
    [row] = re.findall(rf"^\| {POLICIES[0].name} \|(.*)\|$", _PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert [int(cell) for cell in row.split("|")] == [2 * len(FAULTS), 0, 0, 0]
