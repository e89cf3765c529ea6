"""The state on disk: one JSON file, replaced whole, owned by one emulator at a time."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import json
import logging
import os
import tempfile
from pathlib import Path
from typing import IO, Any

from fusion_emulator.accounts import Account, ApiKey, Mail, Permission, Role, Session, State, User

__all__ = ["StateFile", "StateFileBusy", "StateFileUnreadable"]

FORMAT = 1

_log = logging.getLogger(__name__)

# What a file system, such as a network mount, answers to flock(2) or to fsync(2) of a directory that it does not have.
_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EBADF}


class StateFileBusy(RuntimeError):
    """Another emulator works on this state file."""


class StateFileUnreadable(RuntimeError):
    """The file is none that an emulator of this release wrote."""


class StateFile:
    """Holds the file from construction to ``close``; raises StateFileBusy when another process does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        # The lock is a file of its own: the state file is replaced by rename, and a lock would go with the old inode.
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        self._lock: IO[bytes] = os.fdopen(lock, "r+b", buffering=0)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise StateFileBusy(
                f"{path} is in use by another emulator; stop that one or choose another state file"
            ) from None
        except OSError as wrong:
            if wrong.errno not in _UNSUPPORTED:
                self._lock.close()
                raise
            _log.warning(
                "The file system of %s has no locks (%s): a second emulator on this state file would overwrite what "
                "this one keeps.",
                path,
                wrong.strerror,
            )

    def load(self) -> State | None:
        """The stored state, None when there is none yet; raises StateFileUnreadable."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            return _state(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StateFileUnreadable(
                f"{self.path} is no state of this emulator; remove it or choose another state file"
            ) from None

    def save(self, state: State) -> None:
        """The file holds exactly this state when the call returns, and never half of one."""
        document = {"format": FORMAT, **dataclasses.asdict(state)}
        # mkstemp creates with mode 0600.
        descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(document, file, separators=(",", ":"))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        # The rename itself is durable only with its directory: fsync(2).
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        except OSError as wrong:
            if wrong.errno not in _UNSUPPORTED:
                raise
        finally:
            os.close(directory)

    def close(self) -> None:
        """Lets others have the file."""
        self._lock.close()


def _state(document: dict[str, Any]) -> State:
    if document["format"] != FORMAT:
        raise ValueError("another format")
    return State(
        root=document["root"],
        signing_key=document["signing_key"],
        accounts={
            id_: Account(**{**each, "allowed_ips": tuple(each["allowed_ips"])})
            for id_, each in document["accounts"].items()
        },
        users={id_: User(**{**each, "roles": tuple(each["roles"])}) for id_, each in document["users"].items()},
        keys=tuple(ApiKey(**{**each, "roles": tuple(each["roles"])}) for each in document["keys"]),
        roles={
            id_: Role(**{**each, "permissions": tuple(Permission(**one) for one in each["permissions"])})
            for id_, each in document["roles"].items()
        },
        mails=tuple(Mail(**each) for each in document["mails"]),
        sessions={id_: Session(**each) for id_, each in document["sessions"].items()},
        seen=document["seen"],
        next_port=document["next_port"],
    )
