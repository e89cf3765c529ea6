from __future__ import annotations

from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import Terminal


@pytest.fixture
def bare(tmp_path: Path) -> Terminal:
    """A shell with nothing configured."""
    return Terminal(tmp_path)


@pytest.fixture
def terminal(tmp_path: Path, emulator: Emulator) -> Terminal:
    """A shell with the emulator's credential."""
    return Terminal(tmp_path, {"NETOSECRET": emulator.netosecret})
