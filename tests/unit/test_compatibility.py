"""The recorded runs include the versions that the locks pin, and both frontends passed with these."""

from __future__ import annotations

import re

import pytest

from tests.compatibility.runs import Run, kept, locked_cli, locked_sdk, recorded
from tests.docs.blocks import ROOT
from tests.engine.frontends import FRONTENDS

RUN = Run("3.276.0", "3.272.0", "3.11.7", "Linux x86_64", "2026-11-27", ("dynamic", "plugin"))


def passed(run: Run) -> bool:
    return set(run.passed) == set(FRONTENDS)


def test_the_locked_versions_were_run_and_passed() -> None:
    locked = (locked_cli(), locked_sdk())
    assert locked in {(run.cli, run.sdk) for run in recorded() if passed(run)}, "run tests/compatibility/run"


def test_the_oldest_supported_sdk_was_run_and_passed() -> None:
    found = re.search(r'"pulumi>=(\S+),<4"', (ROOT / "pyproject.toml").read_text())
    assert found
    assert any(run.sdk.startswith(f"{found[1]}.") and passed(run) for run in recorded())


@pytest.mark.parametrize(
    ("latest", "count"),
    [
        (Run("3.276.0", "3.272.0", "3.11.9", "Linux x86_64", "2027-01-01", ("dynamic",)), 1),
        (Run("3.276.0", "3.272.0", "3.12.1", "Linux x86_64", "2027-01-01", ("dynamic",)), 2),
        (Run("3.276.0", "3.216.0", "3.11.7", "Linux x86_64", "2027-01-01", ()), 2),
    ],
)
def test_a_run_replaces_an_earlier_one_of_the_same_combination(latest: Run, count: int) -> None:
    assert kept([RUN], latest).count('"cli"') == count
    assert "2027-01-01" in kept([RUN], latest)
