"""The audit file on the disk: find its path, check that it is fit, lock it, and read and append records."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pulumi_fusion.errors import NotAudited, capped
from pulumi_fusion.paths import NoHomeError, absolute, home
from pulumi_fusion.sessions.audit.chain import LONGEST_LINE, SHORTEST_LINE, ChainEnd, Record, last_record, line_of

__all__ = ["AuditFile", "UnfitFileError", "default_path", "locked", "named_path", "read", "sync_folder"]

LOCK_SECONDS: Final = 10.0
_READER_SECONDS: Final = 2.0
_BLOCK: Final = 256 * 1024
_LARGEST: Final = 256 * 1024 * 1024
# Errors of flock(2) or fsync(2) on a file system that doesn't support them.
UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EBADF})
_FLAGS: Final = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_KINDS: Final = {
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class UnfitFileError(OSError):
    """The file at the path can't be the audit file; ``remedy`` is a sentence on what to do, or ""."""

    def __init__(self, why: str, remedy: str = "") -> None:
        super().__init__(errno.EINVAL, why)
        self.remedy = remedy


def default_path(environ: Mapping[str, str]) -> Path:
    """Return FUSION_AUDIT_FILE, or ``pulumi-fusion/audit.jsonl`` in the folder for state.

    https://specifications.freedesktop.org/basedir-spec/latest/

    Raises NotAudited for a relative path, which would be another file in each working directory, and for a user without
    a home.
    """
    named = environ.get("FUSION_AUDIT_FILE", "").strip()
    if named and not (named.startswith("~") or Path(named).is_absolute()):
        raise _unnamed(f"FUSION_AUDIT_FILE is the relative path {capped(named)}")
    if named:
        return named_path(named, environ)
    state = environ.get("XDG_STATE_HOME", "")
    try:
        folder = Path(state) if Path(state).is_absolute() else home(environ) / ".local" / "state"
    except NoHomeError as wrong:
        raise _unnamed(str(wrong)) from None
    return folder / "pulumi-fusion" / "audit.jsonl"


def named_path(path: str | os.PathLike[str], environ: Mapping[str, str]) -> Path:
    """Return the absolute path, with ``~`` expanded. Raises NotAudited for the home of an unknown user."""
    try:
        return absolute(path, environ)
    except ValueError as wrong:
        raise _unnamed(str(wrong)) from None


def _unnamed(why: str) -> NotAudited:
    return NotAudited(
        "find the audit file",
        why,
        next_step="No session runs without one. Set FUSION_AUDIT_FILE to an absolute path.",
    )


@dataclass(frozen=True)
class AuditFile:
    """An open audit file that this process has locked."""

    path: Path
    descriptor: int

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return os.fstat(self.descriptor).st_size

    def lines_backwards(self) -> Iterator[bytes]:
        """Yield the lines that may be records from the last to the first, read in blocks.

        A line that is too long for a record is cut.
        """
        begin, rest = self.size, b""
        while begin > 0:
            end, begin = begin, max(0, begin - _BLOCK)
            first, *others = (os.pread(self.descriptor, end - begin, begin) + rest).split(b"\n")
            yield from [line for line in reversed(others) if len(line) >= SHORTEST_LINE]
            rest = first[: LONGEST_LINE + 1]
        yield rest

    def last(self) -> ChainEnd:
        """Return the end of the chain. Raises UnfitFileError for a file that isn't empty and has no record."""
        record = last_record(self.lines_backwards())
        if record is not None:
            return ChainEnd(record["sequence"], record["hash"])
        if self.size:
            raise UnfitFileError(
                "it contains no audit record, so it may be another file of yours",
                f"Nothing in it was changed. If it was the audit, move it away: `mv {self.path} {self.path}.damaged`.",
            )
        return ChainEnd()

    def is_at_its_path(self) -> bool:
        """Return whether the path still names this file."""
        return _is_at(self.path, self.descriptor)

    def read(self) -> bytes:
        """Return all of it."""
        return _all_of(self.descriptor)

    def append(self, *records: Record) -> None:
        """Append the records and sync them. Raises OSError; the file is unchanged then."""
        end, lines = self.size, [line_of(record) for record in records]
        if any(len(line) > LONGEST_LINE for line in lines):
            raise UnfitFileError("a record of it would be too long to be read again")
        text = b"".join(line + b"\n" for line in lines)
        # A line that a crash cut short is kept, so that examine() reports it, and the next record begins a new line.
        torn = end > 0 and os.pread(self.descriptor, 1, end - 1) != b"\n"
        self.make_private()
        write_all(self.descriptor, b"\n" + text if torn else text, undo_to=end)

    def make_private(self) -> None:
        """Remove the permissions of group and others."""
        if os.fstat(self.descriptor).st_mode & 0o077:
            os.fchmod(self.descriptor, 0o600)


@contextlib.contextmanager
def locked(path: Path, *, create: bool = True) -> Iterator[AuditFile]:
    """Open and lock the audit file; create it with mode 0600 if it doesn't exist.

    Everything is checked before anything is changed. Raises OSError; FileNotFoundError without ``create``. A file that
    was created here and is still empty is removed at the end.
    """
    descriptor, created = _opened_alone(path, create=create)
    try:
        yield AuditFile(path, descriptor)
    finally:
        _close(path, descriptor, created=created)


def _opened_alone(path: Path, *, create: bool) -> tuple[int, bool]:
    end = time.monotonic() + LOCK_SECONDS
    while True:
        descriptor, created = _opened(path, create=create)
        try:
            _lock(descriptor, end)
            _check(os.fstat(descriptor), path)
        except OSError as wrong:
            # A file that another process has locked is not removed.
            _close(path, descriptor, created=created and wrong.errno != errno.EBUSY)
            raise
        # It may have been moved to an archive while this process waited.
        if _is_at(path, descriptor):
            return descriptor, created
        _unlock(descriptor)
        if time.monotonic() > end:
            raise UnfitFileError("another process keeps replacing it")


def _close(path: Path, descriptor: int, *, created: bool) -> None:
    with contextlib.suppress(OSError):
        if created and os.fstat(descriptor).st_size == 0 and _is_at(path, descriptor):
            path.unlink()
    _unlock(descriptor)


def _opened(path: Path, *, create: bool) -> tuple[int, bool]:
    """Return a descriptor, and whether the file was created here."""
    flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | _FLAGS
    while True:
        with contextlib.suppress(FileNotFoundError):
            # Before it is opened: opening a device may have an effect.
            _check_kind(path.lstat())
            return os.open(path, flags), False
        if not create:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        _make_folders(path.parent)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
            sync_folder(path.parent)
            return descriptor, True


def _check(found: os.stat_result, path: Path) -> None:
    """Raise OSError unless it is a regular file of this user in a folder where not every user may replace it."""
    _check_kind(found)
    if found.st_uid != os.getuid():
        raise PermissionError(errno.EPERM, "it belongs to another user")
    if found.st_size > _LARGEST:
        raise _too_large(found, path)
    _check_folder(path.parent)


def _too_large(found: os.stat_result, path: Path) -> UnfitFileError:
    return UnfitFileError(
        f"it has {found.st_size} bytes, and at most {_LARGEST} are read",
        f"If it is the audit, move it away: `mv {path} {path}.large`.",
    )


def _check_kind(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise UnfitFileError(f"it is {_KINDS.get(stat.S_IFMT(found.st_mode), 'something else')}, not a regular file")


def _check_folder(folder: Path) -> None:
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        raise UnfitFileError(
            f"every user may replace the files in the folder {folder}",
            f"Remove that permission (`chmod o-w {folder}`) or choose another folder.",
        )


def _make_folders(folder: Path) -> None:
    """Create the missing folders, each with mode 0700, which ``mkdir(parents=True)`` sets only for the last."""
    missing = []
    for each in (folder, *folder.parents):
        if each.exists():
            break
        missing.append(each)
    if not missing:
        _check_folder(folder)
    for each in reversed(missing):
        with contextlib.suppress(FileExistsError):
            each.mkdir(mode=0o700)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _lock(descriptor: int, end: float, *, operation: int = fcntl.LOCK_EX) -> None:
    """Lock it; wait until ``end`` for another process that has locked it. Raises OSError."""
    while True:
        try:
            return fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise OSError(errno.EBUSY, "another process has locked it") from None
            time.sleep(0.02)
        except OSError as wrong:
            if wrong.errno not in UNSUPPORTED:
                raise
            why = f"its file system doesn't support locks ({wrong.strerror}), so two sessions could break the chain"
            raise OSError(wrong.errno, why) from None


def _unlock(descriptor: int) -> None:
    """Unlock and close it: a child that was forked meanwhile has a copy, which would keep the lock."""
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def write_all(descriptor: int, text: bytes, *, undo_to: int) -> None:
    """Write and sync, or truncate the file to the length ``undo_to`` and raise OSError."""
    try:
        written = os.write(descriptor, text)
        os.fsync(descriptor)
        if written < len(text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - as a full disk does otherwise
    except OSError:
        with contextlib.suppress(OSError):
            if os.fstat(descriptor).st_size > undo_to:
                os.ftruncate(descriptor, undo_to)
        raise


def sync_folder(folder: Path) -> None:
    """Sync the name of a new file, unless the file system can't sync a folder, such as CIFS, which needs no sync."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as wrong:
        if wrong.errno not in UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)


def read(path: Path) -> bytes:
    """Return all bytes of an audit file or archive. Raises OSError, also for a pipe or device, without waiting."""
    _check_kind(path.stat())
    descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    try:
        found = os.fstat(descriptor)
        _check_kind(found)
        if found.st_size > _LARGEST:
            raise _too_large(found, path)
        # So that no half-written record is read. A process that keeps the lock for longer doesn't block readers.
        with contextlib.suppress(OSError):
            _lock(descriptor, time.monotonic() + _READER_SECONDS, operation=fcntl.LOCK_SH)
        return _all_of(descriptor)
    finally:
        _unlock(descriptor)


def _all_of(descriptor: int) -> bytes:
    parts, place = [], 0
    while part := os.pread(descriptor, _BLOCK, place):
        parts.append(part)
        place += len(part)
    return b"".join(parts)
