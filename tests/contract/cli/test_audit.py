"""The command pulumi-fusion audit: its list, its check, and the rotation of the file."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import COMMAND, Terminal

OPEN = ("masquerade", "acme-corp", "--ci", "--reason", "INC-1234 ingest check")


@pytest.fixture(autouse=True)
def customers(emulator: Emulator) -> None:
    emulator.seed(shortname="acme-corp")


@pytest.fixture
def file(terminal: Terminal) -> Path:
    return terminal.folder / ".local" / "state" / "pulumi-fusion" / "audit.jsonl"


def records(file: Path) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_audit_lists_and_checks_records_and_prints_them_as_json(terminal: Terminal) -> None:
    empty = terminal.run("audit")
    assert (empty.returncode, empty.stdout) == (0, "")
    assert "No session was opened yet" in empty.stderr
    for reason in ("the first of two reasons", "the second of two reasons"):
        terminal.run("masquerade", "acme-corp", "--ci", "--reason", reason, "--", "true")
    listed = terminal.run("audit")
    assert listed.returncode == 0
    assert len(listed.stdout.splitlines()) == 3
    assert "the second of two reasons" in listed.stdout
    assert "The chain of 4 records is unbroken." in listed.stderr
    shipped = terminal.run("audit", "--json")
    assert [json.loads(line)["event"] for line in shipped.stdout.splitlines()] == ["start", "end"] * 2
    file = terminal.folder / ".local" / "state" / "pulumi-fusion" / "audit.jsonl"
    file.write_text(file.read_text().replace("the first of", "the worst of"))
    broken = terminal.run("audit")
    assert broken.returncode == 1
    assert f"{file}:1: it was changed after it was written" in broken.stderr


@pytest.mark.threat("cuts-the-audit")
def test_audit_lists_forged_records_without_failing(terminal: Terminal) -> None:
    long = "9" * 4300
    for facts in (
        '"seconds": NaN',
        '"seconds": 1e999',
        f'"seconds": {long}',
        f'"requests": {{"GET": {long}, "PUT": {long}}}',
    ):
        record = f'{{"sequence": 1, "session": "s", "hash": "{"0" * 64}", "event": "end", {facts}}}\n'
        (terminal.folder / "odd.jsonl").write_text(record)
        listed = terminal.run("audit", "--audit-file", "odd.jsonl")
        assert listed.returncode == 1
        assert "odd.jsonl:1: it was changed after it was written" in listed.stderr


def test_an_empty_audit_file_is_reported(terminal: Terminal, file: Path) -> None:
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
def test_audit_does_not_wait_for_a_pipe_or_device(terminal: Terminal, file: Path, kind: str) -> None:
    command, said = KINDS[kind]
    file.parent.mkdir(parents=True)
    assert os.system(f"cd {shlex.quote(str(file.parent))} && {command.replace('F', file.name)}") == 0  # noqa: S605
    for arguments in (("audit",), ("audit", "--rotate"), (*OPEN, "--", "touch", "started")):
        done = terminal.run(*arguments)
        assert said in done.stderr or "symbolic link" in done.stderr, done.stderr
        assert done.returncode == 1 or arguments == ("audit",)
        assert "unexpected" not in done.stderr
    assert not (terminal.folder / "started").exists()


def test_a_rotation_moves_the_file_and_the_next_session_continues_its_chain(terminal: Terminal, file: Path) -> None:
    none = terminal.run("audit", "--rotate")
    assert (none.returncode, none.stdout) == (0, "")
    assert "No session was opened yet" in none.stderr
    assert terminal.run(*OPEN, "--", "true").returncode == 0
    before = file.read_bytes()
    done = terminal.run("audit", "--rotate")
    assert done.returncode == 0, done.stderr
    archive = Path(done.stdout.strip())
    assert re.fullmatch(r"audit-[0-9]{8}T[0-9]{6}Z(-[0-9]+)?\.jsonl", archive.name)
    assert archive.read_bytes() == before
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert terminal.run(*OPEN, "--", "true").returncode == 0
    listed = terminal.run("audit")
    assert listed.returncode == 0, listed.stderr
    assert len(listed.stdout.splitlines()) == 2
    assert f"Earlier records are in {archive}" in listed.stderr
    assert "The chain of 3 records is unbroken." in listed.stderr
    assert terminal.run("audit", "--audit-file", str(archive)).returncode == 0
    archive.write_bytes(before[: before.index(b"\n") + 1])
    cut = terminal.run("audit")
    assert cut.returncode == 1
    assert f"the archive {archive}, which was cut or changed after the rotation" in cut.stderr
    archive.unlink()
    gone = terminal.run("audit")
    assert gone.returncode == 0
    assert f"The 2 earlier records were moved to {archive}, which doesn't exist any more" in gone.stderr


def test_a_session_continues_during_a_rotation(terminal: Terminal, file: Path) -> None:
    rotate = f"env -i HOME={shlex.quote(str(terminal.folder))} {shlex.quote(str(COMMAND))} audit --rotate"
    done = terminal.run(*OPEN, "--", "sh", "-c", f"{rotate} && {rotate}; exit 7")
    assert done.returncode == 7, done.stderr
    assert done.stderr.count("1 of its sessions have no end yet and are carried over") == 2
    assert [each["event"] for each in records(file)] == ["rotated", "carried", "end"]
    listed = terminal.run("audit")
    assert listed.returncode == 0, listed.stderr
    assert "INC-1234 ingest check" in listed.stdout


def test_a_file_that_cannot_be_rotated_is_not_changed(terminal: Terminal, file: Path) -> None:
    file.parent.mkdir(parents=True)
    for text, said in (("", "it is empty, so there is nothing to move"), ("mine\n", "it may be another file of yours")):
        file.write_text(text)
        done = terminal.run("audit", "--rotate")
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
        assert [each.name for each in file.parent.iterdir()] == [file.name]
        assert file.read_text() == text
    assert terminal.run("audit", "--rotate", "--json").returncode == 2


def test_a_broken_chain_is_rotated_and_reported(terminal: Terminal, file: Path) -> None:
    assert terminal.run(*OPEN, "--", "true").returncode == 0
    file.write_text(file.read_text().replace("ingest", "innest"))
    done = terminal.run("audit", "--rotate")
    assert done.returncode == 1
    assert f"{done.stdout.strip()}:1: it was changed after it was written" in done.stderr
    assert terminal.run("audit").returncode == 0


def test_a_file_that_is_not_an_audit_is_not_changed_and_the_remedy_is_named(terminal: Terminal) -> None:
    mine = terminal.folder / "notes.txt"
    mine.write_text("mine\n")
    mine.chmod(0o644)
    done = terminal.run(*OPEN, "--audit-file", str(mine), "--", "touch", "started")
    assert done.returncode == 1
    assert f"`mv {mine} {mine}.damaged`" in done.stderr
    assert (mine.read_text(), stat.S_IMODE(mine.stat().st_mode)) == ("mine\n", 0o644)
    assert not (terminal.folder / "started").exists()


def test_a_closed_stdout_is_not_reported_as_a_failure_of_the_audit_file(terminal: Terminal, file: Path) -> None:
    assert terminal.run(*OPEN, "--", "true").returncode == 0
    script = f"{shlex.quote(str(COMMAND))} audit --json >&-"
    done = subprocess.run(["sh", "-c", script], env=terminal.environment(), capture_output=True, text=True, timeout=60)
    assert "cannot read the audit file" not in done.stderr
    script = f"{shlex.quote(str(COMMAND))} audit --json > /dev/full"
    done = subprocess.run(["sh", "-c", script], env=terminal.environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "cannot read the audit file" not in done.stderr
