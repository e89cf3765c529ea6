from __future__ import annotations

from collections.abc import Iterator

import pytest

from fusion_emulator import Emulator, Switches
from tests.contract.faults.timing import set_consistency_timeout, set_jitter, set_pause, set_read_timeout


@pytest.fixture(autouse=True)
def brief_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits for every run, at the lower end of what full jitter may draw, and short timeouts.

    The time for which an absence must be seen does not depend on the deadline of the test.
    """
    set_jitter(monkeypatch, 0.05)
    set_read_timeout(monkeypatch, 1.0)
    set_pause(monkeypatch, 0.02)
    set_consistency_timeout(monkeypatch, 0.6)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A service that would take a second customer of the same name, so that a double shows; with neighbours."""
    with Emulator(Switches(unique_shortnames=False)) as running:
        running.seed("neighbour", organization="Acme, Inc.", trial=True)
        running.seed("bystander", type="reseller")
        running.seed("grandchild", parent="bystander")
        yield running
