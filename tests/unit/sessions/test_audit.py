"""The audit file: what is in it, and what happens to it."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.errors import NotAudited
from pulumi_fusion.redaction import Secret
from pulumi_fusion.sessions import audit
from pulumi_fusion.sessions.audit import AuditLog, default_path, examine, identity
from pulumi_fusion.sessions.terms import Terms

FACTS = {"customer": "acme-corp", "reason": "INC-1234 ingest check", "ticket": None}


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "state" / "audit.jsonl")


def lines(log: AuditLog) -> list[bytes]:
    return log.path.read_bytes().splitlines()


def write(log: AuditLog, sessions: int = 3) -> None:
    for number in range(sessions):
        log.append("start", f"s{number}", {**identity(), **FACTS})
        log.append("end", f"s{number}", {**identity(), **FACTS, "ended": "exit code 0"})


def test_records_are_chained_and_the_chain_holds(log: AuditLog) -> None:
    write(log)
    found = examine(lines(log))
    assert [record["event"] for record in found.records] == ["start", "end"] * 3
    assert [record["sequence"] for record in found.records] == [1, 2, 3, 4, 5, 6]
    assert found.records[0]["previous"] == "0" * 64
    assert [each["previous"] for each in found.records[1:]] == [each["hash"] for each in found.records[:-1]]
    assert (found.breaks, found.open) == ([], [])
    assert found.records[0]["pid"] == os.getpid()


def test_nobody_else_may_read_it(log: AuditLog) -> None:
    before = os.umask(0)
    try:
        write(log, 1)
    finally:
        os.umask(before)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700
    log.path.chmod(0o644)
    log.append("start", "again", FACTS)
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_a_secret_in_a_reason_is_masked(log: AuditLog) -> None:
    secret = Secret("a-secret-in-a-reason")
    log.append("start", "s", {"reason": f"look at {secret.reveal()}"})
    assert secret.reveal().encode() not in log.path.read_bytes()


def changed(found: list[bytes]) -> list[bytes]:
    record = json.loads(found[2])
    return [*found[:2], json.dumps({**record, "reason": "another reason"}).encode(), *found[3:]]


@pytest.mark.parametrize(
    ("tamper", "line", "what"),
    [
        (changed, 3, "it was changed after it was written"),
        (lambda found: found[:2] + found[3:], 3, "records before it were removed, added or moved"),
        (lambda found: found[1:], 1, "records before it were removed, added or moved"),
        (lambda found: [found[0], found[2], found[1], *found[3:]], 2, "records before it were removed, added or moved"),
        (lambda found: [*found[:3], found[2], *found[3:]], 4, "records before it were removed, added or moved"),
        (lambda found: [*found[:2], b"not a record", *found[2:]], 3, "it is no audit record, or was cut short"),
        (lambda found: [*found[:2], b"", *found[2:]], 3, "it is no audit record, or was cut short"),
        (lambda found: [*found[:-1], found[-1][:40]], 6, "it is no audit record, or was cut short"),
    ],
)
def test_tampering_is_found_where_it_was_done(
    log: AuditLog, tamper: Callable[[list[bytes]], list[bytes]], line: int, what: str
) -> None:
    write(log)
    first = examine(tamper(lines(log))).breaks[0]
    assert (first.line, first.what) == (line, what)


@given(st.data())
def test_no_change_of_a_byte_goes_unseen(data: st.DataObject) -> None:
    whole = [_record(1, "0" * 64)]
    whole.append(_record(2, json.loads(whole[0])["hash"]))
    text = bytearray(whole[0])
    place = data.draw(st.integers(0, len(text) - 1))
    text[place] = data.draw(st.integers(0, 255).filter(lambda value: value != text[place]))
    found = examine([bytes(text), whole[1]])
    unchanged = not found.breaks and found.records[0] == json.loads(whole[0])
    assert found.breaks or unchanged  # a change of white space or of an escape changes no record


def _record(sequence: int, previous: str) -> bytes:
    return json.dumps(audit._record("start", "s", FACTS, (sequence - 1, previous))).encode()


def test_a_line_that_was_cut_short_is_told_and_the_next_begins_anew(log: AuditLog) -> None:
    write(log, 1)
    with log.path.open("ab") as file:
        file.write(b'{"sequence": 3, "event": "sta')
    log.append("start", "later", {**identity(), **FACTS})
    found = examine(lines(log))
    assert [(each.line, each.what) for each in found.breaks] == [(3, "it is no audit record, or was cut short")]
    assert found.records[-1]["session"] == "later"


def test_a_full_disk_leaves_no_half_of_a_record(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    write(log, 1)
    before = log.path.read_bytes()

    def half(descriptor: int, data: bytes) -> int:
        os.pwrite(descriptor, data[:20], len(before))
        return 20

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(NotAudited, match="No space left on device"):
        log.append("start", "s", FACTS)
    assert log.path.read_bytes() == before


def test_a_disk_that_does_not_take_it_is_told(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    write(log, 1)
    before = log.path.read_bytes()
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(NotAudited, match="Input/output error"):
        log.append("start", "s", FACTS)
    assert log.path.read_bytes() == before


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "something else"])
def test_what_is_no_audit_file_is_not_written_to(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "audit.jsonl"
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        (tmp_path / "target").write_text("")
        path.symlink_to(tmp_path / "target")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_text("root:x:0:0\n")
    with pytest.raises(NotAudited, match="No session runs without one"):
        AuditLog(path).append("start", "s", FACTS)
    if kind == "something else":
        assert path.read_text() == "root:x:0:0\n"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAudited, match="Not a directory"):
        AuditLog(tmp_path / "file" / "audit.jsonl").append("start", "s", FACTS)


def test_writers_at_the_same_time_make_one_chain(log: AuditLog) -> None:
    threads = [threading.Thread(target=write, args=(AuditLog(log.path), 5)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = examine(lines(log))
    assert (len(found.records), found.breaks) == (40, [])


def test_a_writer_that_hangs_is_no_reason_to_hang(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    write(log, 1)
    monkeypatch.setattr(audit, "_LOCK_SECONDS", 0.1)
    with log._locked(), pytest.raises(NotAudited, match="another process holds it"):
        AuditLog(log.path).append("start", "s", FACTS)


def test_a_session_without_an_end_is_told_once_its_process_is_gone(log: AuditLog) -> None:
    log.append("start", "runs", {**identity(), **FACTS})
    assert log.close_dead() == []
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        dead = process.pid
    log.append("start", "died", {**identity(), "pid": dead, **FACTS})
    log.append("start", "reused", {**identity(), "born": "1", **FACTS})
    log.append("start", "elsewhere", {**identity(), "pid": dead, "host": "another.example", **FACTS})
    told = log.close_dead()
    assert len(told) == 2
    assert "inside 'acme-corp'" in told[0]
    closed = examine(lines(log)).records[-2:]
    assert [(each["event"], each["session"]) for each in closed] == [("unclosed", "died"), ("unclosed", "reused")]
    assert closed[0]["reason"] == "INC-1234 ingest check"
    assert log.close_dead() == []


def test_a_session_of_a_container_that_is_gone_is_told_once_its_hour_is_over(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.append("start", "elsewhere", {**identity(), "host": "another.example", **FACTS})
    later = datetime.now(timezone.utc) + timedelta(minutes=66)
    monkeypatch.setattr(audit, "datetime", type("Later", (datetime,), {"now": lambda zone: later}))
    assert len(log.close_dead()) == 1
    assert log.close_dead() == []


def test_of_a_raw_token_nobody_says_that_it_ended(log: AuditLog) -> None:
    log.append("start", "died", {**identity(), "born": "1", **FACTS, "mode": Terms("", "", raw_token=True).mode})
    assert "the raw token that it handed out may still work" in log.close_dead()[0]


def test_a_record_that_somebody_made_up_keeps_no_session_from_starting(log: AuditLog) -> None:
    log.append("start", "made up", {**identity(), "pid": 2**70, **FACTS})
    assert len(log.close_dead()) == 1


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP], ids=errno.errorcode.get)
def test_a_file_system_that_cannot_sync_a_folder_holds_an_audit(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """As CIFS."""
    known = os.fsync

    def fails(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        known(descriptor)

    monkeypatch.setattr(os, "fsync", fails)
    write(log)
    assert examine(lines(log)).breaks == []


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def test_a_file_system_without_locks_is_named_as_the_reason(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fails(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", fails)
    with pytest.raises(NotAudited, match="its file system has no locks") as refused:
        log.append("start", "s", FACTS)
    assert "on a local disk with FUSION_AUDIT_FILE" in str(refused.value)


def test_a_relative_path_of_an_argument_does_not_move_with_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = AuditLog(Path("audit.jsonl"))
    log.append("start", "s", FACTS)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    log.append("end", "s", FACTS)
    assert len((tmp_path / "audit.jsonl").read_bytes().splitlines()) == 2


def test_it_stands_below_the_folder_for_state(tmp_path: Path) -> None:
    assert default_path({"HOME": "/home/me"}) == Path("/home/me/.local/state/pulumi-fusion/audit.jsonl")
    xdg = {"HOME": "/home/me", "XDG_STATE_HOME": "/var/state"}
    assert default_path(xdg) == Path("/var/state/pulumi-fusion/audit.jsonl")
    # "All paths set in these environment variables must be absolute", says the specification.
    assert default_path({**xdg, "XDG_STATE_HOME": "state"}) == default_path({"HOME": "/home/me"})
    assert default_path({**xdg, "FUSION_AUDIT_FILE": "/var/log/audit.jsonl"}) == Path("/var/log/audit.jsonl")
    assert default_path({**xdg, "FUSION_AUDIT_FILE": "~/audit.jsonl"}) == Path("/home/me/audit.jsonl")
    with pytest.raises(NotAudited, match=r"the relative path logs/audit\.jsonl"):
        default_path({**xdg, "FUSION_AUDIT_FILE": "logs/audit.jsonl"})
