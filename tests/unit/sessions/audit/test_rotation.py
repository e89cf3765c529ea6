"""The rotation of the audit file: the chain continues, and no record is lost."""

from __future__ import annotations

import errno
import multiprocessing
import os
import re
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pulumi_fusion.errors import AuditIncomplete
from pulumi_fusion.sessions.audit import AuditLog, examine, identity
from pulumi_fusion.sessions.audit.chain import Record
from pulumi_fusion.sessions.audit.rotation import archive_of, rotate
from tests.unit.sessions.audit.files import FACTS, examined, write

ENDED = {**FACTS, "ended": "exit code 0", "exit_code": 0}


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "state" / "audit.jsonl")


def without_links(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def files(log: AuditLog) -> set[str]:
    return {each.name for each in log.path.parent.iterdir()}


def test_the_new_file_continues_the_chain_of_the_archive(log: AuditLog) -> None:
    write(log)
    before = log.path.read_bytes()
    archive = rotate(log.path)
    assert re.fullmatch(r"audit-[0-9]{8}T[0-9]{6}Z\.jsonl", archive.path.name)
    assert archive.path.read_bytes() == before
    assert {stat.S_IMODE(each.stat().st_mode) for each in log.path.parent.iterdir()} == {0o600}
    (first,) = examined(log).records
    assert (first["event"], first["sequence"], first["archive"]) == ("rotated", 7, archive.path.name)
    assert first["previous"] == examine(before).records[-1]["hash"]
    log.start("later", {**identity(), **FACTS})
    found = examined(log)
    assert (len(found.records), found.breaks) == (2, [])
    continued = archive_of(log.path, found)
    assert continued is not None
    assert (continued.path, continued.wrong) == (archive.path, None)


def test_running_sessions_are_carried_over_several_rotations(log: AuditLog) -> None:
    start_hash = log.start("runs", {**identity(), **FACTS})
    started = examined(log).records[0]["time"]
    for _ in range(3):
        rotate(log.path)
    assert log.close_dead() == []
    carried = examined(log).open[0]
    assert (carried["event"], carried["start_hash"], carried["started"]) == ("carried", start_hash, started)
    assert carried["reason"] == FACTS["reason"]
    log.end("runs", start_hash, ENDED)
    found = examined(log)
    assert (found.breaks, found.open, found.records[-1]["start_record"]) == ([], [], "carried")
    rotate(log.path)
    assert len(examined(log).records) == 1


def test_a_session_that_died_before_a_rotation_is_reported_after_it(log: AuditLog) -> None:
    log.start("died", {**identity(), "born": "1", **FACTS})
    rotate(log.path)
    assert "inside 'acme-corp'" in log.close_dead()[0]
    assert examined(log).breaks == []


@pytest.mark.threat("cuts-the-audit")
def test_a_start_that_a_rotation_does_not_carry_is_missing(log: AuditLog) -> None:
    write(log, 1)
    before = log.path.read_bytes()
    start_hash = log.start("mine", FACTS)
    log.path.write_bytes(before)
    rotate(log.path)
    with pytest.raises(AuditIncomplete, match="the record of the start was removed"):
        log.end("mine", start_hash, ENDED)


def test_rotations_in_the_same_second_have_separate_archives(log: AuditLog) -> None:
    write(log, 1)
    archives = [rotate(log.path).path for _ in range(20)]
    assert len(set(archives)) == 20
    assert files(log) == {"audit.jsonl", *(each.name for each in archives)}
    chain = [record for archive in archives for record in examine(archive.read_bytes()).records]
    assert [each["sequence"] for each in chain] == list(range(1, 22))


@pytest.mark.threat("cuts-the-audit")
def test_an_archive_that_was_cut_after_the_rotation_is_reported(log: AuditLog) -> None:
    write(log)
    archive = rotate(log.path).path
    lines = archive.read_bytes().splitlines(keepends=True)
    archive.write_bytes(b"".join(lines[:-1]))
    found = archive_of(log.path, examined(log))
    assert found is not None and found.wrong is not None
    assert "was cut or changed after the rotation" in found.wrong.what
    archive.unlink()
    found = archive_of(log.path, examined(log))
    assert found is not None
    assert (found.content, found.wrong) == (None, None)


@pytest.mark.parametrize("name", ["/etc/passwd", "../../etc/passwd", ".", "..", "", "/", "a\0b", "a\nb"])
def test_a_forged_archive_name_cannot_name_another_folder(log: AuditLog, name: str) -> None:
    log.append("rotated", "", {"archive": name})
    found = archive_of(log.path, examined(log))
    assert found is not None and found.wrong is not None
    assert (found.content, found.wrong.what) == (None, "it names no archive")


@pytest.mark.parametrize("name", ["x" * 300, "state"], ids=["too long", "a directory"])
def test_an_archive_that_cannot_be_read_is_reported(log: AuditLog, name: str) -> None:
    log.append("rotated", "", {"archive": name})
    (log.path.parent / "state").mkdir()
    found = archive_of(log.path, examined(log))
    assert found is not None and found.wrong is not None
    assert "can't be read: " in found.wrong.what


def test_a_broken_chain_is_moved_with_its_breaks_and_a_new_one_begins(log: AuditLog) -> None:
    write(log)
    log.path.write_bytes(log.path.read_bytes().replace(b"ingest", b"innest", 1) + b"x" * 300_000)
    held = rotate(log.path).content
    assert held is not None and len(held.breaks) == 2
    found = examined(log)
    assert (found.breaks, found.records[0]["breaks"]) == ([], 2)
    assert archive_of(log.path, found) is not None


@pytest.mark.parametrize("text", [b"", b"root:x:0:0\n"], ids=["empty", "something else"])
def test_a_file_without_a_record_is_not_rotated(log: AuditLog, text: bytes) -> None:
    log.path.parent.mkdir()
    log.path.write_bytes(text)
    with pytest.raises(OSError, match=r"it is empty|it contains no audit record"):
        rotate(log.path)
    assert (files(log), log.path.read_bytes()) == ({"audit.jsonl"}, text)
    log.path.unlink()
    with pytest.raises(FileNotFoundError):
        rotate(log.path)
    assert files(log) == set()


@pytest.mark.parametrize("call", ["link", "mkstemp", "write", "replace"])
def test_a_rotation_that_fails_changes_nothing(log: AuditLog, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    write(log)
    before = log.path.read_bytes()

    def fails(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    owner = {"mkstemp": tempfile, "replace": Path}.get(call, os)
    with monkeypatch.context() as patch:
        patch.setattr(owner, call, fails)
        with pytest.raises(OSError, match="No space left on device"):
            rotate(log.path)
    assert (files(log), log.path.read_bytes()) == ({"audit.jsonl"}, before)
    rotate(log.path)


@pytest.mark.parametrize("links", [True, False], ids=["a link", "a copy"])
def test_an_interrupted_rotation_loses_no_record(log: AuditLog, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    """At any time: before the new file exists, or right after."""
    write(log)
    before = log.path.read_bytes()
    if not links:
        monkeypatch.setattr(os, "link", without_links)
    for call in ("write", "replace", "replaced"):
        known = Path.replace

        def interrupted(*given: Path, call: str = call, known: Callable[..., object] = known) -> None:
            if call == "replaced":
                known(*given)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os if call == "write" else Path, call.removesuffix("d"), interrupted)
            with pytest.raises(KeyboardInterrupt):
                rotate(log.path)
        kept = [each.read_bytes() for each in log.path.parent.iterdir()]
        assert before in kept
        assert len(kept) == (2 if call == "replaced" else 1)
    found = examined(log)
    assert found.breaks == []
    assert archive_of(log.path, found) is not None


def test_a_file_system_without_hard_links_gets_a_copy(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    write(log)
    before = log.path.read_bytes()
    monkeypatch.setattr(os, "link", without_links)
    archives = [rotate(log.path).path for _ in range(2)]
    assert archives[0].read_bytes() == before
    assert {stat.S_IMODE(each.stat().st_mode) for each in log.path.parent.iterdir()} == {0o600}
    assert archive_of(log.path, examined(log)) is not None


def sessions(path: Path, name: str, count: int) -> None:
    log = AuditLog(path)
    for number in range(count):
        log.end(f"{name}{number}", log.start(f"{name}{number}", {**identity(), **FACTS}), ENDED)


def rotations(path: Path, name: str, count: int) -> None:
    for _ in range(count):
        rotate(path)


def test_concurrent_writes_and_rotations_lose_no_record(log: AuditLog) -> None:
    write(log, 1)
    fork = multiprocessing.get_context("spawn")
    work = [(sessions, "a", 60), (sessions, "b", 60), (rotations, "", 25), (rotations, "", 25)]
    processes = [fork.Process(target=target, args=(log.path, name, count)) for target, name, count in work]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    archives = sorted(log.path.parent.glob("audit-*.jsonl"), key=lambda each: first(each)["sequence"])
    assert len(archives) == 50
    found = [examine(each.read_bytes()) for each in (*archives, log.path)]
    assert [each.breaks for each in found] == [[]] * 51
    chain = [record for each in found for record in each.records]
    assert [each["sequence"] for each in chain] == list(range(1, len(chain) + 1))
    assert [each["previous"] for each in chain[1:]] == [each["hash"] for each in chain[:-1]]
    for event in ("start", "end"):
        assert sum(each["event"] == event for each in chain) == 121
    assert {each.name for each in (*archives, log.path)} == files(log)


def first(archive: Path) -> Record:
    return examine(archive.read_bytes()).records[0]
