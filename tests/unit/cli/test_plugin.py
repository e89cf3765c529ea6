"""What `pulumi-fusion plugin` leaves in the Pulumi home."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from pulumi_fusion.cli.verbs import pulumi_fusion


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(verb: str) -> str:
    result = CliRunner().invoke(pulumi_fusion, ["plugin", verb])
    assert (result.exit_code, result.stdout) == (0, "")
    return result.stderr


def test_what_is_installed_is_this_version_started_by_this_environment(home: Path) -> None:
    folder = home / "plugins" / f"resource-fusion-v{version('pulumi-fusion')}"
    for _ in range(2):
        assert str(folder) in run("install")
        assert [each.name for each in folder.parent.iterdir()] == [folder.name]
    program = folder / "pulumi-resource-fusion"
    assert program.stat().st_mode & 0o111
    assert "-m pulumi_fusion" in program.read_text()


def test_uninstall_leaves_other_versions_and_may_be_called_again(home: Path) -> None:
    run("install")
    other = home / "plugins" / "resource-fusion-v0.0.1"
    other.mkdir()
    assert "Removed" in run("uninstall")
    assert "is not registered" in run("uninstall")
    assert list((home / "plugins").iterdir()) == [other]
