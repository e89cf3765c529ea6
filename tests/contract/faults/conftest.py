from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from fusion_emulator import Emulator, Switches
from pulumi_fusion.api import transport
from pulumi_fusion.operations import operation, read


@pytest.fixture(autouse=True)
def brief_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits for every run, at the lower end of what full jitter may draw, and short timeouts.

    The time for which an absence must be seen does not depend on the deadline of the test.
    """
    monkeypatch.setattr(random, "uniform", lambda low, high: low + (high - low) / 20)
    monkeypatch.setattr(transport, "READ_SECONDS", 1.0)
    monkeypatch.setattr(read, "PAUSE", 0.02)
    monkeypatch.setattr(operation, "CONSISTENCY_SECONDS", 0.6)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A service that would take a second customer of the same name, so that a double shows; with neighbours."""
    with Emulator(Switches(unique_shortnames=False)) as running:
        running.seed("neighbour", organization="Acme, Inc.", trial=True)
        running.seed("bystander", type="reseller")
        running.seed("grandchild", parent="bystander")
        yield running
