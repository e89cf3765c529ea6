"""Move an audit file to an archive in the same folder, and begin a new one that continues its chain."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from pulumi_fusion.sessions.audit.chain import (
    CARRIED,
    ROTATED,
    Break,
    ChainEnd,
    Examined,
    Record,
    examine,
    hash_of_start,
    later_record,
    line_of,
    new_record,
)
from pulumi_fusion.sessions.audit.file import AuditFile, UnfitFileError, locked, read, sync_folder, write_all
from pulumi_fusion.sessions.audit.liveness import STARTED, identity

__all__ = ["Archive", "archive_of", "rotate"]

# Errors of link(2) on a file system without hard links.
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@dataclass(frozen=True)
class Archive:
    """An archive at ``path``: its content, or None if it can't be read, and what is ``wrong`` with it."""

    path: Path
    content: Examined | None
    wrong: Break | None = None


def rotate(path: Path) -> Archive:
    """Move the file at ``path`` to an archive in its folder, and begin a new one that continues its chain.

    There is a complete file at the path at any time: the archive is a second name of the old file, until the new one
    replaces it. A process that waited for the lock then notices that it opened the archive, and opens the path again.

    Raises OSError; nothing has changed then. FileNotFoundError if there is no file at ``path``.
    """
    with locked(path, create=False) as file:
        if not file.size:
            raise UnfitFileError("it is empty, so there is nothing to move", "The next session begins its chain in it.")
        last = file.last()
        content = examine(file.read())
        file.make_private()
        archive = _archived(file)
        try:
            sync_folder(path.parent)
            _begin_new_file(path, _first_records(archive, content, last))
        except BaseException:
            # After an interrupt the new file may be at the path already: then the archive is the only name of the old
            # one.
            if file.is_at_its_path():
                with contextlib.suppress(OSError):
                    archive.unlink()
            raise
        sync_folder(path.parent)
    return Archive(archive, content)


def _archived(file: AuditFile) -> Path:
    """Give the file a second, unused name, and return that."""
    names = _names(file.path)
    while True:
        archive = next(names)
        with contextlib.suppress(FileExistsError):
            _linked(file, archive)
            return archive


def _linked(file: AuditFile, archive: Path) -> None:
    """Make ``archive`` a hard link to the file, or a copy if the file system has no hard links."""
    try:
        os.link(file.path, archive, follow_symlinks=False)
    except OSError as wrong:
        if wrong.errno not in _NO_LINKS:
            raise
        _copied(file, archive)


def _names(path: Path) -> Iterator[Path]:
    """Yield possible names of the archive: with the time in UTC, and from the second one on with a number."""
    now = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
    yield path.with_name(f"{path.stem}-{now}{path.suffix}")
    for number in itertools.count(2):
        yield path.with_name(f"{path.stem}-{now}-{number}{path.suffix}")


def _copied(file: AuditFile, archive: Path) -> None:
    descriptor = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, file.read(), undo_to=0)
    except BaseException:
        archive.unlink()
        raise
    finally:
        os.close(descriptor)


def _first_records(archive: Path, content: Examined, last: ChainEnd) -> list[Record]:
    """Return the record of the rotation, and one for each session without an end.

    A single record of all these sessions could exceed the length of a record.
    """
    facts = {**identity(), "archive": archive.name, "breaks": len(content.breaks)}
    records = [new_record(ROTATED, "", facts, last)]
    for start in content.open:
        since = start.get(STARTED, start.get("time"))
        carried = {STARTED: since, "start_hash": hash_of_start(start)}
        records.append(later_record(CARRIED, start, carried, ChainEnd(records[-1]["sequence"], records[-1]["hash"])))
    return records


def _begin_new_file(path: Path, records: list[Record]) -> None:
    """Replace the file at ``path`` by a synced one with these records."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
    try:
        try:
            write_all(descriptor, b"".join(line_of(record) + b"\n" for record in records), undo_to=0)
        finally:
            os.close(descriptor)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def archive_of(path: Path, found: Examined) -> Archive | None:
    """Return the archive that the file at ``path`` continues, or None. Never raises.

    An archive in the same folder must end with the record that the file continues from.
    """
    rotated = found.rotated
    if rotated is None:
        return None
    name = str(rotated.get("archive"))
    if not name.isprintable() or name in ("", ".", "..") or "/" in name:
        return Archive(path, None, Break(1, "it names no archive"))  # a forged name must not read another folder
    archive = path.with_name(name)
    try:
        content = examine(read(archive))
    except FileNotFoundError:
        return Archive(archive, None)
    except OSError as wrong:
        return Archive(archive, None, Break(1, f"the archive {archive} can't be read: {wrong.strerror}"))
    ends = ChainEnd(content.records[-1]["sequence"], content.records[-1]["hash"]) if content.records else ChainEnd()
    if ends.follows(rotated):
        return Archive(archive, content)
    what = f"it doesn't continue the archive {archive}, which was cut or changed after the rotation"
    return Archive(archive, content, Break(1, what))
