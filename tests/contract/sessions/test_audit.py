"""Changes of the audit by a child while its session runs, and the reports of them."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient, masquerade
from pulumi_fusion.errors import AuditIncomplete
from pulumi_fusion.sessions.audit import AuditLog, examine
from tests.contract.cli.terminal import Terminal

REASON = "INC-1234 ingest check"
OPEN = ("masquerade", "acme-corp", "--ci", "--reason", REASON)
LIMIT = """
import psutil, resource
for each in psutil.Process().parents():
    if "masquerade" in each.cmdline():
        resource.prlimit(each.pid, resource.RLIMIT_FSIZE, (10, 10))
"""


@pytest.fixture
def desk(tmp_path: Path, emulator: Emulator) -> Terminal:
    """A shell whose audit file already has a session."""
    environ = {"NETOSECRET": emulator.netosecret, "FUSION_AUDIT_FILE": str(tmp_path / "audit.jsonl")}
    desk = Terminal(tmp_path, environ)
    log = AuditLog(tmp_path / "audit.jsonl")
    log.end("before", log.start("before", {"reason": REASON}), {"ended": "exit code 0"})
    return desk


REMOVED = "the record of the start was removed"
CHANGED = "the record of the start was changed"
NO_START = "it is an end without a start of the session"
# name: what the child does, the message at the end, the message of `pulumi-fusion audit` afterwards
ATTACKS: dict[str, tuple[str, str, str]] = {
    "removed": ("rm A", REMOVED, NO_START),
    "emptied": (": > A", REMOVED, NO_START),
    "last line removed": ("sed -i '$d' A", REMOVED, NO_START),
    "cut": ("head -c 100 A > B; cat B > A; echo >> A", "it contains no audit record", "it isn't an audit record"),
    "cut in the start": ("head -c -9 A > B; cat B > A", REMOVED, "it isn't an audit record"),
    "an older copy": ("head -n 2 A > B; mv B A", REMOVED, NO_START),
    "written over": (
        "sed -i 's/ingest/pleasant/' A",
        "the record of the start was changed",
        "changed",
    ),
    "spaces": ("sed -i 's/$/ /' A", CHANGED, "it was changed"),
    "other bytes": ("head -c 400000 /dev/zero > A", "it contains no audit record", "it isn't an audit record"),
    "a symbolic link": ("mv A B; ln -s B A", "it is a symbolic link, not a regular file", ""),
    "a FIFO": ("rm A; mkfifo A", "it is a named pipe (FIFO), not a regular file", "it is a named pipe (FIFO)"),
    "a directory": ("rm A; mkdir A", "it is a directory, not a regular file", "it is a directory"),
    "a device": ("rm A; ln -s /dev/full A", "it is a symbolic link, not a regular file", "it is a device"),
    "through a hard link": ("ln A B; : > B", REMOVED, NO_START),
    "an open folder": ("chmod 777 .", "every user may replace the files in the folder", ""),
    "no access": ("chmod 000 A", "Permission denied", "Permission denied"),
    "a full disk": (f"{shlex.quote(sys.executable)} -c '{LIMIT}'", "File too large", ""),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.threat("cuts-the-audit")
def test_changes_of_the_audit_by_a_child_are_reported_at_its_end(desk: Terminal, attack: str) -> None:
    script, said, found = ATTACKS[attack]
    if attack == "a full disk" and sys.platform != "linux":
        pytest.skip("no process limits another one there")
    if attack == "no access" and os.geteuid() == 0:
        pytest.skip("root has access to everything")
    done = desk.run(*OPEN, "--", "sh", "-c", f"{script.replace('A', 'audit.jsonl')}; exit 7")
    assert done.returncode == 125, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "AUDIT INCOMPLETE" in last
    assert said in last
    assert "its command ended: exit code 7" in last
    assert "was not started" not in done.stderr
    listed = desk.run("audit")
    assert (found in listed.stderr, listed.returncode) == (True, 1 if found else 0)


@pytest.mark.threat("cuts-the-audit")
def test_the_end_shows_how_the_command_ended(desk: Terminal) -> None:
    done = desk.run(*OPEN, "--", "sh", "-c", "rm audit.jsonl; mkdir audit.jsonl; kill -KILL $$")
    assert done.returncode == 125
    assert "its command ended: ended by SIGKILL, exit code 137" in done.stderr


@pytest.mark.parametrize("script", ["truncate -s +300K audit.jsonl", "seq 100000 >> audit.jsonl"])
@pytest.mark.threat("cuts-the-audit")
def test_other_bytes_at_the_end_of_the_audit_do_not_block_a_session(desk: Terminal, script: str) -> None:
    assert desk.run(*OPEN, "--", "sh", "-c", f"{script}; exit 7").returncode == 7
    assert desk.run(*OPEN, "--", "true").returncode == 0
    listed = desk.run("audit")
    assert listed.returncode == 1
    assert listed.stderr.count("Error: ") == 1
    assert desk.run("audit", "--rotate").returncode == 1
    assert desk.run("audit").returncode == 0
    assert desk.run(*OPEN, "--", "true").returncode == 0


def test_a_child_that_does_not_change_the_audit_has_its_own_exit_code(desk: Terminal) -> None:
    done = desk.run(*OPEN, "--", "sh", "-c", "chmod 644 audit.jsonl; touch audit.jsonl; exit 7")
    assert done.returncode == 7
    assert "AUDIT" not in done.stderr
    assert desk.run("audit").returncode == 0


@pytest.mark.threat("cuts-the-audit")
def test_a_block_whose_start_was_removed_raises_at_its_end(
    fusion: FusionClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "audit.jsonl"
    with (
        pytest.raises(AuditIncomplete, match="the record of the start was removed"),
        masquerade("acme-corp", reason=REASON, client=fusion),
    ):
        file.unlink()
    assert [(each.name, each.levelname) for each in caplog.records] == [("pulumi_fusion.sessions.session", "ERROR")]
    end = json.loads(file.read_text())
    assert (end["event"], end["start_record"], end["ended"]) == ("end", "missing", "left")
    assert examine(file.read_bytes()).breaks != []


@pytest.mark.threat("cuts-the-audit")
def test_an_exception_of_the_block_is_raised_instead_of_audit_incomplete(
    fusion: FusionClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "audit.jsonl"
    with (
        pytest.raises(ZeroDivisionError) as raised,
        masquerade("acme-corp", reason=REASON, client=fusion),
    ):
        file.unlink()
        file.mkdir()
        raise ZeroDivisionError("mine")
    assert raised.value.args == ("mine",)
    assert "it is a directory, not a regular file" in caplog.text
    assert "The session is over (left by ZeroDivisionError)" in caplog.text
