"""The page about permissions shows what each command needs under the roles of the emulator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.permissions.commands import PULUMI, PULUMI_FUSION, Command
from tests.permissions.outcomes import recorded, run


@pytest.mark.parametrize("commands", [PULUMI, PULUMI_FUSION], ids=["pulumi", "pulumi-fusion"])
def test_the_permissions_of_each_command_are_those_of_the_page(tmp_path: Path, commands: Sequence[Command]) -> None:
    expected = {command.key: recorded()[command.key] for command in commands}
    assert run(tmp_path, commands) == expected, "run python -m tests.permissions, in the environment of tests/run"
