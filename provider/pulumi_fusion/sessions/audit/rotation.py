"""Moving an audit file to an archive in the same folder, and beginning a new one that continues its chain."""

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
    Examined,
    Last,
    Record,
    examine,
    hash_of_start,
    later_record,
    line_of,
    new_record,
)
from pulumi_fusion.sessions.audit.file import AuditFile, Unfit, locked, read, sync_folder, write_all
from pulumi_fusion.sessions.audit.liveness import STARTED, identity

__all__ = ["Archive", "archive_of", "rotate"]

# What a file system answers to link(2) that has no hard links.
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@dataclass(frozen=True)
class Archive:
    """An archive at ``path``: what was in it, or what is ``wrong`` with its end as seen from the file after it."""

    path: Path
    held: Examined | None
    wrong: Break | None = None


def rotate(path: Path) -> Archive:
    """Move the file at ``path`` to an archive in its folder, and begin a new one that continues its chain.

    At every moment a whole file is at the path: the archive is a second name of the old one, until the new one takes
    its place. A process that waits to write then finds that it holds the archive, and opens the path again.

    Raises OSError; nothing has changed then. FileNotFoundError where no file is at ``path``.
    """
    with locked(path, create=False) as file:
        if not file.size:
            raise Unfit("it is empty, so there is nothing to move", "The next session begins its chain in it.")
        last = file.last()
        held = examine(file.read())
        file.make_private()
        archive = _archived(file)
        try:
            sync_folder(path.parent)
            _begin_anew(path, _first_records(archive, held, last))
        except BaseException:
            # An interrupt may come when the new file is there already: then the archive is all that is left of the old.
            if file.is_at_its_path():
                with contextlib.suppress(OSError):
                    archive.unlink()
            raise
        sync_folder(path.parent)
    return Archive(archive, held)


def _archived(file: AuditFile) -> Path:
    """Give the file a second name that is free, and return it."""
    names = _names(file.path)
    while True:
        archive = next(names)
        with contextlib.suppress(FileExistsError):
            _linked(file, archive)
            return archive


def _linked(file: AuditFile, archive: Path) -> None:
    """Make ``archive`` a hard link to the file, or a copy of it where the file system has no hard links."""
    try:
        os.link(file.path, archive, follow_symlinks=False)
    except OSError as wrong:
        if wrong.errno not in _NO_LINKS:
            raise
        _copied(file, archive)


def _names(path: Path) -> Iterator[Path]:
    """Yield the names of archives: with the time in UTC, and a number from the second one of the same second on."""
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


def _first_records(archive: Path, held: Examined, last: Last) -> list[Record]:
    """The record of the rotation, and one for each session that has no end yet.

    One record with all of them could become longer than any record may be.
    """
    facts = {**identity(), "archive": archive.name, "breaks": len(held.breaks)}
    records = [new_record(ROTATED, "", facts, last)]
    for start in held.open:
        since = start.get(STARTED, start.get("time"))
        carried = {STARTED: since, "start_hash": hash_of_start(start)}
        records.append(later_record(CARRIED, start, carried, Last(records[-1]["sequence"], records[-1]["hash"])))
    return records


def _begin_anew(path: Path, records: list[Record]) -> None:
    """Put a synced file with these records in the place of the one at ``path``."""
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
    """Return the archive that the file at ``path`` continues, None where it continues none.

    Where it is in the same folder, it must end with the record that the file goes on from. Nothing raises.
    """
    rotated = found.rotated
    if rotated is None:
        return None
    name = str(rotated.get("archive"))
    if not name.isprintable() or name in ("", ".", "..") or "/" in name:
        return Archive(path, None, Break(1, "it names no archive"))  # a forged name leads to no other folder
    archive = path.with_name(name)
    try:
        held = examine(read(archive))
    except FileNotFoundError:
        return Archive(archive, None)
    except OSError as wrong:
        return Archive(archive, None, Break(1, f"the archive {archive} can't be read: {wrong.strerror}"))
    ends = Last(held.records[-1]["sequence"], held.records[-1]["hash"]) if held.records else Last()
    if ends.follows(rotated):
        return Archive(archive, held)
    what = f"it doesn't continue the archive {archive}, which was cut or changed after the rotation"
    return Archive(archive, held, Break(1, what))
