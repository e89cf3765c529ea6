"""The command pulumi-fusion plugin: the registration in the Pulumi home, and which home that is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pulumi_fusion.cli import plugin
from pulumi_fusion.cli.commands import pulumi_fusion
from pulumi_fusion.plugin.version import plugin_version


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_IGNORE_AMBIENT_PLUGINS", "true")
    return tmp_path / "home"


def run(verb: str) -> str:
    result = CliRunner().invoke(pulumi_fusion, ["plugin", verb])
    assert (result.exit_code, result.stdout) == (0, "")
    return result.stderr


def test_plugin_install_registers_this_version_of_this_environment(home: Path) -> None:
    folder = home / "plugins" / f"resource-fusion-v{plugin_version()}"
    for _ in range(2):
        assert run("install") == f"Registered fusion {plugin_version()} in {folder}.\n"
        assert [each.name for each in folder.parent.iterdir()] == [folder.name]
    program = folder / "pulumi-resource-fusion"
    assert program.stat().st_mode & 0o111
    assert sys.executable in program.read_text()


@pytest.mark.parametrize(("ignored", "noted"), [("", True), ("yes", True), ("1", False), ("True", False)])
def test_a_provider_on_path_that_pulumi_prefers_is_named_with_the_setting_against_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, ignored: str, noted: bool
) -> None:
    other = home.parent / "bin" / "pulumi-resource-fusion"
    other.parent.mkdir()
    other.touch(0o755)
    monkeypatch.setenv("PATH", str(other.parent))
    monkeypatch.setenv("PULUMI_IGNORE_AMBIENT_PLUGINS", ignored)
    said = run("install")
    assert (f"{other} on PATH is used instead" in said) is noted
    assert ("Set PULUMI_IGNORE_AMBIENT_PLUGINS=true" in said) is noted


def start(home: Path) -> subprocess.CompletedProcess[str]:
    [program] = home.glob("plugins/*/pulumi-resource-fusion")
    environ = {"PATH": os.defpath}
    return subprocess.run(
        [program, "127.0.0.1:1"], env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_environment_that_was_removed_or_lacks_the_package_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine reports that as a bug in the provider, and shows its stderr."""
    environment = home.parent / "an environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    monkeypatch.setattr("sys.executable", str(python))
    monkeypatch.setattr("pulumi_fusion.__file__", str(environment / "pulumi_fusion" / "__init__.py"))
    run("install")
    empty = start(home)
    assert empty.returncode == 1
    assert f"pulumi_fusion isn't installed in {environment} any more" in empty.stderr
    python.unlink()
    gone = start(home)
    assert gone.returncode == 1
    assert f"{python} is gone" in gone.stderr
    for each in (empty, gone):
        assert "Run `pulumi-fusion plugin install`" in each.stderr
        assert "Traceback" not in each.stderr
        assert each.stdout == ""


def test_plugin_uninstall_keeps_other_versions_and_may_be_repeated(home: Path) -> None:
    run("install")
    other = home / "plugins" / "resource-fusion-v0.0.1"
    other.mkdir()
    assert "Removed" in run("uninstall")
    assert "is not registered" in run("uninstall")
    assert list((home / "plugins").iterdir()) == [other]


@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_a_folder_that_cannot_be_written_is_named_with_the_setting_that_replaces_it(
    verb: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("install")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(home / "plugins"))

    monkeypatch.setattr("tempfile.mkdtemp", denied)
    monkeypatch.setattr("shutil.rmtree", denied)
    result = CliRunner().invoke(pulumi_fusion, ["plugin", verb])
    assert result.exit_code == 1
    assert f"{home / 'plugins' / f'resource-fusion-v{plugin_version()}'}: Permission denied." in result.stderr
    assert "Set PULUMI_HOME to a folder that you may write to" in result.stderr


ME = os.getuid()
DATABASES = {
    "an entry": f"root:x:{ME + 1}:0::/root:/bin/sh\nme:x:{ME}:0:Me:/db/me:/bin/sh\n",
    "no entry": f"root:x:{ME + 1}:0::/root:/bin/sh\n",
    "a NIS entry": f"+me:x:{ME}:0:Me:/db/me:/bin/sh\n",
    "no home": f"me:x:{ME}:0:Me::/bin/sh\n",
}
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the user database isn't a file on this system")


@LINUX
@pytest.mark.parametrize(
    ("database", "environ", "found"),
    [
        ("an entry", {"PULUMI_HOME": "/set"}, "/set"),
        ("an entry", {"PULUMI_HOME": "", "HOME": "/home/me"}, "/db/me/.pulumi"),
        ("an entry", {}, "/db/me/.pulumi"),
        ("no entry", {"HOME": "/home/me", "USER": "me"}, "/home/me/.pulumi"),
        ("no entry", {"HOME": "/home/me"}, None),
        ("no entry", {"USER": "me"}, None),
        ("a NIS entry", {"HOME": "/home/me", "USER": "me"}, "/home/me/.pulumi"),
        ("no entry", {"PULUMI_HOME": "/set"}, "/set"),
    ],
)
def test_the_pulumi_home_is_the_one_that_the_engine_uses(
    database: str, environ: Mapping[str, str], found: str | None, tmp_path: Path
) -> None:
    (tmp_path / "passwd").write_text(DATABASES[database])
    if found:
        home, notes = plugin._pulumi_home(environ, tmp_path / "passwd")
        assert home == Path(found)
        assert bool(notes) == (environ.get("HOME", "") not in ("", str(home.parent)) and "/set" not in found)
    else:
        with pytest.raises(click.ClickException, match="Set PULUMI_HOME, here and for Pulumi"):
            plugin._pulumi_home(environ, tmp_path / "passwd")


def test_a_relative_pulumi_home_is_shown_as_absolute_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PULUMI_HOME", "~/home")
    said = run("install")
    assert str(tmp_path / "~" / "home" / "plugins") in said
    assert f"only in commands that run in {tmp_path}" in said
    assert (tmp_path / "~" / "home" / "plugins" / f"resource-fusion-v{plugin_version()}").is_dir()
