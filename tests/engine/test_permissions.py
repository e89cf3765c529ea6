"""The page about permissions shows what each command needs under the roles of the emulator."""

from __future__ import annotations

from pathlib import Path

from tests.permissions.outcomes import recorded, run


def test_the_permissions_of_each_command_are_those_of_the_page(tmp_path: Path) -> None:
    assert run(tmp_path) == recorded(), "run python -m tests.permissions, in the environment of tests/run"
