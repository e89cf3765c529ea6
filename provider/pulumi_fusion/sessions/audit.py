"""The audit file: one JSON record a line, each chained to the one before by hash, on the disk before anything is done.

Whoever may write the file can still rewrite all of it, or cut its end off, with every hash made anew; against that,
ship the records elsewhere as they come (``pulumi-fusion audit --json``).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import pwd
import socket
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from pulumi_fusion.errors import NotAudited, capped
from pulumi_fusion.paths import NoHome, absolute, home, owner_problem
from pulumi_fusion.redaction import redact
from pulumi_fusion.sessions.terms import LONGEST, RAW

__all__ = ["AuditLog", "Break", "Examined", "default_path", "examine", "identity", "named_path"]

Record = dict[str, Any]

_FIRST: Final = "0" * 64
_CHAIN: Final = ("sequence", "event", "session", "time", "previous", "hash")
# Far more than one record: its texts are capped and so is the number of its paths.
_TAIL: Final = 256 * 1024
_LOCK_SECONDS: Final = 10.0
# What a file system answers to flock(2) or fsync(2) that it does not have.
_UNSUPPORTED: Final = frozenset(
    {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EBADF}
)


def default_path(environ: Mapping[str, str]) -> Path:
    """Return FUSION_AUDIT_FILE, or ``pulumi-fusion/audit.jsonl`` in the folder for state.

    https://specifications.freedesktop.org/basedir-spec/latest/

    Raises NotAudited for a relative path, which would be another file in each working directory, and where nothing
    names a folder.
    """
    named = environ.get("FUSION_AUDIT_FILE", "").strip()
    if named and not (named.startswith("~") or Path(named).is_absolute()):
        raise _unnamed(f"FUSION_AUDIT_FILE is the relative path {capped(named)}")
    if named:
        return named_path(named, environ)
    state = environ.get("XDG_STATE_HOME", "")
    try:
        folder = Path(state) if Path(state).is_absolute() else home(environ) / ".local" / "state"
    except NoHome as wrong:
        raise _unnamed(str(wrong)) from None
    return folder / "pulumi-fusion" / "audit.jsonl"


def named_path(path: str | os.PathLike[str], environ: Mapping[str, str]) -> Path:
    """Return a path that somebody gave, with ``~`` expanded, as an absolute one. Raises NotAudited."""
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


def identity() -> Record:
    """Who acts, as the system says and not the environment, and where."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container whose user has no name
        user = str(os.getuid())
    return {"os_user": user, "uid": os.getuid(), "host": socket.gethostname(), "pid": os.getpid(), "born": _born()}


def _born(pid: int | None = None) -> str | None:
    """When a process began, as the kernel counts it, to tell it from a later one with the same number."""
    try:
        return Path(f"/proc/{pid or os.getpid()}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


class AuditLog:
    """The audit file at ``path``, made with mode 0600 where it does not exist. Safe for several processes at once."""

    def __init__(self, path: Path) -> None:
        # The end of a session is written where its start is, whatever the working directory is by then.
        self.path = path.absolute()

    def append(self, event: str, session: str, facts: Mapping[str, Any]) -> None:
        """Write a record and see it on the disk. Raises NotAudited; the file is then as it was."""
        try:
            with self._locked() as (descriptor, end):
                record = _record(event, session, facts, _last(descriptor, end))
                line = (json.dumps(record, ensure_ascii=True) + "\n").encode()
                # A line that a crash cut short stays as it is, for examine() to tell, and the next begins anew.
                torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
                self._write(descriptor, end, b"\n" + line if torn else line)
        except OSError as wrong:
            raise self._refused(wrong) from None

    def close_dead(self) -> list[str]:
        """Note the sessions without an end that cannot run any more, and return a sentence on each.

        Raises NotAudited.
        """
        told = []
        for start in self._unclosed():
            who = {name: value for name, value in start.items() if name not in _CHAIN}
            self.append("unclosed", start["session"], {**who, "ended": "no end was written: found at a later start"})
            told.append(
                f"the audit holds a session without an end: inside {start.get('customer')!r} by "
                f"{start.get('os_user')!r} since {capped(str(start.get('time')))} ({_left_of(start)})"
            )
        return told

    def _unclosed(self) -> list[Record]:
        try:
            if not self.path.exists():
                return []
            with self._locked() as (descriptor, end):
                lines = os.pread(descriptor, end, 0).splitlines()
        except OSError as wrong:
            raise self._refused(wrong) from None
        return [record for record in examine(lines).open if not _runs(record)]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[tuple[int, int]]:
        """The open file and its length, alone."""
        descriptor = self._opened()
        try:
            self._lock(descriptor)
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid():
                raise OSError(errno.EPERM, "it is no plain file of this user")
            if found.st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
            yield descriptor, found.st_size
        finally:
            with contextlib.suppress(OSError):
                # Also for a child that was forked meanwhile, whose copy of the descriptor would keep the lock.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def _opened(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        with contextlib.suppress(FileNotFoundError):
            return os.open(self.path, flags)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, flags | os.O_CREAT, 0o600)
        _sync_folder(self.path.parent)
        return descriptor

    @staticmethod
    def _lock(descriptor: int) -> None:
        """Wait for a writer that is at it; one that hangs is no reason to hang as well."""
        end = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise OSError(errno.EBUSY, "another process holds it") from None
                time.sleep(0.05)
            except OSError as wrong:
                if wrong.errno not in _UNSUPPORTED:
                    raise
                why = f"its file system has no locks ({wrong.strerror}), so that two sessions could break the chain"
                raise OSError(wrong.errno, why) from None

    @staticmethod
    def _write(descriptor: int, end: int, line: bytes) -> None:
        try:
            written = os.write(descriptor, line)
            os.fsync(descriptor)
            if written < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - as a full disk does otherwise
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, end)
            raise

    def _refused(self, wrong: OSError) -> NotAudited:
        owner = owner_problem(self.path, os.environ) if wrong.errno in (errno.EACCES, errno.EPERM) else ""
        return NotAudited(
            "write the audit record",
            f"{self.path}: {wrong.strerror or type(wrong).__name__}",
            next_step=" ".join(
                filter(
                    None,
                    (
                        "No session runs without one.",
                        owner,
                        "Free the file, or name another on a local disk with FUSION_AUDIT_FILE or --audit-file.",
                    ),
                )
            ),
        )


def _sync_folder(folder: Path) -> None:
    """See a new file's name on the disk. Some file systems, such as CIFS, cannot sync a folder and need not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as wrong:
        if wrong.errno not in _UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)


def _record(event: str, session: str, facts: Mapping[str, Any], last: tuple[int, str]) -> Record:
    sequence, previous = last
    told = {name: redact(value) if isinstance(value, str) else value for name, value in facts.items()}
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record = {"sequence": sequence + 1, "event": event, "session": session, "time": now, **told, "previous": previous}
    return {**record, "hash": _hash(record)}


def _hash(record: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in record.items() if name != "hash"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _last(descriptor: int, end: int) -> tuple[int, str]:
    """Sequence and hash of the last record that is whole."""
    begin = max(0, end - _TAIL)
    for line in reversed(os.pread(descriptor, end - begin, begin).splitlines()):
        record = _read(line)
        if record is not None:
            return record["sequence"], record["hash"]
    if end:
        raise OSError(errno.EINVAL, "it holds something else than audit records")
    return 0, _FIRST


def _read(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or type(record.get("sequence")) is not int:
        return None
    return record if isinstance(record.get("hash"), str) and isinstance(record.get("session"), str) else None


@dataclass(frozen=True)
class Break:
    """Where the chain does not hold: the number of the line, from 1, and what is wrong with it."""

    line: int
    what: str


@dataclass(frozen=True)
class Examined:
    """What an audit file says: its records, where its chain breaks, and the start records without an end."""

    records: Sequence[Record]
    breaks: Sequence[Break]
    open: Sequence[Record]


def examine(lines: Sequence[bytes]) -> Examined:
    """Read an audit file and hold its chain. Nothing raises: whatever is wrong is a break."""
    records: list[Record] = []
    breaks: list[Break] = []
    started: dict[str, Record] = {}
    sequence, previous = 0, _FIRST
    for number, line in enumerate(lines, start=1):
        record = _read(line)
        if record is None:
            breaks.append(Break(number, "it is no audit record, or was cut short"))
            continue
        if record["hash"] != _hash(record):
            breaks.append(Break(number, "it was changed after it was written"))
        elif record.get("previous") != previous or record["sequence"] != sequence + 1:
            breaks.append(Break(number, "records before it were removed, added or moved"))
        sequence, previous = record["sequence"], record["hash"]
        records.append(record)
        if record.get("event") == "start":
            started[record["session"]] = record
        else:
            started.pop(record["session"], None)
    return Examined(records, breaks, [*started.values()])


def _left_of(start: Record) -> str:
    if start.get("mode") == RAW:
        return "it is over, but the raw token that it handed out may still work"
    return "it is over, and so is its access"


def _runs(start: Record) -> bool:
    """Whether the process that wrote the start may be there still; that of another machine, or of a container that is
    gone, has no longer than any session.
    """
    if start.get("host") != socket.gethostname():
        return not _long_ago(start.get("time"))
    pid = start.get("pid")
    if type(pid) is not int or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return start.get("born") in (None, _born(pid))


def _long_ago(when: object) -> bool:
    try:
        began = datetime.fromisoformat(str(when).replace("Z", "+00:00"))
        return datetime.now(timezone.utc) - began > LONGEST + timedelta(minutes=5)  # clocks differ
    except (ValueError, TypeError):  # no time, or one without a zone
        return True
