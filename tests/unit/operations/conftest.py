"""A life cycle over a scripted service, under a clock that moves only while something waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pulumi_fusion.operations.lifecycle import Lifecycle
from tests.unit.operations.scripted import Clock, ScriptedService, stopped_clock


@pytest.fixture
def clock() -> Iterator[Clock]:
    with stopped_clock() as clock:
        yield clock


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def lifecycle(clock: Clock, warnings: list[str]) -> Callable[..., Lifecycle]:
    """Return the life cycle over a service; keywords as Lifecycle takes them."""

    def make(service: ScriptedService, **settings: Any) -> Lifecycle:
        return Lifecycle.of_run(lambda: service, warn=warnings.append, cancelled=clock, **settings)

    return make
