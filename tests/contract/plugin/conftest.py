from __future__ import annotations

from collections.abc import Iterator

import pytest

from fusion_emulator import Emulator
from tests.contract.faults.plugin_stack import PluginStack
from tests.contract.faults.stack import Stack
from tests.contract.plugin.frontends import FRONTENDS


@pytest.fixture
def stack(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginStack]:
    """Return a stack over the plugin, whose calls go over gRPC, with the emulator's account."""
    for variable in ("NETOSECRET", "FUSION_API_URL", "FUSION_NETOSECRET_FILE"):
        monkeypatch.delenv(variable, raising=False)
    with PluginStack(emulator, deadline=10.0) as running:
        yield running


@pytest.fixture(params=FRONTENDS)
def frontend(request: pytest.FixtureRequest, emulator: Emulator) -> Iterator[Stack]:
    """Return a stack over the dynamic provider, and one over the plugin."""
    with FRONTENDS[request.param](emulator) as stack:
        yield stack
