from __future__ import annotations

from collections.abc import Iterator

import pytest

from fusion_emulator import Emulator
from tests.contract.faults.plugin_stack import PluginStack


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def stack(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginStack]:
    """A provider behind its wire, with the emulator's account."""
    for variable in ("NETOSECRET", "FUSION_API_URL", "FUSION_NETOSECRET_FILE"):
        monkeypatch.delenv(variable, raising=False)
    with PluginStack(emulator, deadline=10.0) as running:
        yield running
