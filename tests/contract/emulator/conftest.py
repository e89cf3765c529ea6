from __future__ import annotations

import pytest

from fusion_emulator import Emulator
from tests.contract.emulator.caller import Caller


@pytest.fixture
def caller(emulator: Emulator) -> Caller:
    """Return a client with the root account's credential and a token."""
    caller = Caller(emulator.netosecret)
    assert caller.authenticate().status == 200
    return caller
