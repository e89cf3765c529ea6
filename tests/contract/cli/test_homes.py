"""Unusual homes, and paths that depend on them."""

from __future__ import annotations

import json

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import Terminal, patched

SESSION = ("masquerade", "acme-corp", "--reason", "INC-1234 ingest check", "--ci")


@pytest.fixture(autouse=True)
def customers(emulator: Emulator) -> None:
    emulator.seed(shortname="acme-corp")


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        (("audit",), "FUSION_AUDIT_FILE"),
        (("audit", "--audit-file", "~/audit.jsonl"), "--audit-file"),
        ((*SESSION, "--", "touch", "started"), "FUSION_AUDIT_FILE"),
        ((*SESSION, "--audit-file=~/audit.jsonl", "--", "touch", "started"), "--audit-file"),
        (("emulator", "--state", "~/fusion.json", "--", "touch", "started"), "--state"),
        (("emulator", "--log", "~/fusion.log", "--", "touch", "started"), "--log"),
        (("plugin", "install"), "PULUMI_HOME"),
        (("plugin", "uninstall"), "PULUMI_HOME"),
    ],
    ids=" ".join,
)
def test_without_a_home_the_setting_that_replaces_it_is_named(
    terminal: Terminal, arguments: tuple[str, ...], setting: str
) -> None:
    nobody = patched(terminal.folder, "import os\nos.getuid = lambda: 54321\n")
    done = terminal.run(*arguments, **nobody, HOME="")
    assert done.returncode in (1, 2)
    assert setting in done.stderr
    assert "54321" in done.stderr
    assert "unexpected" not in done.stderr
    assert not (terminal.folder / "started").exists()


def test_without_a_home_every_command_runs_with_that_setting(terminal: Terminal) -> None:
    nobody = patched(
        terminal.folder,
        "import os\nos.getuid = lambda: 54321\nos.fstat = lambda d, k=os.fstat: Own(k(d))\n"
        "class Own:\n"
        "    def __init__(self, found): self._found = found\n"
        "    st_uid = 54321\n"
        "    def __getattr__(self, name): return getattr(self._found, name)\n",
    )
    environ = {**nobody, "HOME": "", "FUSION_AUDIT_FILE": str(terminal.folder / "audit.jsonl")}
    assert terminal.run(*SESSION, "--", "touch", "started", **environ).returncode == 0
    assert (terminal.folder / "started").exists()
    assert terminal.run("audit", **environ).returncode == 0
    environ["PULUMI_HOME"] = str(terminal.folder / "home")
    assert terminal.run("plugin", "install", **environ).returncode == 0


@pytest.mark.parametrize("way", ["the variable", "the option"])
def test_a_tilde_in_the_name_of_the_audit_file_is_the_home(terminal: Terminal, way: str) -> None:
    given = {"FUSION_AUDIT_FILE": "~/kept/audit.jsonl"} if way == "the variable" else {}
    option = () if given else ("--audit-file=~/kept/audit.jsonl",)
    done = terminal.run(*SESSION, *option, "--", "true", **given)
    assert "audit: ~/kept/audit.jsonl" in done.stderr
    assert len((terminal.folder / "kept" / "audit.jsonl").read_text().splitlines()) == 2
    assert "2 records" in terminal.run("audit", *option, **given).stderr


def test_a_relative_audit_file_is_refused_from_the_environment_and_shown_as_absolute_from_an_option(
    terminal: Terminal,
) -> None:
    refused = terminal.run(*SESSION, "--", "touch", "started", FUSION_AUDIT_FILE="audit.jsonl")
    assert refused.returncode == 1
    assert "FUSION_AUDIT_FILE is the relative path audit.jsonl" in refused.stderr
    assert not (terminal.folder / "started").exists()
    assert terminal.run("audit", FUSION_AUDIT_FILE="audit.jsonl").returncode == 1
    shown = terminal.run(*SESSION, "--audit-file", "audit.jsonl", "--", "true", HOME="/nowhere")
    assert f"audit: {terminal.folder}/audit.jsonl" in shown.stderr


def test_a_tilde_in_a_path_of_the_emulator_is_the_home(terminal: Terminal) -> None:
    done = terminal.run("emulator", "--state=~/kept/fusion.json", "--log=~/kept/log", "--", "pulumi-fusion", "types")
    assert done.returncode == 0
    assert {each.name for each in (terminal.folder / "kept").iterdir()} == {"fusion.json", "log"}


DENIED = """
import errno, os
os.geteuid = lambda: os.getuid() + 1
def denied(path, *arguments, known=os.open, **named):
    if {path!r} in os.fspath(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fspath(path))
    return known(path, *arguments, **named)
os.open = denied
import io, pathlib
def opened(path, *arguments, known=io.open, **named):
    if isinstance(path, (str, os.PathLike)):
        denied.__call__ and {path!r} in os.fspath(path) and denied(path, os.O_RDONLY)
    return known(path, *arguments, **named)
io.open = opened
"""


@pytest.mark.parametrize("command", [SESSION, ("audit",)], ids=["masquerade", "audit"])
def test_a_file_of_root_in_the_home_is_named_with_its_owner(terminal: Terminal, command: tuple[str, ...]) -> None:
    assert terminal.run(*SESSION, "--", "true").returncode == 0
    kept = terminal.folder / ".local" / "state" / "pulumi-fusion" / "audit.jsonl"
    denied = patched(terminal.folder, DENIED.format(path=str(kept)))
    done = terminal.run(*command, *(("--", "true") if command == SESSION else ()), **denied)
    assert done.returncode == 1
    assert f"{kept}: Permission denied" in done.stderr
    assert f"{kept} belongs to " in done.stderr
    assert "sudo chown -R" in done.stderr
    assert json.loads(kept.read_text().splitlines()[-1])["event"] == "end"
