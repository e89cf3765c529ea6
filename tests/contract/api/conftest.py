from __future__ import annotations

from collections.abc import Iterator

import pytest

from fusion_emulator import Emulator
from pulumi_fusion import redaction
from pulumi_fusion.api.client import FusionClient


@pytest.fixture(autouse=True)
def forget_other_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test masks its own secrets alone, as a process of a user does, whatever ran before it."""
    monkeypatch.setattr(redaction, "_known", redaction._Known())


@pytest.fixture
def client(emulator: Emulator) -> Iterator[FusionClient]:
    with FusionClient(netosecret=emulator.netosecret, api_url=emulator.url, deadline=20) as running:
        yield running


def customer(shortname: str) -> dict[str, object]:
    return {
        "shortname": shortname,
        "organization": "Acme, Inc.",
        "type": "customer",
        "retention": 7,
        "rollupRetention": 90,
        "trial": False,
        "username": "ada@acme.example",
        "given_name": "Ada",
        "family_name": "Admin",
    }
