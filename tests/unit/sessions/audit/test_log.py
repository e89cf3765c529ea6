"""The audit records of sessions, and the check of earlier records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pulumi_fusion.errors import AuditIncomplete, NotAudited
from pulumi_fusion.redaction import Secret
from pulumi_fusion.sessions.audit import AuditLog, examine, identity
from pulumi_fusion.sessions.audit.chain import LONGEST_LINE
from pulumi_fusion.sessions.audit.rotation import rotate
from pulumi_fusion.sessions.request import SessionRequest
from tests.unit.sessions.audit.files import BEFORE, FACTS, Chain, examined, write

ENDED = {**FACTS, "ended": "exit code 7", "exit_code": 7}


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "state" / "audit.jsonl")


def test_a_secret_in_a_reason_is_masked(log: AuditLog) -> None:
    secret = Secret("a-secret-in-a-reason")
    log.start("s", {"reason": f"look at {secret.reveal()}"})
    assert secret.reveal().encode() not in log.path.read_bytes()


def test_the_end_record_has_the_hash_of_its_start(log: AuditLog) -> None:
    write(log, 1)
    start, end = examined(log).records
    assert (end["start_hash"], end["start_record"]) == (start["hash"], "present")


@pytest.mark.threat("cuts-the-audit")
@pytest.mark.parametrize("others", [0, 1, 600])
def test_a_start_that_was_removed_is_reported_and_recorded_at_the_end(log: AuditLog, others: int) -> None:
    write(log, others)
    before = log.path.read_bytes() if others else b""
    start_hash = log.start("mine", FACTS)
    log.path.write_bytes(before)
    with pytest.raises(AuditIncomplete, match="the record of the start was removed") as raised:
        log.end("mine", start_hash, ENDED)
    assert "the session is over, and its command ended: exit code 7" in str(raised.value).lower()
    found = examined(log)
    assert (found.records[-1]["start_hash"], found.records[-1]["start_record"]) == (start_hash, "missing")
    assert [each.what for each in found.breaks] == ["it is an end without a start of the session 'mine'"]


@pytest.mark.threat("cuts-the-audit")
def test_a_start_that_was_changed_is_reported_and_recorded_at_the_end(log: AuditLog) -> None:
    start_hash = log.start("mine", FACTS)
    log.path.write_bytes(log.path.read_bytes().replace(b"ingest", b"pleasant"))
    with pytest.raises(AuditIncomplete, match="the record of the start was changed"):
        log.end("mine", start_hash, ENDED)
    found = examined(log)
    assert found.records[-1]["start_record"] == "changed"
    assert [each.line for each in found.breaks] == [1, 2]


@pytest.mark.threat("cuts-the-audit")
def test_a_forged_start_does_not_replace_a_removed_one(log: AuditLog) -> None:
    start_hash = log.start("mine", FACTS)
    forged = Chain()
    forged.add("start", "mine", reason="a pleasant reason")
    log.path.write_bytes(forged.bytes())
    with pytest.raises(AuditIncomplete, match="was changed"):
        log.end("mine", start_hash, ENDED)


def test_an_end_that_cannot_be_written_is_reported_with_how_the_session_ended(log: AuditLog) -> None:
    start_hash = log.start("mine", FACTS)
    log.path.unlink()
    log.path.mkdir()
    with pytest.raises(AuditIncomplete, match="it is a directory, not a regular file") as raised:
        log.end("mine", start_hash, {**FACTS, "ended": "ended by SIGKILL", "exit_code": 137})
    assert "its command ended: ended by SIGKILL, exit code 137." in str(raised.value)


def test_a_line_that_was_cut_short_is_reported_and_the_next_begins_after_it(log: AuditLog) -> None:
    write(log, 1)
    with log.path.open("ab") as file:
        file.write(b'{"sequence": 3, "event": "sta')
    write(log, 0)
    log.start("later", {**identity(), **FACTS})
    found = examined(log)
    assert [(each.line, each.what) for each in found.breaks] == [(3, "it isn't an audit record, or was cut short")]
    assert found.records[-1]["session"] == "later"


@pytest.mark.parametrize(
    "junk",
    [
        b"x" * 300_000,
        b"x" * 3_000_000,
        b"\0" * 3_000_000,
        b"\n" * 300_000,
        b"no record\n" * 40_000,
        b'{"a": ' * 200_000,
        b'{"sequence": 9}\n' * 40_000,
    ],
    ids=["300 kB", "3 MB", "NUL", "line feeds", "lines", "nested", "near records"],
)
@pytest.mark.threat("cuts-the-audit")
def test_bytes_that_are_not_a_record_do_not_block_later_records(log: AuditLog, junk: bytes) -> None:
    start_hash = log.start("mine", FACTS)
    with log.path.open("ab") as file:
        file.write(junk)
    log.close_dead()
    log.end("mine", start_hash, ENDED)
    log.start("later", FACTS)
    found = examined(log)
    assert [record["sequence"] for record in found.records] == [1, 2, 3]
    assert len(found.breaks) == 1


@pytest.mark.parametrize("length", [LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1, 256 * 1024])
def test_a_record_before_a_long_line_is_found(log: AuditLog, length: int) -> None:
    write(log, 1)
    with log.path.open("ab") as file:
        file.write(b"{" * length + b"\n")
    log.start("later", FACTS)
    assert examined(log).records[-1]["sequence"] == 3


FORGED = '{"sequence": %d, "session": "%s", "event": "start", "hash": "' + "f" * 64 + '", "reason": %s}\n'


@pytest.mark.parametrize(
    "forged",
    [
        FORGED % (2**53 - 1, "s", "0"),
        FORGED % (9, "s", '"' + "x" * (LONGEST_LINE - 200) + '"'),
        FORGED % (9, "s", '"' + "\u00e9" * (LONGEST_LINE // 4) + '"'),
        FORGED % (9, "s" * (LONGEST_LINE - 200), "0"),
        "".join(FORGED % (9, f"s{depth}", "[" * depth + "]" * depth) for depth in range(900, 1000)),
    ],
    ids=["sequence", "long", "longer once it is escaped", "name", "nested"],
)
@pytest.mark.threat("cuts-the-audit")
def test_a_forged_start_does_not_block_later_records(log: AuditLog, forged: str) -> None:
    write(log, 1)
    with log.path.open("a") as file:
        file.write(forged)
    rotate(log.path)
    log.close_dead()
    with log.path.open("a") as file:
        file.write(forged)
    log.close_dead()
    assert log.close_dead() == []
    write(log, 2)
    assert len(examined(log).records) >= 5
    assert len(log.path.read_bytes()) < 2 * len(forged.encode()) + 100_000


def test_records_of_earlier_versions_are_continued(log: AuditLog) -> None:
    log.path.parent.mkdir(0o700)
    log.path.write_bytes(BEFORE.read_bytes())
    write(log, 1)
    found = examined(log)
    assert (len(found.records), found.breaks) == (5, [])


def test_concurrent_writers_make_one_chain(log: AuditLog) -> None:
    def sessions(name: str) -> None:
        own = AuditLog(log.path)
        for number in range(5):
            own.end(f"{name}{number}", own.start(f"{name}{number}", FACTS), ENDED)

    threads = [threading.Thread(target=sessions, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = examined(log)
    assert (len(found.records), found.breaks, found.open) == (40, [], [])


def test_a_session_without_an_end_is_reported_once_its_process_is_gone(log: AuditLog) -> None:
    log.start("runs", {**identity(), **FACTS})
    assert log.close_dead() == []
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        dead = process.pid
    died = log.start("died", {**identity(), "pid": dead, **FACTS})
    log.start("reused", {**identity(), "born": "1", **FACTS})
    log.start("made up", {**identity(), "pid": 2**70, **FACTS})
    message = log.close_dead()
    assert len(message) == 3
    assert "inside 'acme-corp'" in message[0]
    found = examined(log)
    closed = found.records[-3:]
    assert {each["event"] for each in closed} == {"unclosed"}
    assert [each["session"] for each in closed] == ["died", "reused", "made up"]
    assert (closed[0]["reason"], closed[0]["start_hash"]) == ("INC-1234 ingest check", died)
    assert found.breaks == []
    assert log.close_dead() == []


def test_of_many_sessions_without_an_end_the_first_20_are_named(log: AuditLog) -> None:
    for number in range(30):
        log.start(f"died{number}", {**identity(), "born": "1", **FACTS})
    message = log.close_dead()
    assert len(message) == 21
    assert message[-1] == "the audit has 10 more sessions without an end: `pulumi-fusion audit` lists them"
    assert len(examined(log).records) == 60


def test_concurrent_processes_record_a_dead_session_once(log: AuditLog) -> None:
    for number in range(20):
        log.start(f"died{number}", {**identity(), "born": "1", **FACTS})
    message: list[str] = []
    threads = [threading.Thread(target=lambda: message.extend(AuditLog(log.path).close_dead())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(message) == 20
    assert examined(log).breaks == []


ELSEWHERE = {
    "another host": {"host": "another.example"},
    "another container of the same name": {"pid_namespace": "pid:[1]"},
    "before a restart of the machine": {"boot_id": "00000000-0000-0000-0000-000000000000"},
}


@pytest.mark.parametrize("case", ELSEWHERE)
@pytest.mark.parametrize("pid", [1, 2**22 + 1], ids=["there", "not there"])
def test_a_process_id_is_not_checked_on_another_machine(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, case: str, pid: int
) -> None:
    log.start("elsewhere", {**identity(), "pid": pid, **ELSEWHERE[case], **FACTS})
    assert log.close_dead() == []
    later(monkeypatch, minutes=64)
    assert log.close_dead() == []
    later(monkeypatch, minutes=66)
    assert len(log.close_dead()) == 1
    assert log.close_dead() == []


@pytest.mark.parametrize("lacks", ["pid_namespace", "boot_id", "host"])
def test_a_record_without_a_machine_is_judged_by_time(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, lacks: str
) -> None:
    who = {name: value for name, value in identity().items() if name != lacks}
    log.start("old", {**who, "pid": 2**22 + 1, **FACTS})
    assert log.close_dead() == []
    later(monkeypatch, minutes=66)
    assert len(log.close_dead()) == 1


def later(monkeypatch: pytest.MonkeyPatch, *, minutes: int) -> None:
    moment = datetime.now(timezone.utc) + timedelta(minutes=minutes)
    moved = type("Later", (datetime,), {"now": lambda zone: moment})
    monkeypatch.setattr("pulumi_fusion.sessions.audit.liveness.datetime", moved)


def test_where_a_process_runs_is_recorded() -> None:
    found = identity()
    assert found["pid"] == os.getpid()
    if sys.platform == "linux":
        assert found["pid_namespace"].startswith("pid:[")
        assert len(found["boot_id"]) == 36


def test_a_raw_token_is_not_reported_as_ended(log: AuditLog) -> None:
    log.start("died", {**identity(), "born": "1", **FACTS, "mode": SessionRequest("", "", raw_token=True).mode})
    assert "the raw token that it handed out may still work" in log.close_dead()[0]


def test_a_relative_audit_path_does_not_depend_on_a_later_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    log = AuditLog(Path("audit.jsonl"))
    start_hash = log.start("s", FACTS)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    log.end("s", start_hash, ENDED)
    assert len((tmp_path / "audit.jsonl").read_bytes().splitlines()) == 2


def test_an_audit_record_is_one_line_of_ascii(log: AuditLog) -> None:
    log.start("s", {"reason": "two\nlines \u2028 and \N{SNOWMAN}"})
    text = log.path.read_bytes()
    assert text.isascii() and text.count(b"\n") == 1
    assert json.loads(text)["reason"] == "two\nlines \u2028 and \N{SNOWMAN}"
    assert examine(text).breaks == []


def test_the_longest_record_of_a_session_can_be_read_again(log: AuditLog) -> None:
    paths = {f"GET {number:03}{chr(0x1F600) * 293}": 1 for number in range(100)}
    facts = {**identity(), **FACTS, "reason": chr(0x1F600) * 500, "paths": paths, "changed": paths, "unknown": paths}
    start_hash = log.start("long", facts)
    log.end("long", start_hash, {**ENDED, **facts})
    log.start("later", FACTS)
    found = examined(log)
    assert ([record["sequence"] for record in found.records], found.breaks) == ([1, 2, 3], [])
    with pytest.raises(NotAudited, match="too long to be read again"):
        log.start("too long", {"reason": "x" * LONGEST_LINE})
    assert examined(log).breaks == []


def test_a_start_that_cannot_be_written_opens_no_session(log: AuditLog) -> None:
    log.path.mkdir(parents=True)
    for attempt in (lambda: log.start("s", FACTS), log.close_dead):
        with pytest.raises(NotAudited, match="No session runs without one"):
            attempt()
