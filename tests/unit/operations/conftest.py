"""A life cycle over a scripted service, under a clock that moves only when somebody waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulumi_fusion import deadline, single_flight
from pulumi_fusion.operations import cache
from pulumi_fusion.operations.lifecycle import Lifecycle
from tests.unit.operations.scripted import Clock, Scripted


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(deadline, "time", clock)
    monkeypatch.setattr(cache, "time", clock)
    monkeypatch.setattr(single_flight, "time", clock)
    return clock


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def over(clock: Clock, warnings: list[str]) -> Callable[..., Lifecycle]:
    """The life cycle over a gateway; keywords as Lifecycle takes them."""

    def make(gateway: Scripted, **settings: Any) -> Lifecycle:
        return Lifecycle(lambda: gateway, warn=warnings.append, cancelled=clock, **settings)

    return make
