"""The audit file on the disk: which files are accepted, created and not changed."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from pulumi_fusion.errors import NotAudited
from pulumi_fusion.sessions.audit import AuditLog, default_path, file, read
from tests.unit.sessions.audit.files import FACTS, examined, write


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "state" / "audit.jsonl")


def modes(*paths: Path) -> list[int]:
    return [stat.S_IMODE(path.stat().st_mode) for path in paths]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_other_users_may_not_read_the_audit_file(tmp_path: Path, umask: int) -> None:
    log = AuditLog(tmp_path / "new" / "newer" / "newest" / "audit.jsonl")
    before = os.umask(umask)
    try:
        write(log, 1)
    finally:
        os.umask(before)
    assert modes(*log.path.parents[:3]) == [0o700] * 3
    assert modes(log.path) == [0o600]
    log.path.chmod(0o644)
    log.append("start", "again", FACTS)
    assert modes(log.path) == [0o600]


def test_a_folder_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there").chmod(0o755)
    write(AuditLog(tmp_path / "there" / "audit.jsonl"), 1)
    assert modes(tmp_path / "there") == [0o755]


@pytest.mark.parametrize("there", [False, True], ids=["a new file", "a file"])
@pytest.mark.threat("cuts-the-audit")
def test_a_folder_where_every_user_may_replace_the_file_is_refused(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    log = AuditLog(folder / "audit.jsonl")
    if there:
        write(log, 1)
        log.path.chmod(0o644)
    folder.chmod(0o777)
    with pytest.raises(NotAudited, match="every user may replace the files in the folder"):
        log.start("s", FACTS)
    assert modes(folder) == [0o777]
    assert not there or modes(log.path) == [0o644]
    assert log.path.exists() == there
    folder.chmod(0o1777)
    log.start("s", FACTS)


KINDS = ["a directory", "a symbolic link", "a named pipe (FIFO)", "a socket", "a device"]


def made(path: Path, kind: str) -> Path:
    """Create a file of that kind at the path, or return another path with one."""
    if kind == "a directory":
        path.mkdir()
    elif kind == "a symbolic link":
        path.with_name("target").write_text("")
        path.symlink_to(path.with_name("target"))
    elif kind == "a named pipe (FIFO)":
        os.mkfifo(path)
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    else:
        return Path(os.devnull)
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.threat("cuts-the-audit")
def test_a_special_file_is_refused_without_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    log = AuditLog(made(Path("audit.jsonl"), kind))
    for attempt in (lambda: log.start("s", FACTS), log.close_dead):
        with pytest.raises(NotAudited) as refused:
            attempt()
        assert f"it is {kind}, not a regular file" in str(refused.value)
    if kind != "a symbolic link":
        with pytest.raises(OSError, match="not a regular file"):
            read(log.path)


@pytest.mark.parametrize("text", ["root:x:0:0\n", "no end of a line", '{"sequence": 1}\n', "\n", "\0" * 300_000])
def test_a_file_of_another_kind_is_not_changed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text(text)
    path.chmod(0o644)
    log = AuditLog(path)
    for attempt in (lambda: log.start("s", FACTS), log.close_dead):
        with pytest.raises(NotAudited, match=r"it may be another file of yours.*move it away: `mv "):
            attempt()
    assert (path.read_text(), modes(path)) == (text, [0o644])


def test_a_file_that_is_far_too_large_is_refused_at_once(log: AuditLog) -> None:
    write(log, 1)
    os.truncate(log.path, 2**42)
    with pytest.raises(NotAudited, match="it has 4398046511104 bytes, and at most 268435456 are read"):
        log.start("s", FACTS)
    with pytest.raises(OSError, match="are read"):
        read(log.path)


def test_an_audit_folder_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAudited, match="Not a directory"):
        AuditLog(tmp_path / "file" / "audit.jsonl").start("s", FACTS)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(NotAudited, match="No such file or directory"):
        AuditLog(tmp_path / "dangling" / "audit.jsonl").start("s", FACTS)


def test_a_full_disk_leaves_no_incomplete_record(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    write(log, 1)
    before = log.path.read_bytes()

    def half(descriptor: int, data: bytes) -> int:
        os.pwrite(descriptor, data[:20], len(before))
        return 20

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(NotAudited, match="No space left on device"):
        log.start("s", FACTS)
    assert log.path.read_bytes() == before


def test_a_disk_that_fails_is_named_and_leaves_no_empty_file(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    known = os.fsync

    def fails(descriptor: int) -> None:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return known(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(NotAudited, match="Input/output error"):
        log.start("s", FACTS)
    assert not log.path.exists()
    monkeypatch.setattr(os, "fsync", known)
    write(log, 1)
    before = log.path.read_bytes()
    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(NotAudited, match="Input/output error"):
        log.start("s", FACTS)
    assert log.path.read_bytes() == before


def test_a_process_that_keeps_the_lock_does_not_block_forever(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    write(log, 1)
    monkeypatch.setattr(file, "LOCK_SECONDS", 0.1)
    monkeypatch.setattr(file, "_READER_SECONDS", 0.1)
    with file.locked(log.path):
        with pytest.raises(NotAudited, match="another process has locked it"):
            AuditLog(log.path).start("s", FACTS)
        assert read(log.path) == log.path.read_bytes()


@pytest.mark.threat("cuts-the-audit")
def test_a_writer_that_waited_for_a_rotated_file_writes_to_the_new_one(log: AuditLog, tmp_path: Path) -> None:
    write(log, 1)
    moved = log.path.with_name("moved.jsonl")

    known = file._lock

    def waited(descriptor: int, end: float) -> None:
        if not moved.exists():
            log.path.rename(moved)
        known(descriptor, end)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file, "_lock", waited)
        log.start("s", FACTS)
    assert len(moved.read_bytes().splitlines()) == 2
    assert [each["session"] for each in examined(log).records] == ["s"]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP], ids=errno.errorcode.get)
def test_a_file_system_that_cannot_sync_a_folder_is_supported(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Like CIFS."""
    known = os.fsync

    def fails(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        known(descriptor)

    monkeypatch.setattr(os, "fsync", fails)
    write(log)
    assert examined(log).breaks == []


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS], ids=errno.errorcode.get)
def test_a_file_system_without_locks_is_named_as_the_reason(
    log: AuditLog, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fails(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", fails)
    with pytest.raises(NotAudited, match="its file system doesn't support locks") as refused:
        log.start("s", FACTS)
    assert "on a local disk with FUSION_AUDIT_FILE" in str(refused.value)
    assert not log.path.exists()


def test_the_default_audit_file_is_in_the_state_folder() -> None:
    assert default_path({"HOME": "/home/me"}) == Path("/home/me/.local/state/pulumi-fusion/audit.jsonl")
    xdg = {"HOME": "/home/me", "XDG_STATE_HOME": "/var/state"}
    assert default_path(xdg) == Path("/var/state/pulumi-fusion/audit.jsonl")
    # The specification: "All paths set in these environment variables must be absolute".
    assert default_path({**xdg, "XDG_STATE_HOME": "state"}) == default_path({"HOME": "/home/me"})
    assert default_path({**xdg, "FUSION_AUDIT_FILE": "/var/log/audit.jsonl"}) == Path("/var/log/audit.jsonl")
    assert default_path({**xdg, "FUSION_AUDIT_FILE": "~/audit.jsonl"}) == Path("/home/me/audit.jsonl")
    with pytest.raises(NotAudited, match=r"the relative path logs/audit\.jsonl"):
        default_path({**xdg, "FUSION_AUDIT_FILE": "logs/audit.jsonl"})
