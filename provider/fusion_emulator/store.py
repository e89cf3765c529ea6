"""The state on disk: one JSON file, replaced as a whole, used by one emulator at a time."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import json
import logging
import os
import tempfile
from pathlib import Path
from typing import IO, Any, TypeVar

from fusion_emulator.state import Account, ApiKey, Mail, Session, State, User

__all__ = ["StateFile", "StateFileBusy", "StateFileUnreadable"]

FORMAT = 1

T = TypeVar("T")

_log = logging.getLogger(__name__)

# The errors of a file system, such as a network mount, without flock(2) or without fsync(2) of a directory.
_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EBADF}


class StateFileBusy(RuntimeError):
    """Another emulator uses this state file."""


class StateFileUnreadable(RuntimeError):
    """The file was not written by an emulator of this format."""


class StateFile:
    """The state file of one emulator, from construction to ``close``."""

    def __init__(self, path: Path) -> None:
        """Lock the file.

        Raises:
            StateFileBusy: Another process has locked it.
        """
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
        """Return the stored state, None if there is none yet, or raise StateFileUnreadable."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            return _state(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise StateFileUnreadable(
                f"{self.path} is not a state file of this emulator; remove it or choose another state file"
            ) from None

    def save(self, state: State) -> None:
        """Replace the content of the file by this state, at once and durably."""
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
        """Unlock the file."""
        self._lock.close()


def _state(document: dict[str, Any]) -> State:
    if document["format"] != FORMAT:
        raise ValueError("another format")
    return State(
        root=document["root"],
        signing_key=document["signing_key"],
        accounts={
            id_: _value(Account, {**each, "allowed_ips": tuple(each["allowed_ips"])})
            for id_, each in document["accounts"].items()
        },
        users={id_: _value(User, {**each, "roles": tuple(each["roles"])}) for id_, each in document["users"].items()},
        keys=tuple(_value(ApiKey, {**each, "roles": tuple(each["roles"])}) for each in document["keys"]),
        mails=tuple(_value(Mail, each) for each in document["mails"]),
        sessions={
            id_: _value(Session, each)
            for id_, each in document["sessions"].items()
            # Earlier releases also stored refresh tokens and the logins of users.
            if each.get("kind") != "refresh" and each["appname"] is not None
        },
        seen=document["seen"],
        next_port=document["next_port"],
    )


def _value(kind: type[T], fields: dict[str, Any]) -> T:
    """Return a value without the fields that only earlier releases had."""
    known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]  # each kind is a dataclass
    return kind(**{name: value for name, value in fields.items() if name in known})
