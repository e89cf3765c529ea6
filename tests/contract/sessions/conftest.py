from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient
from tests.contract.cli.terminal import Terminal


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A service with a reseller below the account that has customers, and another customer."""
    with Emulator() as running:
        running.seed(shortname="acme-corp", type="reseller")
        running.seed(shortname="acme-east", parent="acme-corp")
        running.seed(shortname="other-corp")
        running.requests.clear()
        monkeypatch.setenv("FUSION_AUDIT_FILE", str(tmp_path / "audit.jsonl"))
        yield running


@pytest.fixture
def fusion(emulator: Emulator) -> Iterator[FusionClient]:
    with FusionClient(netosecret=emulator.netosecret, deadline=20) as client:
        yield client


@pytest.fixture
def desk(tmp_path: Path, shared_emulator: Emulator) -> Terminal:
    """Return a shell with the emulator's credential."""
    return Terminal(tmp_path, {"NETOSECRET": shared_emulator.netosecret})
