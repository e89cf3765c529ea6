"""A run of the real CLI that would delete more customers than it may, for both frontends."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import Stack, mutations

NAMES = ("first-co", "second-co", "third-co")


def limit(stack: Stack, number: int) -> None:
    """`pulumi config set fusion:maxDeletes`, by the file of the stack."""
    file = stack.folder / f"Pulumi.{stack.name}.yaml"
    kept = file.read_text().partition("config:")[0]
    file.write_text(f'{kept}config:\n  fusion:maxDeletes: "{number}"\n')


@pytest.mark.parametrize("name", FRONTENDS)
def test_a_limit_that_was_set_after_the_last_update(name: str, tmp_path: Path, emulator: Emulator) -> None:
    """The engine passes the configuration of the last update where the program has no customers any more."""
    frontend = Frontend(name)
    stack = frontend.stack(tmp_path, emulator)
    stack.declare({each: frontend.customer(each) for each in NAMES})
    stack.up().ok()
    emulator.requests.clear()

    stack.declare({})
    limit(stack, 1)
    refused = stack.up().failed().text
    [deleted] = [each.rpartition("/")[2] for each in mutations(emulator.requests)]
    assert ": stack configuration fusion:maxDeletes allows 1 deletion in one run" in refused
    assert "this run has already deleted 1." in refused
    assert f"Could not delete the customer '{deleted}'" not in refused
    assert len(emulator.accounts()) == 2

    limit(stack, 2)
    stack.destroy().ok()
    assert not emulator.accounts()
