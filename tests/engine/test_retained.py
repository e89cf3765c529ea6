"""A customer whose resource a program stops managing."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import mutations


@pytest.mark.parametrize("name", FRONTENDS)
def test_a_removed_resource_with_retain_on_delete_keeps_its_customer(
    name: str, tmp_path: Path, emulator: Emulator
) -> None:
    frontend = Frontend(name)
    stack = frontend.stack(tmp_path, emulator)
    options = {"retain_on_delete": True}
    stack.declare({"lakeside": frontend.customer("lakeside", deletion_protection=True, options=options)})
    stack.up().ok()
    before = emulator.accounts()
    emulator.requests.clear()

    stack.declare({})
    stack.up().ok()

    assert stack.state() == {}
    assert emulator.accounts() == before
    assert mutations(emulator.requests) == []
