"""`pulumi-fusion audit`: what it lists, what it finds wrong."""

from __future__ import annotations

import json
import os
import shlex
import stat
from pathlib import Path

import pytest

from pulumi_fusion.emulator import Emulator
from tests.contract.cli.terminal import Terminal

OPEN = ("masquerade", "acme-corp", "--ci", "--reason", "INC-1234 ingest check")


@pytest.fixture(autouse=True)
def customers(emulator: Emulator) -> None:
    emulator.seed(shortname="acme-corp")


@pytest.fixture
def file(terminal: Terminal) -> Path:
    return terminal.folder / ".local" / "state" / "pulumi-fusion" / "audit.jsonl"


def test_the_audit_is_listed_checked_and_shipped(terminal: Terminal) -> None:
    empty = terminal.run("audit")
    assert (empty.returncode, empty.stdout) == (0, "")
    assert "No session was opened yet" in empty.stderr
    for reason in ("the first of two reasons", "the second of two reasons"):
        terminal.run("masquerade", "acme-corp", "--ci", "--reason", reason, "--", "true")
    listed = terminal.run("audit")
    assert listed.returncode == 0
    assert len(listed.stdout.splitlines()) == 3
    assert "the second of two reasons" in listed.stdout
    assert "The chain of 4 records holds." in listed.stderr
    shipped = terminal.run("audit", "--json")
    assert [json.loads(line)["event"] for line in shipped.stdout.splitlines()] == ["start", "end"] * 2
    file = terminal.folder / ".local" / "state" / "pulumi-fusion" / "audit.jsonl"
    file.write_text(file.read_text().replace("the first of", "the worst of"))
    broken = terminal.run("audit")
    assert broken.returncode == 1
    assert f"{file}:1: it was changed after it was written" in broken.stderr


def test_the_audit_is_listed_whatever_stands_in_it(terminal: Terminal) -> None:
    for seconds in ("NaN", "Infinity", "1e999"):
        record = f'{{"sequence": 1, "session": "s", "hash": "{"0" * 64}", "event": "end", "seconds": {seconds}}}\n'
        (terminal.folder / "odd.jsonl").write_text(record)
        listed = terminal.run("audit", "--audit-file", "odd.jsonl")
        assert listed.returncode == 1
        assert "odd.jsonl:1: it was changed after it was written" in listed.stderr


def test_an_empty_file_is_reported(terminal: Terminal, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.touch()
    listed = terminal.run("audit")
    assert listed.returncode == 1
    assert f"Error: {file}:1: the file is empty: its records were removed" in listed.stderr


KINDS = {
    "FIFO": ("mkfifo F", "it is a named pipe (FIFO), not a regular file"),
    "device": ("ln -s /dev/zero F", "it is a device, not a regular file"),
    "directory": ("mkdir F", "it is a directory, not a regular file"),
    "dangling link": ("ln -s nowhere F", "No session was opened yet"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.threat("cuts-the-audit")
def test_nothing_at_the_path_makes_it_wait(terminal: Terminal, file: Path, kind: str) -> None:
    command, said = KINDS[kind]
    file.parent.mkdir(parents=True)
    assert os.system(f"cd {shlex.quote(str(file.parent))} && {command.replace('F', file.name)}") == 0  # noqa: S605
    for arguments in (("audit",), (*OPEN, "--", "touch", "started")):
        done = terminal.run(*arguments)
        assert said in done.stderr or "symbolic link" in done.stderr, done.stderr
        assert done.returncode == 1 or arguments == ("audit",)
        assert "unexpected" not in done.stderr
    assert not (terminal.folder / "started").exists()


def test_a_file_of_something_else_is_not_touched_and_the_remedy_is_named(terminal: Terminal) -> None:
    mine = terminal.folder / "notes.txt"
    mine.write_text("mine\n")
    mine.chmod(0o644)
    done = terminal.run(*OPEN, "--audit-file", str(mine), "--", "touch", "started")
    assert done.returncode == 1
    assert f"`mv {mine} {mine}.damaged`" in done.stderr
    assert (mine.read_text(), stat.S_IMODE(mine.stat().st_mode)) == ("mine\n", 0o644)
    assert not (terminal.folder / "started").exists()
