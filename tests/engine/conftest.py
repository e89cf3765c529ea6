from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pulumi_fusion.emulator import Emulator
from tests.engine.stack import Stack


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def stack(tmp_path: Path, emulator: Emulator) -> Stack:
    """A stack whose credential is the emulator's, from the environment."""
    return Stack(tmp_path, {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url})
